"""How long one decision takes when it is asked for online: the best warm wall time of the scorer that would serve.

Load on the machine only ever raises a reading, so the best of many is the nearest to what the scorer takes, and a
reading within a budget proves that it can be kept. One above it proves nothing: see `ServingTime.against`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from decisionloop.contract import UseCase
from decisionloop.learn.serving_work import least_milliseconds, lookups_per_row
from decisionloop.predict.online.rows import Row
from decisionloop.predict.online.scorer import OnlineScorer, row_scorer
from decisionloop.predict.reasons.codes import reason_catalogue
from decisionloop.predict.release_model import ACTION_COLUMN, CLASS_COLUMN, ReleaseModel, supported_actions

CALLS = 100
WARM_UP_CALLS = 10

Clock = Callable[[], float]


@dataclass(frozen=True)
class LatencyEvidence:
    """What is known of a time budget, and nothing that another machine would know otherwise.

    ``least_ms``: what the counted work surely takes, anywhere. ``over_ms``: the best reading where it was above the
    budget; None where a reading was within it. By how much it was within is the machine's, and in no verdict.
    """

    least_ms: float
    over_ms: float | None


@dataclass(frozen=True)
class ServingTime:
    """One decision: the best of CALLS warm readings in milliseconds, and the look-ups counted in it."""

    reading_ms: float
    lookups: int

    def against(self, budget_ms: float | None) -> LatencyEvidence:
        """What this says of a budget (None: there is none)."""
        is_over = budget_ms is not None and self.reading_ms > budget_ms
        return LatencyEvidence(least_milliseconds(self.lookups), self.reading_ms if is_over else None)


def serving_time(
    use_case: UseCase, model: ReleaseModel, frame: pd.DataFrame, clock: Clock = time.perf_counter
) -> ServingTime:
    """Measure a release on the first row of the canonical ``frame``, which must have one, by a ``clock`` in seconds."""
    decide = one_decision(use_case, model, frame)
    for _ in range(WARM_UP_CALLS):
        decide()
    readings = []
    for _ in range(CALLS):
        started = clock()
        decide()
        readings.append(clock() - started)
    return ServingTime(1000 * min(readings), lookups_per_row(use_case, model))


def one_decision(use_case: UseCase, model: ReleaseModel, frame: pd.DataFrame) -> Callable[[], object]:
    """What the release does for the first row of ``frame``: where it may decide, every action's numbers, and reasons.

    Nothing is cached.
    """
    known = _row(frame)
    names = [action.name for action in use_case.actions if action.reveals_outcome]
    rows: list[Row] = [{**known, ACTION_COLUMN: name} for name in names]
    if not use_case.is_action_modelled:
        rows = rows[:1]
    leading = OnlineScorer(model.leading, reason_catalogue(use_case), use_case.model.reasons)
    asked = []
    for scorer in (model.class_scorer, model.amount_scorer):
        classes = (0.0, 1.0) if scorer is not None and CLASS_COLUMN in scorer.features else (None,)
        if scorer is not None:
            single = row_scorer(scorer)
            asked += [(single, {**row, CLASS_COLUMN: value}) for row in rows for value in classes]
    explained: Row = {**rows[0], CLASS_COLUMN: 1.0}
    alone, rules_action = frame.iloc[:1], np.array([use_case.default_action])

    def decide() -> None:
        supported_actions(use_case, model, alone, rules_action)
        for scorer, row in asked:
            scorer.score(row)
        leading.explain(explained)

    return decide


def _row(frame: pd.DataFrame) -> dict[str, float | str | None]:
    """The first row as the online scorer takes it: None for what is missing."""
    values = {name: frame[name].iloc[0] for name in map(str, frame.columns)}
    return {name: None if pd.isna(value) else value for name, value in values.items()}
