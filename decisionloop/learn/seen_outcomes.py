"""The money of two policies where every action reveals the same outcome: what either earned is seen, not estimated.

Each decision whose outcome has come is written once for every action, with the outcome that any of them would have
had, as though the action had been drawn evenly: the weights of such a log are known, its estimate is the plain mean of
what the policies would have earned, and the entity keeps its copies together in the interval. Of an outcome that has
not come it is known at least that it is one and the same for every action.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from decisionloop.act.economics import realised_values
from decisionloop.contract import UseCase
from decisionloop.learn.training_set import is_revealed
from decisionloop.observe.cohort import logged_decisions
from decisionloop.observe.estimate import Codes, Estimate, Floats
from decisionloop.observe.executed_actions import EXECUTED
from decisionloop.observe.logged_decisions import LoggedDecisions
from decisionloop.observe.missing_outcomes import (
    MissingOutcomes,
    is_outcome_missing,
    possible_amounts,
    possible_classes,
)
from decisionloop.observe.off_policy import OffPolicyEstimate, difference
from decisionloop.observe.outcome_bounds import OutcomeBounds
from decisionloop.observe.possible_money import UsualAmounts


@dataclass(frozen=True)
class Policies:
    """Two policies on n decisions, and the money that the first one's model expects of each action, all (n, A).

    ``amounts``: how far amounts usually fall from what that model expects, as they did out of fold. ``missing``: what
    is known of outcomes that have not come; None: all have. ``is_on_trial`` bool (n,): the cohorts in which the first
    one had a say beside the second; None: none.
    """

    challenger: np.ndarray
    champion: np.ndarray
    values: np.ndarray
    amounts: UsualAmounts = ()
    missing: MissingOutcomes | None = None
    is_on_trial: np.ndarray | None = None

    def rows(self, keep: np.ndarray) -> Policies:
        """Both on some of the decisions: a mask (n,)."""
        return Policies(
            challenger=self.challenger[keep],
            champion=self.champion[keep],
            values=self.values[keep],
            amounts=self.amounts,
            missing=None if self.missing is None else self.missing.subset(keep),
            is_on_trial=None if self.is_on_trial is None else self.is_on_trial[keep],
        )

    @property
    def turned(self) -> Policies:
        """The same two with their roles exchanged."""
        return replace(self, challenger=self.champion, champion=self.challenger)

    @property
    def moved(self) -> np.ndarray:
        """(n, A) probability that the challenger moves onto (+) or off (-) each action."""
        return self.challenger - self.champion


def logged_for(use_case: UseCase, log: pd.DataFrame, frame: pd.DataFrame, policies: Policies) -> LoggedDecisions:
    """The log (n rows) as both policies are valued on it: what one of them expects, and how far off that may be."""
    return logged_decisions(use_case, log, frame, policies.values, policies.missing, policies.amounts)


def seen_difference(
    use_case: UseCase, log: pd.DataFrame, frame: pd.DataFrame, policies: Policies, confidence: float
) -> OffPolicyEstimate:
    """Money a decision of the challenger less the champion's, on the decisions of ``log`` whose outcome has come.

    The bounds speak of all n decisions, whatever the outcomes are that have not come.
    """
    many = len(use_case.actions)
    logged, rows = seen_copies(use_case, log, frame, policies)
    told = difference(logged, policies.challenger[rows], policies.champion[rows], "dr", confidence)
    overlap = replace(
        told.overlap,
        differing_n=told.overlap.differing_n // many,
        informative_n=int((policies.moved[rows[::many]] != 0).any(axis=1).sum()),
        missing_outcomes=len(log) - len(rows) // many,
    )
    money = replace(told.money, n=len(rows) // many)
    return replace(told, money=replace(money, bounds=_bounds(use_case, log, frame, policies, money)), overlap=overlap)


def _bounds(
    use_case: UseCase, log: pd.DataFrame, frame: pd.DataFrame, policies: Policies, told: Estimate
) -> OutcomeBounds | None:
    """What the missing outcomes could make of a gain that was ``told`` by the others; None where none matters."""
    rows, worst = unseen_gains(use_case, log, frame, policies)
    best = -unseen_gains(use_case, log, frame, policies.turned)[1]
    missing = int((policies.moved[rows] != 0).any(axis=1).sum())
    if not missing:
        return None
    if told.low is None or told.high is None or np.isnan(worst + best).any():
        return OutcomeBounds(missing, 0.0)
    n = told.n + len(rows)
    ends = [float((told.n * end + sums.sum()) / n) for end, sums in ((told.low, worst), (told.high, best))]
    return OutcomeBounds(missing, 0.0, min(ends[0], told.low), max(ends[1], told.high))


def unseen_gains(use_case: UseCase, log: pd.DataFrame, frame: pd.DataFrame, policies: Policies) -> tuple[Codes, Floats]:
    """The decisions (m,) whose outcome has not come, and the least that the challenger gains on each (m,) whatever it
    is: every action would have had the same. NaN: nobody knows how large an amount could be."""
    rows = np.flatnonzero(is_outcome_missing(use_case, log))
    known, moved, gains = frame.iloc[rows].reset_index(drop=True), policies.moved[rows], []
    for class_ in possible_classes(use_case):
        for amount in possible_amounts(use_case, log, class_, policies.amounts):
            outcome = np.full(len(rows), class_), np.full(len(rows), amount)
            gain = np.zeros(len(rows))
            for action, shift in enumerate(moved.T):
                brings = realised_values(use_case, known, np.full(len(rows), action), *outcome)
                gain += np.where(shift != 0, shift * brings, 0.0)
            gains.append(gain)
    return rows, np.min(gains, axis=0)


def seen_copies(
    use_case: UseCase, log: pd.DataFrame, frame: pd.DataFrame, policies: Policies
) -> tuple[LoggedDecisions, Codes]:
    """Each of the n decisions whose outcome has come once for every action, and which decision each copy is of."""
    many = len(use_case.actions)
    rows = np.repeat(np.flatnonzero(is_revealed(use_case, log)), many)
    taken = np.tile(use_case.action_names, len(rows) // many)
    copies = log.iloc[rows].reset_index(drop=True).assign(action=taken, propensity=1 / many)
    copies = copies.drop(columns=EXECUTED, errors="ignore")
    known = frame.iloc[rows].reset_index(drop=True)
    return logged_decisions(use_case, copies, known, policies.values[rows], amounts=policies.amounts), rows
