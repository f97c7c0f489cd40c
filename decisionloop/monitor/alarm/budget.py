"""The alarm budget: how many false alarms a year every check may raise, given what the contract allows in all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from decisionloop.contract import UseCase
from decisionloop.contract.monitoring import MonitorFamily
from decisionloop.errors import UsageError

FAMILIES: tuple[MonitorFamily, ...] = get_args(MonitorFamily)
DAYS_PER_YEAR = 365.0


@dataclass(frozen=True)
class AlarmBudget:
    """False alarms a year of each family, and how many batches a year there are to look at."""

    false_alarms: dict[MonitorFamily, float]
    batches_per_year: float

    @property
    def total(self) -> float:
        """False alarms a year over all families."""
        return sum(self.false_alarms.values())

    def alpha(self, family: MonitorFamily, checks: int) -> float:
        """Chance of a false alarm that each of the ``checks`` that a family makes of one batch may have.

        By linearity of expectation the false alarms of a year then stay within the budget on average, however the
        checks depend on each other (Bonferroni). Raises UsageError for less than one check.
        """
        if checks < 1:
            raise UsageError(f"{family}: an alarm budget cannot be shared among {checks} checks.")
        return min(0.5, self.false_alarms[family] / (self.batches_per_year * checks))

    def split(self, family: MonitorFamily, alone: int, together: int) -> tuple[float, float]:
        """The same for checks of a batch ``alone`` and for those of several ``together``.

        Each kind has half of the budget where both are made, however many windows there are: what is sudden is seen
        in the first batch or not much later. Raises UsageError where no check is made.
        """
        if not alone or not together:
            alpha = self.alpha(family, alone + together)
            return alpha, alpha
        return self.alpha(family, 2 * alone), self.alpha(family, 2 * together)


def budget_of(use_case: UseCase) -> AlarmBudget:
    """The contract's budget: families that it names have their own, the others share the rest equally.

    Where decisions are made online, the batches of each watching period are looked at like those of the schedule.
    """
    monitors = use_case.monitors
    others = [family for family in FAMILIES if family not in monitors.budgets]
    rest = monitors.false_alarms_per_year - sum(monitors.budgets.values())
    shares: dict[MonitorFamily, float] = dict.fromkeys(others, rest / max(1, len(others)))
    online_per_day = 0.0 if use_case.online is None else use_case.online.looks_per_day
    batches_per_year = DAYS_PER_YEAR / use_case.schedule.covers_days + DAYS_PER_YEAR * online_per_day
    return AlarmBudget({**shares, **monitors.budgets}, batches_per_year)
