"""What exploring was expected to come to, for people."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ExploredGroup:
    """Of one protected group: decisions, and how many of them were expected to be explored."""

    attribute: str
    wording: str
    rows: int
    explored: float

    @property
    def share(self) -> float:
        """The share of its decisions."""
        return self.explored / self.rows if self.rows else 0.0


@dataclass(frozen=True)
class PlannedExploring:
    """Of one batch (``cohort``), or of several (""): decisions, how many of them were expected to be explored, what
    that was expected to lose at most (currency) and the budget for it, None where the share is flat. ``look_cost``: of
    the cost, what first looks add to what the budget pays; None where that was not recorded. ``is_budget_left``: the
    largest share that may be tried of an action, and not the budget, was what kept more from being tried."""

    cohort: str
    rows: int
    explored: float
    cost: float
    budget: float | None
    groups: tuple[ExploredGroup, ...]
    look_cost: float | None = None
    is_budget_left: bool = False

    @property
    def share(self) -> float:
        """The share of decisions."""
        return self.explored / self.rows if self.rows else 0.0
