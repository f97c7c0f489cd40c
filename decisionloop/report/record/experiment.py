"""What a recorded experiment says of each action, whatever the loop has made of it."""

from __future__ import annotations

from dataclasses import dataclass

from decisionloop.report.record.estimate import Estimate


@dataclass(frozen=True)
class Arm:
    """One action if everybody had got it, in currency a decision; ``over_rules``: less what the rules would have.

    Both are of the same decisions, those that the loop's own money counts. ``over_rules`` is exactly 0 where the rules
    give everybody this action; the intervals of all arms hold together.
    """

    wording: str
    value: Estimate
    over_rules: Estimate


@dataclass(frozen=True)
class Experiment:
    """All arms, in the contract's order, of ``decisions`` in all; ``best_over_next``: the best one less the next."""

    arms: tuple[Arm, ...]
    decisions: int
    best_over_next: Estimate | None = None

    @property
    def surely_better(self) -> tuple[Arm, ...]:
        """The arms that surely earn more than the rules."""
        return tuple(one for one in self.arms if one.over_rules.sign > 0)

    @property
    def are_all_worse(self) -> bool:
        """Whether every arm that differs from the rules surely earns less than they do."""
        return all(one.over_rules.sign < 0 for one in self.arms if not one.over_rules.is_nothing)
