"""Score one part of a frozen batch side by side and lay out what act and observe need, as two tables."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pandas as pd
import pyarrow as pa

from decisionloop.act.economics import action_values
from decisionloop.act.identity import decision_id_array
from decisionloop.act.preference import preferred_action
from decisionloop.ledger.releases import Release
from decisionloop.metering import Meter, Scope, StageCost
from decisionloop.predict.release_model import ReleaseModel, predict
from decisionloop.predict.rules import apply_rules
from decisionloop.predict.side_by_side import leading_scores, reason_codes, rules_reason_codes
from decisionloop.release_store import load_release
from decisionloop.workspace import Workspace


@dataclass(frozen=True)
class ShadowPart:
    """How a release in shadow fared on one part of a batch."""

    release_id: str
    error: str | None
    rows: int
    nan_rows: int
    milliseconds: float

    def __add__(self, other: ShadowPart) -> ShadowPart:
        """Two parts together: one part's failure is the batch's."""
        return replace(
            self,
            error=self.error or other.error,
            rows=self.rows + other.rows,
            nan_rows=self.nan_rows + other.nan_rows,
            milliseconds=self.milliseconds + other.milliseconds,
        )


@dataclass(frozen=True)
class PartScores:
    """What was said of n rows, and what saying it took.

    ``scores``, a row a decision in the order of the frame: ``decision_id``, the rules' ``rules_action`` (index) and
    ``rules_reason_codes`` and, where the champion is a model, ``score``, ``amount``, ``value:<action>``,
    ``reason_codes`` and ``latency_ms``. ``predictions``, a row a decision and release in shadow: ``row``,
    ``release_id``, ``score``, ``amount``, ``value:<action>`` and the preferred ``action`` (index).
    """

    scores: pa.Table
    predictions: pa.Table
    shadows: tuple[ShadowPart, ...]
    costs: tuple[StageCost, ...]


def score_side_by_side(
    workspace: Workspace,
    frame: pd.DataFrame,
    as_of: datetime,
    decides: Release,
    rules: Release,
    beside: Sequence[Release],
    scope: Scope,
) -> PartScores:
    """Score with the champion, every release in shadow, and the rules; a shadow's failure is its own record."""
    use_case = workspace.use_case
    with Meter("score", rules.release_id, scope) as by_rules:
        rules_action, words = apply_rules(use_case, workspace.code, frame)
        columns: dict[str, pa.Array | np.ndarray] = {
            "decision_id": decision_id_array(use_case.name, frame[use_case.entity.key], as_of),
            "rules_action": rules_action.astype(np.int8),
            "rules_reason_codes": rules_reason_codes(words),
        }
        by_rules.add(rows=len(frame))
    costs = [by_rules.cost]
    if decides.scorer_digest is not None:
        told, spent = _champion(workspace, frame, decides, scope)
        columns |= told
        costs += spent
    answers = [_shadow(workspace, frame, release, scope) for release in beside]
    tables = [table for _, table, _ in answers if table is not None]
    return PartScores(
        pa.table(columns),
        pa.concat_tables(tables) if tables else pa.table({"row": pa.array([], pa.int32())}),
        tuple(fared for fared, _, _ in answers),
        (*costs, *(cost for _, _, cost in answers)),
    )


@dataclass(frozen=True)
class _Answer:
    """What one model says of n rows: its table's columns, its preferred action, and its values (n, A)."""

    columns: dict[str, pa.Array | np.ndarray]
    action: np.ndarray
    values: np.ndarray


def _answer(workspace: Workspace, frame: pd.DataFrame, model: ReleaseModel) -> _Answer:
    use_case = workspace.use_case
    predictions = predict(use_case, model, frame)
    values = action_values(use_case, frame, predictions)
    action = preferred_action(use_case, frame, values)
    probability, amount = leading_scores(use_case, predictions, action)
    columns: dict[str, pa.Array | np.ndarray] = {
        "score": pa.array(probability, from_pandas=True),
        "amount": pa.array(amount, from_pandas=True),
    }
    columns |= {f"value:{name}": values[:, i] for i, name in enumerate(use_case.action_names)}
    return _Answer(columns, action, values)


def _champion(
    workspace: Workspace, frame: pd.DataFrame, release: Release, scope: Scope
) -> tuple[dict[str, pa.Array | np.ndarray], list[StageCost]]:
    """The champion's columns of ``scores``, and what scoring and explaining took."""
    model = _model(workspace, release)
    started = time.perf_counter()
    with Meter("score", release.release_id, scope) as scoring:
        answer = _answer(workspace, frame, model)
        scoring.add(rows=len(frame))
    with Meter("explain", release.release_id, scope) as explaining:
        reasons = reason_codes(workspace.use_case, model, frame, answer.action)
        explaining.add(rows=len(frame))
    milliseconds = 1000 * (time.perf_counter() - started) / max(1, len(frame))
    told = answer.columns | {"reason_codes": reasons, "latency_ms": np.full(len(frame), milliseconds)}
    return told, [scoring.cost, explaining.cost]


def _shadow(
    workspace: Workspace, frame: pd.DataFrame, release: Release, scope: Scope
) -> tuple[ShadowPart, pa.Table | None, StageCost]:
    """How a release in shadow fared, what it said (None where it failed, whatever the failure), what it took."""
    started, rows = time.perf_counter(), len(frame)
    table, error, nan_rows = None, None, 0
    with Meter("score", release.release_id, scope) as meter:
        try:
            answer = _answer(workspace, frame, _model(workspace, release))
            nan_rows = int(np.isnan(answer.values).any(axis=1).sum())
            table = _shadow_table(release.release_id, answer)
        except Exception as failure:  # a shadow must not touch a customer, so nothing it does may stop the batch
            error = f"{type(failure).__name__}: {failure}"
        meter.add(rows=rows)
    fared = ShadowPart(release.release_id, error, rows, nan_rows, 1000 * (time.perf_counter() - started))
    return fared, table, meter.cost


def _shadow_table(release_id: str, answer: _Answer) -> pa.Table:
    rows = len(answer.action)
    same = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int8)), pa.array([release_id]))
    return pa.table(
        {
            "row": np.arange(rows, dtype=np.int32),
            "release_id": same,
            **answer.columns,
            "action": answer.action.astype(np.int8),
        }
    )


def _model(workspace: Workspace, release: Release) -> ReleaseModel:
    settings = workspace.settings
    digest = str(release.scorer_digest)
    return load_release(workspace.snapshots, digest, settings.scorer_engine, settings.scorer_threads)
