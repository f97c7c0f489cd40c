"""What it takes to serve a release: milliseconds for one row alone, processor seconds for a row among many."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd

from decisionloop.contract import UseCase
from decisionloop.metering import BULK_RUNS, least_cpu_seconds
from decisionloop.predict.release_model import ReleaseModel, explained_score, predict

LATENCY_RUNS = 5
FEW_ROWS, MOST_ROWS = 500, 20_000
SLOW_SECONDS = 1.0
"""A release that needs longer for the few rows is not made to serve the many."""


def latency_ms(use_case: UseCase, model: ReleaseModel, frame: pd.DataFrame) -> float:
    """Median milliseconds to score and explain the first row of ``frame`` alone."""
    one, action, taken = frame.iloc[:1], np.array([use_case.revealing.index(True)]), []
    for _ in range(LATENCY_RUNS):
        started = time.perf_counter()
        explained_score(use_case, model, one, action)
        taken.append(1000 * (time.perf_counter() - started))
    return float(np.median(taken))


def cpu_seconds_per_row(
    use_case: UseCase, model: ReleaseModel, frame: pd.DataFrame, runs: int = BULK_RUNS
) -> float | None:
    """Processor seconds a row to predict and explain ``frame`` (n rows, its first MOST_ROWS), the least of ``runs``.

    None for an empty frame. It counts every thread of the process, so nothing else should run beside it.
    """
    few, many = frame.iloc[:FEW_ROWS], frame.iloc[:MOST_ROWS]
    if few.empty:
        return None
    # Twice: the first run may have to load or compile what all later ones use.
    seconds = least_cpu_seconds(lambda: _serve(use_case, model, few), 2)
    if seconds > SLOW_SECONDS or len(many) == len(few):
        return seconds / len(few)
    return least_cpu_seconds(lambda: _serve(use_case, model, many), runs) / len(many)


def _serve(use_case: UseCase, model: ReleaseModel, rows: pd.DataFrame) -> None:
    predict(use_case, model, rows)
    explained_score(use_case, model, rows, np.full(len(rows), use_case.revealing.index(True)))
