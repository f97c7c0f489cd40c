"""From what every release said of n rows to what the policy must know of them, in a batch or in a stream."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pyarrow as pa

from decisionloop.act.action_names import actions_by_index
from decisionloop.act.canary import Canary, OnTrial
from decisionloop.act.preference import allowed_actions
from decisionloop.act.situation import DEFAULT_FOR_ALL, Situation
from decisionloop.contract import UseCase
from decisionloop.predict.arrow_values import codes_of


def situation_of_scores(
    use_case: UseCase,
    frame: pd.DataFrame,
    scores: pa.Table,
    faults: np.ndarray,
    rules_because: str,
    on_trial: OnTrial | None,
) -> Situation:
    """What is known of the n rows of ``frame`` when their actions are chosen.

    Args:
        scores: `side_by_side.PartScores.scores` of these rows.
        faults: why each row is faulty (n,), "" where it is not.
        rules_because: why the rules decide everything in place of a model, "" where they do not.
        on_trial: the release that decides for some of the rows, None where none does.
    """
    values = _by_action(use_case, scores, "value:")
    ruled = actions_by_index(use_case, scores["rules_action"])
    return Situation(
        values=np.full((len(frame), len(use_case.actions)), np.nan) if values is None else values,
        rules_action=np.full_like(ruled, use_case.default_action) if rules_because == DEFAULT_FOR_ALL else ruled,
        has_model=values is not None,
        rules_because=rules_because,
        allowed=allowed_actions(use_case, frame),
        is_fallback=faults != "",
        fallback_reason=faults,
        reason=_words(scores["rules_reason_codes"]),
        supported=_by_action(use_case, scores, "supported:"),
        canary=_canary(use_case, scores, on_trial),
    )


def _by_action(use_case: UseCase, scores: pa.Table, name: str) -> np.ndarray | None:
    """A column an action (n, A), None where nobody said it."""
    if f"{name}{use_case.action_names[0]}" not in scores.column_names:
        return None
    return np.column_stack([scores[f"{name}{action}"].to_numpy() for action in use_case.action_names])


def _canary(use_case: UseCase, scores: pa.Table, on_trial: OnTrial | None) -> Canary | None:
    """What the release on trial said of the rows; None where none was on trial, or it failed."""
    values = _by_action(use_case, scores, "canary:value:")
    if values is None or on_trial is None:
        return None
    return Canary(on_trial, values, _by_action(use_case, scores, "canary:supported:"))


def _words(codes: pa.ChunkedArray) -> np.ndarray:
    """The rules' words (n,) from their reason codes, JSON lists of one text each."""
    whole = codes.combine_chunks()
    told = whole if pa.types.is_dictionary(whole.type) else whole.cast(pa.string()).dictionary_encode()
    words = [json.loads(text)[0] for text in told.dictionary.to_pylist()]
    return np.array(words, dtype=object)[codes_of(told)] if len(words) else np.zeros(0, dtype=object)
