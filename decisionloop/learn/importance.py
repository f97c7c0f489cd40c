"""How far a model's scores rest on each feature."""

from __future__ import annotations

import numpy as np
import pandas as pd

from decisionloop.contract import UseCase
from decisionloop.predict.release_model import ReleaseModel, explained

SAMPLE = 2_000


def feature_importance(use_case: UseCase, model: ReleaseModel, frame: pd.DataFrame) -> dict[str, float]:
    """Share of each model input in the mean absolute contribution to the margin; the shares sum to 1.

    Computed on at most 2,000 rows of the canonical ``frame``, evenly spread, under the first revealing action. A model
    whose scores do not move with any feature gives every feature 0.
    """
    rows = np.unique(np.linspace(0, len(frame) - 1, min(SAMPLE, len(frame))).astype(np.int64))
    sample = frame.iloc[rows].reset_index(drop=True)
    action = np.full(len(sample), use_case.revealing.index(True))
    contributions, features = explained(use_case, model, sample, action)
    size = np.abs(contributions).mean(axis=0)
    share = size / size.sum() if size.sum() > 0 else np.zeros(len(size))
    return {name: float(value) for name, value in zip(features, share, strict=True)}
