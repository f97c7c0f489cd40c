"""What the checks of a release are judged by: the contract's limits, the alarm budget, and the money at stake."""

from __future__ import annotations

from dataclasses import dataclass

from decisionloop.contract import UseCase
from decisionloop.monitor.alarm.budget import AlarmBudget, budget_of
from decisionloop.monitor.alarm.finding import Stakes


@dataclass(frozen=True)
class Terms:
    """The terms of one judgement. ``release_id``: whose findings they are; None for the policy as a whole."""

    use_case: UseCase
    budget: AlarmBudget
    stakes: Stakes
    release_id: str | None = None

    @classmethod
    def of(cls, use_case: UseCase, stakes: Stakes | None = None, release_id: str | None = None) -> Terms:
        """The terms under the contract's own budget; without ``stakes`` nobody knows what is at stake."""
        return cls(use_case, budget_of(use_case), stakes or Stakes(), release_id)
