"""Does what decides say what it was compiled from? What the fitted pipelines said of some rows is kept beside it.

The pipelines themselves are with MLflow, and nothing that decides loads them: their answers are as good, and a digest
vouches for them.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pyarrow as pa

from decisionloop.contract import UseCase
from decisionloop.learn.fitted import Fitted
from decisionloop.predict.prediction_table import predictions_from_table
from decisionloop.predict.predictions import Predictions
from decisionloop.predict.release_model import predict_parts

PROBED_ROWS = 200
TOLERANCE = 1e-12
"""Of the largest answer, at least of 1: what adding up in another order may differ by (`predict.scorer.compile`)."""


def answers_of(use_case: UseCase, originals: Mapping[str, Fitted], frame: pd.DataFrame) -> Predictions:
    """What the fitted pipelines, by part of the outcome, predict of every row under every action."""
    return predict_parts(use_case, originals.get("class"), originals.get("amount"), frame)


def kept_answers(use_case: UseCase, table: pa.Table, rows: int) -> Predictions:
    """Answers that were kept of so many rows, each under its number."""
    return predictions_from_table(use_case, table, row_names(rows))


def row_names(rows: int) -> np.ndarray:
    """What stands for ids (n,) in a table of answers: the rows are nobody's decisions."""
    return np.array([str(row) for row in range(rows)], dtype=object)


def worst_difference(expected: Predictions, found: Predictions) -> float:
    """The largest difference, as a share of the largest answer (at least of 1); infinite where one says nothing."""
    pairs = ((expected.probability, found.probability), (expected.amount, found.amount))
    return max(_difference(one, other) for one, other in pairs)


def _difference(expected: np.ndarray | None, found: np.ndarray | None) -> float:
    if expected is None or found is None:
        return 0.0 if expected is found else np.inf
    if expected.shape != found.shape or (np.isnan(expected) != np.isnan(found)).any():
        return np.inf
    apart = np.abs(expected - found)[~np.isnan(expected)]
    scale = max(1.0, float(np.nanmax(np.abs(expected), initial=0.0)))
    return float(apart.max(initial=0.0)) / scale
