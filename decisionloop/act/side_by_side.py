"""What every release says of the same rows, side by side: champion, challengers in shadow and rules, valued in money.

A release that fails is a record of its own and never an exception: a challenger must not touch a customer, and where
the champion fails the rules decide.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pandas as pd
import pyarrow as pa

from decisionloop.act.action_names import actions_by_name
from decisionloop.act.canary import OnTrial
from decisionloop.act.economics import action_values
from decisionloop.act.identity import decision_id_array
from decisionloop.act.preference import preferred_action, reach_of
from decisionloop.act.time_limit import CHALLENGERS, TimeIsUp
from decisionloop.act.turn import salt_of
from decisionloop.contract import UseCase
from decisionloop.metering import Meter, Scope, StageCost
from decisionloop.predict.few_rows import ids_of
from decisionloop.predict.logged_scores import leading_scores, reason_codes, rules_reason_codes
from decisionloop.predict.release_model import ReleaseModel, predict, supported_actions
from decisionloop.predict.rules import RulesChoice


@dataclass(frozen=True)
class ScoringRelease:
    """A model that is to score: its release, and how to get it, which may fail like the scoring itself."""

    release_id: str
    load: Callable[[], ReleaseModel]


@dataclass(frozen=True)
class Contenders:
    """Who speaks of the same rows: the rules, the model that decides (None where rules do), challengers beside it.

    ``on_trial``: the challenger that decides for some of the rows, None where none does. A challenger that does not
    answer within ``seconds`` (None: the contract's `shadow.maximum_seconds`) has failed, and nobody waits for it any
    longer. ``are_rules_stopped``: whether the default action has the rules' place. ``are_beside``: challengers are
    asked while the champion is, whose look-ups in its tables need no Python; what each takes is then measured less
    well.
    """

    rules: RulesChoice
    champion: ScoringRelease | None
    shadows: Sequence[ScoringRelease]
    on_trial: OnTrial | None = None
    seconds: float | None = None
    are_rules_stopped: bool = False
    are_beside: bool = False


@dataclass(frozen=True)
class ReleaseRun:
    """How a model fared on one part of a batch; ``nan_rows`` are those of which it values some action at NaN."""

    release_id: str
    error: str | None
    rows: int
    nan_rows: int
    milliseconds: float

    def __add__(self, other: ReleaseRun) -> ReleaseRun:
        """Two parts together: one part's failure is the batch's."""
        return replace(
            self,
            error=self.error or other.error,
            rows=self.rows + other.rows,
            nan_rows=self.nan_rows + other.nan_rows,
            milliseconds=self.milliseconds + other.milliseconds,
        )

    @property
    def failure(self) -> str:
        """What kept it from deciding in words, "" where nothing did."""
        if self.error:
            return self.error
        return "it could not value a single row" if self.rows and self.nan_rows == self.rows else ""


@dataclass(frozen=True)
class PartScores:
    """What was said of n rows, and what saying it took.

    ``scores``, a row a decision in the order of the frame: ``decision_id``, the rules' ``rules_action`` (by name) and
    ``rules_reason_codes`` and, where the champion is a model that did not fail, ``score``, ``amount``,
    ``value:<action>``, ``reason_codes`` and ``latency_ms``, and ``supported:<action>`` where it may not decide
    everywhere; the same of a challenger on trial that did not fail, their names after ``canary:``, with reasons where
    it decides alone. ``predictions``, a row a decision and release in shadow:
    ``row``, ``release_id``, ``score``, ``amount``, ``value:<action>`` and the preferred ``action`` (by name).
    ``champion``: how the deciding model fared, None where rules decide.
    """

    scores: pa.Table
    predictions: pa.Table
    champion: ReleaseRun | None
    shadows: tuple[ReleaseRun, ...]
    costs: tuple[StageCost, ...]


def value_side_by_side(
    use_case: UseCase, frame: pd.DataFrame, as_of: datetime, contenders: Contenders, scope: Scope
) -> PartScores:
    """Score n rows with the champion, if it is a model, and every release in shadow, beside the rules."""
    rules = contenders.rules
    columns: dict[str, pa.Array | np.ndarray] = {
        "decision_id": decision_id_array(use_case.name, ids_of(frame, use_case.entity.key), as_of),
        "rules_action": actions_by_name(use_case, rules.action),
        "rules_reason_codes": rules_reason_codes(rules.reasons),
    }
    costs: list[StageCost] = []
    place = np.full_like(rules.action, use_case.default_action) if contenders.are_rules_stopped else rules.action
    run, ruled = None, _Ruled(rules.action, place)
    begin = CHALLENGERS.begin if contenders.are_beside else CHALLENGERS.later
    asked = [
        begin(one.release_id, functools.partial(_shadow, use_case, frame, one, ruled, scope, contenders.on_trial))
        for one in contenders.shadows
    ]
    if contenders.champion is not None:
        run, told, spent = _champion(use_case, frame, contenders.champion, ruled, scope)
        columns |= told
        costs += spent
    seconds = contenders.seconds or use_case.shadow.maximum_seconds
    answers = [
        _in_time(one.release_id, wait, len(frame), seconds) for one, wait in zip(contenders.shadows, asked, strict=True)
    ]
    tables = [one.table for one in answers if one.table is not None]
    for one in answers:
        columns |= {f"canary:{name}": column for name, column in one.on_trial.items()}
    return PartScores(
        pa.table(columns),
        pa.concat_tables(tables) if tables else pa.table({"row": pa.array([], pa.int32())}),
        run,
        tuple(one.run for one in answers),
        (*costs, *(one.cost for one in answers)),
    )


@dataclass(frozen=True)
class _Ruled:
    """What the rules would do (n,), and what a model does where it has no say: the same, unless they are stopped."""

    action: np.ndarray
    baseline: np.ndarray


@dataclass(frozen=True)
class _Answer:
    """What one model says of n rows: its table's columns, its preferred action, its values (n, A), where it may decide.

    ``supported`` (n, A) is None for a model that may everywhere.
    """

    columns: dict[str, pa.Array | np.ndarray]
    action: np.ndarray
    values: np.ndarray
    supported: np.ndarray | None

    @property
    def nan_rows(self) -> int:
        return int(np.isnan(self.values).any(axis=1).sum())


def _answer(use_case: UseCase, frame: pd.DataFrame, model: ReleaseModel, ruled: _Ruled) -> _Answer:
    predictions = predict(use_case, model, frame)
    values = action_values(use_case, frame, predictions)
    supported = supported_actions(use_case, model, frame, ruled.action)
    action = preferred_action(use_case, frame, values, reach_of(use_case, frame, ruled.baseline, supported))
    probability, amount = leading_scores(use_case, predictions, action)
    columns: dict[str, pa.Array | np.ndarray] = {
        "score": pa.array(probability, from_pandas=True),
        "amount": pa.array(amount, from_pandas=True),
    }
    columns |= {f"value:{name}": values[:, i] for i, name in enumerate(use_case.action_names)}
    return _Answer(columns, action, values, supported)


def _champion(
    use_case: UseCase, frame: pd.DataFrame, release: ScoringRelease, ruled: _Ruled, scope: Scope
) -> tuple[ReleaseRun, dict[str, pa.Array | np.ndarray], list[StageCost]]:
    """How the champion fared, its columns of ``scores`` (none where it failed), what scoring and explaining took."""
    started, rows, nan_rows, error = time.perf_counter(), len(frame), 0, None
    told: dict[str, pa.Array | np.ndarray] = {}
    with Meter("score", release.release_id, scope) as scoring:
        try:
            model = release.load()
            answer = _answer(use_case, frame, model, ruled)
        except Exception as failure:  # whatever it is, the rules decide and people are told
            error = _words(failure)
        scoring.add(rows=rows)
    with Meter("explain", release.release_id, scope) as explaining:
        if error is None:
            try:
                reasons = reason_codes(use_case, model, frame, answer.action)
                told = answer.columns | _support_columns(use_case, answer) | {"reason_codes": reasons}
                nan_rows = answer.nan_rows
            except Exception as failure:  # a score without a reason decides nothing
                error = _words(failure)
        explaining.add(rows=rows)
    milliseconds = 1000 * (time.perf_counter() - started)
    if told:
        told |= {"latency_ms": np.full(rows, milliseconds / max(1, rows))}
    return ReleaseRun(release.release_id, error, rows, nan_rows, milliseconds), told, [scoring.cost, explaining.cost]


def _support_columns(use_case: UseCase, answer: _Answer) -> dict[str, pa.Array | np.ndarray]:
    """Where the model may decide; nothing where it may everywhere."""
    if answer.supported is None:
        return {}
    return {f"supported:{name}": answer.supported[:, i] for i, name in enumerate(use_case.action_names)}


@dataclass(frozen=True)
class _Shadow:
    """How a challenger fared, what it said (None where it failed, whatever the failure), what it took.

    ``on_trial``: the columns by which it decides, none where it is not on trial or failed.
    """

    run: ReleaseRun
    table: pa.Table | None
    on_trial: dict[str, pa.Array | np.ndarray]
    cost: StageCost


def _in_time(release_id: str, wait: Callable[[float], _Shadow], rows: int, seconds: float) -> _Shadow:
    """How a challenger fared; one that does not answer in its time failed, like one that raised."""
    started = time.perf_counter()
    try:
        return wait(seconds)
    except TimeIsUp as late:
        run = ReleaseRun(release_id, _words(late), rows, 0, 1000 * (time.perf_counter() - started))
        return _Shadow(run, None, {}, StageCost("score", release_id, rows, 0.0))


def _shadow(
    use_case: UseCase,
    frame: pd.DataFrame,
    release: ScoringRelease,
    ruled: _Ruled,
    scope: Scope,
    on_trial: OnTrial | None,
) -> _Shadow:
    started, rows = time.perf_counter(), len(frame)
    table, error, nan_rows = None, None, 0
    told: dict[str, pa.Array | np.ndarray] = {}
    with Meter("score", release.release_id, scope) as meter:
        try:
            model = release.load()
            answer = _answer(use_case, frame, model, ruled)
            nan_rows = answer.nan_rows
            if on_trial is not None and on_trial.release_id == release.release_id:
                told = answer.columns | _support_columns(use_case, answer)
                told |= {"reason_codes": _reasons_on_trial(use_case, frame, model, answer, on_trial)}
            table = _shadow_table(use_case, release.release_id, answer)
        except Exception as failure:  # a challenger must not touch a customer, so nothing it does may stop the batch
            error, told = _words(failure), {}
        meter.add(rows=rows)
    milliseconds = 1000 * (time.perf_counter() - started)
    if told:
        told |= {"latency_ms": np.full(rows, milliseconds / max(1, rows))}
    return _Shadow(ReleaseRun(release.release_id, error, rows, nan_rows, milliseconds), table, told, meter.cost)


def _reasons_on_trial(
    use_case: UseCase, frame: pd.DataFrame, model: ReleaseModel, answer: _Answer, trial: OnTrial
) -> pa.Array:
    """Why it prefers what it does (n,), for the entities that it decides for; null elsewhere."""
    ids = ids_of(frame, use_case.entity.key)
    rows = np.flatnonzero(trial.draws(ids, salt_of(use_case)))
    reasons = reason_codes(use_case, model, frame.iloc[rows].reset_index(drop=True), answer.action[rows])
    place = np.full(len(frame), -1)
    place[rows] = np.arange(len(rows))
    return reasons.take(pa.array(place, mask=place < 0))


def _words(failure: Exception) -> str:
    return f"{type(failure).__name__}: {failure}"


def _shadow_table(use_case: UseCase, release_id: str, answer: _Answer) -> pa.Table:
    rows = len(answer.action)
    same = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int8)), pa.array([release_id]))
    return pa.table(
        {
            "row": np.arange(rows, dtype=np.int32),
            "release_id": same,
            **answer.columns,
            "action": actions_by_name(use_case, answer.action),
        }
    )
