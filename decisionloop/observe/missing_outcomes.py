"""Outcomes that have not come: whose, what is expected of those that still will, and what they could be at all.

Three things may become of a missing outcome. It comes late: then it is as late ones of earlier cohorts were
(`late_arrivals`). It never comes: nothing can be estimated, and a figure takes it as it takes the outcomes of the same
action that do come, while bounds by the worst and the best that the contract makes possible stand beside it. Or more
is missing than is usual, a hole: nobody knows what came of it either.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from decisionloop.act.economics import realised_values
from decisionloop.contract import UseCase
from decisionloop.observe.estimate import Codes, Floats
from decisionloop.observe.executed_actions import executed_index
from decisionloop.observe.late_arrivals import PARTS, LateArrivals
from decisionloop.observe.late_of_cohorts import LateOfCohorts
from decisionloop.observe.maturity import due_share
from decisionloop.observe.possible_money import UsualAmounts


@dataclass(frozen=True, eq=False)
class MissingOutcomes:
    """What is known of the outcomes that n decisions miss.

    is_missing  (n,)    whether the decision should have shown an outcome by now and has not
    cell        (n,)    its cell of ``late``; -1: nothing is known of it
    usual       (n,)    chance that it is missing as outcomes usually are, and not in a hole
    money       (n, 4)  money at a no and at a yes without an amount, and what a unit of amount adds to each
    worst, best (n,)    least and most money that the contract makes possible for the action taken; NaN: not known
    """

    is_missing: np.ndarray
    cell: Codes
    usual: Floats
    money: Floats
    worst: Floats
    best: Floats
    late: LateArrivals | LateOfCohorts

    def subset(self, keep: np.ndarray) -> MissingOutcomes:
        """The decisions at ``keep`` (mask or positions), in that order."""
        return MissingOutcomes(
            is_missing=self.is_missing[keep],
            cell=self.cell[keep],
            usual=self.usual[keep],
            money=self.money[keep],
            worst=self.worst[keep],
            best=self.best[keep],
            late=self.late,
        )

    @property
    def come(self) -> Floats:
        """(n,) chance that a missing outcome still comes; 0 where none is missing."""
        return self._shares()[:, :2].sum(axis=1)

    @property
    def yes(self) -> Floats:
        """(n,) chance that it still comes and is a yes."""
        return self._shares()[:, 1]

    @property
    def late_money(self) -> Floats:
        """(n,) money that it still brings, expected: 0 as far as it never comes."""
        return np.asarray((self._shares() * self.money).sum(axis=1))

    @property
    def count(self) -> int:
        """How many outcomes are missing."""
        return int(self.is_missing.sum())

    def gradient(self, by_part: Floats) -> Floats:
        """(C, 4) derivative by ``late.share`` of a sum over decisions of ``by_part`` (n, 4) times their shares."""
        total = np.zeros((len(self.late.share), PARTS))
        rows = self.is_missing & (self.cell >= 0)
        np.add.at(total, self.cell[rows], by_part[rows] * self.usual[rows, None])
        return total

    def _shares(self) -> Floats:
        known = (self.is_missing & (self.cell >= 0)) * self.usual
        return np.asarray(self.late.share[np.maximum(self.cell, 0)] * known[:, None])


def missing_outcomes(
    use_case: UseCase, log: pd.DataFrame, frame: pd.DataFrame, late: LateArrivals, amounts: UsualAmounts = ()
) -> MissingOutcomes:
    """Who of a cohort (n decisions, ``log`` aligned with ``frame``) misses an outcome, and what is known of it.

    Bands are those of the score that was logged, where ``log`` has one, and of when each outcome falls due (`due_share`
    of as_of and due_at, where ``log`` has them). An amount that has not come is assumed to lie in the range of those
    of the same class that have, and at least between a small and a large one of the usual sizes ``amounts``: a few
    that came say little of how large others are, the less the heavier the tail. Where neither is known, nothing can be
    bounded.
    """
    action = executed_index(use_case, log)
    is_missing = is_outcome_missing(use_case, log)
    money, worst, best = _money_of(use_case, log, frame, action, amounts)
    scores = log["score"].to_numpy(dtype=np.float64, na_value=np.nan) if "score" in log else np.full(len(log), np.nan)
    revealing = np.array(use_case.revealing)[action]
    counts = [np.bincount(action[rows], minlength=len(use_case.actions)) for rows in (revealing, is_missing)]
    usual = late.usual_part(counts[0].astype(float), counts[1].astype(float))
    return MissingOutcomes(
        is_missing, late.cell(action, scores, due_share(use_case, log)), usual[action], money, worst, best, late
    )


def is_outcome_missing(use_case: UseCase, log: pd.DataFrame) -> np.ndarray:
    """True (n,) for decisions that should have shown an outcome and have none.

    What a replay's draw does not show is not missing; there it is what the log itself leaves blank, which has come
    without content.
    """
    column = "outcome_class" if use_case.outcome.class_ else "outcome_amount"
    is_open = log[column].isna().to_numpy()
    if use_case.are_outcomes_drawn:
        has_come = log["outcome_revision"].notna().to_numpy() if "outcome_revision" in log else np.zeros(len(log), bool)
        return np.asarray(is_open & has_come)
    return np.array(use_case.revealing)[executed_index(use_case, log)] & is_open


def possible_classes(use_case: UseCase) -> tuple[float, ...]:
    """What an outcome can be: 0 and 1, or 1 where the contract has no class."""
    return (0.0, 1.0) if use_case.outcome.class_ else (1.0,)


def _money_of(
    use_case: UseCase, log: pd.DataFrame, frame: pd.DataFrame, action: Codes, amounts: UsualAmounts
) -> tuple[Floats, Floats, Floats]:
    """Money (n, 4) at no and yes, without an amount and for each unit of it; the worst and the best of it (n,)."""
    classes = possible_classes(use_case)
    money, ends = np.zeros((len(log), PARTS)), []
    for class_ in classes:
        at = [
            realised_values(use_case, frame, action, np.full(len(log), class_), np.full(len(log), amount))
            for amount in (0.0, 1.0)
        ]
        money[:, int(class_)], money[:, 2 + int(class_)] = at[0], at[1] - at[0]
        ends += [at[0] + (at[1] - at[0]) * amount for amount in possible_amounts(use_case, log, class_, amounts)]
    return np.nan_to_num(money), np.min(ends, axis=0), np.max(ends, axis=0)


def possible_amounts(use_case: UseCase, log: pd.DataFrame, class_: float, usual: UsualAmounts) -> tuple[float, float]:
    """The range of the amounts of a class that have come and of its usual sizes; NaN where there are neither."""
    if use_case.outcome.amount is None:
        return 0.0, 0.0
    place = int(class_) if use_case.outcome.class_ else 0
    sizes = usual[place] if usual else None
    amount = log["outcome_amount"].to_numpy(dtype=np.float64, na_value=np.nan)
    if use_case.outcome.class_:
        amount = amount[log["outcome_class"].to_numpy(dtype=np.float64, na_value=np.nan) == class_]
    known = np.append(amount[~np.isnan(amount)], sizes.ends if sizes else ())
    return (float(known.min()), float(known.max())) if known.size else (np.nan, np.nan)
