"""The money of two policies where every action reveals the same outcome: what either earned is seen, not estimated.

Each decision whose outcome has come is written once for every action, with the outcome that any of them would have
had, as though the action had been drawn evenly: the weights of such a log are known, its estimate is the plain mean of
what the policies would have earned, and the entity keeps its copies together in the interval.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from decisionloop.contract import UseCase
from decisionloop.learn.training_set import is_revealed
from decisionloop.observe.cohort import logged_decisions
from decisionloop.observe.estimate import Codes
from decisionloop.observe.logged_decisions import LoggedDecisions
from decisionloop.observe.off_policy import OffPolicyEstimate, difference
from decisionloop.observe.possible_money import UsualAmounts


@dataclass(frozen=True)
class Policies:
    """Two policies on n decisions, and the money that the first one's model expects of each action, all (n, A).

    ``amounts``: how far amounts usually fall from what that model expects, as they did out of fold.
    """

    challenger: np.ndarray
    champion: np.ndarray
    values: np.ndarray
    amounts: UsualAmounts = ()

    def rows(self, keep: np.ndarray) -> Policies:
        """Both on some of the decisions: a mask (n,)."""
        return replace(self, challenger=self.challenger[keep], champion=self.champion[keep], values=self.values[keep])

    @property
    def moved(self) -> np.ndarray:
        """(n, A) probability that the challenger moves onto (+) or off (-) each action."""
        return self.challenger - self.champion


def logged_for(use_case: UseCase, log: pd.DataFrame, frame: pd.DataFrame, policies: Policies) -> LoggedDecisions:
    """The log (n rows) as both policies are valued on it: what one of them expects, and how far off that may be."""
    return logged_decisions(use_case, log, frame, policies.values, amounts=policies.amounts)


def seen_difference(
    use_case: UseCase, log: pd.DataFrame, frame: pd.DataFrame, policies: Policies, confidence: float
) -> OffPolicyEstimate:
    """Money a decision of the challenger less the champion's, on the decisions of ``log`` whose outcome has come."""
    many = len(use_case.actions)
    logged, rows = seen_copies(use_case, log, frame, policies)
    told = difference(logged, policies.challenger[rows], policies.champion[rows], "dr", confidence)
    overlap = replace(
        told.overlap,
        differing_n=told.overlap.differing_n // many,
        informative_n=told.overlap.informative_n // many,
        missing_outcomes=len(log) - len(rows) // many,
    )
    return replace(told, money=replace(told.money, n=len(rows) // many), overlap=overlap)


def seen_copies(
    use_case: UseCase, log: pd.DataFrame, frame: pd.DataFrame, policies: Policies
) -> tuple[LoggedDecisions, Codes]:
    """Each of the n decisions whose outcome has come once for every action, and which decision each copy is of."""
    many = len(use_case.actions)
    rows = np.repeat(np.flatnonzero(is_revealed(use_case, log)), many)
    taken = np.tile(use_case.action_names, len(rows) // many)
    copies = log.iloc[rows].reset_index(drop=True).assign(action=taken, propensity=1 / many)
    known = frame.iloc[rows].reset_index(drop=True)
    return logged_decisions(use_case, copies, known, policies.values[rows], amounts=policies.amounts), rows
