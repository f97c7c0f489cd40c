"""How far the loop may try other actions than the one expected to be best, and what that may cost."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from decisionloop.contract.section import MOST_MONEY, Section, field

MOST_SHARE = 0.5
"""The largest share of decisions that may explore."""
MOST_BUDGET_SHARE = 1.0
"""The largest part of the money that a batch is expected to move that exploring it may lose."""
_PURPOSE = "What is to be learnt from it, for people."
_LEARNING = "See what becomes of those whom the rules pass over."


class UniformExploration(Section):
    """Every decision explores with the same chance, whatever that costs."""

    kind: Literal["uniform"] = field("Which kind of exploration this is.", "uniform")
    share: float = field(
        "Probability that a decision draws one of the other allowed actions that reveal an outcome.",
        0.05,
        ge=0,
        le=MOST_SHARE,
    )
    purpose: str = field(_PURPOSE, _LEARNING, default="", changes_meaning=False)


class PricedExploration(Section):
    """The chance of an action falls with the money that it is expected to lose, so that a batch keeps its budget."""

    kind: Literal["priced"] = field("Which kind of exploration this is.", "priced", default="priced")
    budget_share: float | None = field(
        "Most that exploring a batch is expected to lose, as a share of the money that the batch is expected to move, "
        "gains and costs alike. Without it budget_money alone counts; with both the smaller one.",
        0.01,
        default=0.01,
        ge=0,
        le=MOST_BUDGET_SHARE,
    )
    budget_money: float | None = field(
        "Most that exploring a batch is expected to lose, in currency.", 10_000, default=None, ge=0, le=MOST_MONEY
    )
    largest_share: float = field(
        "Largest probability that a decision explores, however little it is expected to lose.",
        0.2,
        default=0.2,
        ge=0,
        le=MOST_SHARE,
    )
    smallest_share: float = field(
        "Probability of an action for a kind of row of which hardly anybody has been seen with it: a small, bounded "
        "look. A kind that is known to lose gets none.",
        0.01,
        default=0.01,
        ge=0,
        le=0.5,
    )
    largest_group_ratio: float = field(
        "Most that exploration may fall on one protected group: its explored share is at most so many times that of "
        "everybody. Groups below their minimum_group_size in a batch are not held to it.",
        1.25,
        default=1.25,
        ge=1,
        le=1_000,
    )
    purpose: str = field(_PURPOSE, _LEARNING, default="", changes_meaning=False)

    @property
    def is_off(self) -> bool:
        """Whether nothing may ever be explored."""
        return self.largest_share == 0 or 0 in {self.budget_share, self.budget_money}

    def budget(self, value_expected: float) -> float:
        """Most that exploring a batch that is expected to move ``value_expected`` money may be expected to lose."""
        bounds = [self.budget_money] if self.budget_money is not None else []
        if self.budget_share is not None:
            bounds.append(self.budget_share * value_expected)
        return min(bounds, default=0.0)


Exploration = Annotated[UniformExploration | PricedExploration, Field(discriminator="kind")]
