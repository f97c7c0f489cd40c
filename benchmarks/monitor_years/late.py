"""What earlier weeks say of the outcomes that a week misses, from memory as the loop reads it from the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from decisionloop.contract import UseCase
from decisionloop.observe.late_arrivals import NEWEST_COHORTS, LateArrivals, MissingAtAge

DAYS_A_WEEK = 7


@dataclass(frozen=True, eq=False)
class PastWeek:
    """The n decisions of a week: action index, score, age of the outcome in days (NaN: none comes), class, amount."""

    week: int
    action: np.ndarray
    score: np.ndarray
    arrival_days: np.ndarray
    outcome: np.ndarray
    amount: np.ndarray

    def missing_at(self, use_case: UseCase, age_days: float, watched_days: float) -> MissingAtAge:
        """What it missed at an age, and what had become of that so many days later."""
        is_asked = np.array(use_case.revealing)[self.action]
        is_missing = is_asked & ~(self.arrival_days <= age_days)
        days = self.arrival_days[is_missing] - age_days
        has_come = days <= watched_days

        def known(values: np.ndarray) -> np.ndarray:
            return np.where(has_come, values[is_missing], np.nan)

        return MissingAtAge(
            decided=np.bincount(self.action[is_asked], minlength=len(use_case.actions)).astype(np.float64),
            action=self.action[is_missing],
            score=self.score[is_missing],
            due=np.ones(int(is_missing.sum())),
            days=np.where(has_come, days, np.nan),
            outcome=known(self.outcome),
            amount=known(self.amount),
            watched=watched_days,
        )


def late_arrivals_in(use_case: UseCase, past: Sequence[PastWeek], week: int, age_days: float) -> LateArrivals:
    """What the weeks before ``week`` say of it at its age; nothing where no news is an outcome of its own."""
    if use_case.outcome.means_zero_when_absent or use_case.are_outcomes_drawn:
        return LateArrivals.nothing(len(use_case.actions))
    earlier = [one for one in past if one.week < week][-NEWEST_COHORTS:]
    cohorts = [one.missing_at(use_case, age_days, (week - one.week) * DAYS_A_WEEK) for one in earlier]
    return LateArrivals.learn(cohorts, len(use_case.actions), use_case.monitors.maximum_missing_labels)
