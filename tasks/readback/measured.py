"""Figures of the ledger read back as the estimates that they were."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from decisionloop.ledger.earlier_figures import FigureOfCohort
from decisionloop.observe.estimate import Estimate, cannot_say
from decisionloop.observe.outcome_bounds import OutcomeBounds

CONFIDENCE = 0.95


def estimates_of(rows: pd.DataFrame) -> list[Estimate]:
    """Rows of the table `measurement` as estimates; one that had no value or no interval could not be told."""
    columns = (rows[name].astype(np.float64) for name in ("value", "low", "high", "effective_n"))
    return [
        replace(cannot_say("too few outcomes", int(n), CONFIDENCE), bounds=bounds)
        if np.isnan([value, low, high]).any()
        else Estimate(value, low, high, int(n), effective_n, CONFIDENCE, bounds=bounds)
        for n, value, low, high, effective_n, bounds in zip(rows["n"], *columns, bounds_of(rows), strict=True)
    ]


def estimate_of(told: FigureOfCohort) -> Estimate:
    """A figure of an earlier cohort as the estimate that it was, without what missing outcomes could make of it."""
    if told.value is None or told.low is None or told.high is None:
        return cannot_say("too few outcomes", told.n, CONFIDENCE)
    return Estimate(told.value, told.low, told.high, told.n, told.effective_n or 0.0, CONFIDENCE)


def bounds_of(rows: pd.DataFrame) -> list[OutcomeBounds | None]:
    """What missing outcomes could make of rows of the table `measurement`; None where all had come."""
    columns = (rows[name].astype(np.float64) for name in ("missing_n", "to_come_n", "worst", "best"))
    return [
        None
        if np.isnan(missing)
        else OutcomeBounds(int(missing), to_come, *(None if np.isnan(end) else end for end in (worst, best)))
        for missing, to_come, worst, best in zip(*columns, strict=True)
    ]
