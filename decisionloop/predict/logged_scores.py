"""What every release says about the same rows: champion, challengers in shadow and the rules, side by side."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa

from decisionloop.contract import UseCase
from decisionloop.predict.predictions import Predictions
from decisionloop.predict.reasons.codes import reason_catalogue, top_reasons
from decisionloop.predict.reasons.wording import in_words
from decisionloop.predict.release_model import ReleaseModel, explained


def leading_scores(use_case: UseCase, predictions: Predictions, action: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The logged score and amount (n,) of each row: under the revealing action, or under ``action`` where the model
    sees actions. NaN where the release predicts no such thing."""
    rows = np.arange(len(action))
    if use_case.model.action_as == "revealing_action":
        action = np.full(len(action), use_case.revealing.index(True))
    missing = np.full(len(action), np.nan)
    probability = missing if predictions.probability is None else predictions.probability[rows, action]
    if predictions.amount is None:
        return probability, missing
    by_class = predictions.amount[rows, action]
    if by_class.shape[1] == 1 or predictions.probability is None:
        return probability, by_class[:, 0]
    return probability, probability * by_class[:, 1] + (1 - probability) * by_class[:, 0]


def reason_codes(use_case: UseCase, model: ReleaseModel, frame: pd.DataFrame, action: np.ndarray) -> pa.Array:
    """JSON reason codes (n,) of the score of each row, as many as the contract asks for."""
    if use_case.model.reasons == 0:
        return pa.repeat(pa.scalar("[]"), len(frame)).dictionary_encode()
    contributions, features = explained(use_case, model, frame, action)
    catalogue, is_exact = reason_catalogue(use_case), model.has_exact_reasons
    return top_reasons(contributions, features, catalogue, use_case.model.reasons, model.engine, is_exact)


def rules_reason_codes(reasons: np.ndarray) -> pa.StringArray:
    """The rules' own words (n,) as JSON reason codes: a list of one text each."""
    return in_words(reasons)
