"""Outcomes that a source has of the people of the tried batches, as the loop would take them in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from decisionloop.act.economics import realised_values
from decisionloop.contract import UseCase
from decisionloop.observe.matching import match_decisions
from decisionloop.observe.running_totals import are_last, running_totals
from decisionloop.sources.base import Source
from decisionloop.sources.leak_findings import decided_of_tried
from decisionloop.sources.tried_batches import TriedBatch


@dataclass(frozen=True, eq=False)
class SeenOfTried:
    """Outcomes (m,) of the n people of the tried batches: ``row`` of the person, ``action`` that it is of, ``days``
    after the decision, ``classes`` and ``amounts`` (NaN where none is told), and the ``money`` that the action made.

    ``share``: of the people, how many have an outcome, by action (A,) of a replay, else the same for all; of those
    batches whose outcomes had time to come, or of all, where none had. ``is_of_action``: whether the source knows what
    each outcome is of, as a replay does; live data shows outcomes, and ``action`` stands in.
    """

    row: np.ndarray
    action: np.ndarray
    days: np.ndarray
    classes: np.ndarray
    amounts: np.ndarray
    money: np.ndarray
    share: np.ndarray
    any_share: float
    is_of_action: bool

    @property
    def shown_share(self) -> float:
        """Of the people, how many show an outcome to a loop that takes one action each: the mean of those that do.

        Less than ``any_share`` in the replay of an experiment, which shows the outcome of what had been done alone.
        """
        showing = self.share[self.share > 0]
        return float(showing.mean()) if self.is_of_action and len(showing) else self.any_share

    def money_of(self, use_case: UseCase, everyone: pd.DataFrame, action: np.ndarray) -> np.ndarray:
        """The money (m,) of these outcomes, had they been those of ``action`` (m,)."""
        classes, amounts = (
            None if use_case.outcome.class_ is None else self.classes,
            None if use_case.outcome.amount is None else self.amounts,
        )
        frame = everyone.iloc[self.row].reset_index(drop=True)
        return realised_values(use_case, frame, action, classes, amounts)


def seen_of_tried(
    use_case: UseCase, source: Source, tried: Sequence[TriedBatch], everyone: pd.DataFrame, seen_by: pd.Timestamp
) -> SeenOfTried:
    """Read and match what was seen by ``seen_by``; ``everyone``: the frames of the tried batches as one.

    Of a replay each person is asked for under every action that shows an outcome; live data shows what it shows.
    """
    is_replay = bool(source.calendar())
    decided = decided_of_tried(use_case, tried, is_replay)
    shown = source.outcomes(seen_by, decided)
    if not is_replay:  # the ids are those of decisions that were made, not of these
        shown = shown.assign(decision_id=pd.Series(None, index=shown.index, dtype="str"))
    position = match_decisions(shown, decided, use_case, seen_by.to_pydatetime()).decision
    if use_case.outcome.are_rows_added:
        shown = running_totals(shown, position)
    position = np.where(are_last(shown, position), position, -1)
    told, of = shown[position >= 0], decided.iloc[position[position >= 0]]
    row = of["row"].to_numpy()
    names = list(use_case.action_names)
    action = of["action"].map(names.index).to_numpy(dtype=np.int64) if len(of) else np.zeros(0, dtype=np.int64)
    classes, amounts = (told[one].to_numpy(dtype=np.float64, na_value=np.nan) for one in ("outcome_class", "amount"))
    is_old = _had_time(use_case, tried, seen_by)
    return SeenOfTried(
        row=row,
        action=action,
        days=(told["observed_at"].to_numpy() - of["as_of"].to_numpy()) / np.timedelta64(1, "D"),
        classes=classes,
        amounts=amounts,
        money=realised_values(
            use_case,
            everyone.iloc[row].reset_index(drop=True),
            action,
            None if use_case.outcome.class_ is None else classes,
            None if use_case.outcome.amount is None else amounts,
        ),
        share=np.array([_share(is_old, row[action == one] if is_replay else row) for one in range(len(names))]),
        any_share=_share(is_old, row),
        is_of_action=is_replay,
    )


def _had_time(use_case: UseCase, tried: Sequence[TriedBatch], seen_by: pd.Timestamp) -> np.ndarray:
    """Whose outcomes (n,) had time to come; everybody's, where nobody's had."""
    patience = pd.Timedelta(days=use_case.outcome.maturity_days)
    is_old = np.concatenate([np.full(len(one.frame), one.as_of + patience <= seen_by) for one in tried])
    return is_old if is_old.any() else np.ones(len(is_old), dtype=bool)


def _share(is_old: np.ndarray, row: np.ndarray) -> float:
    has_outcome = np.zeros(len(is_old), dtype=bool)
    has_outcome[row] = True
    return float(has_outcome[is_old].mean())
