"""The parts of which the loop's difference from the rules is made, as far as a loop that is live can know them."""

from __future__ import annotations

from dataclasses import dataclass

from decisionloop.report.record.estimate import Estimate
from decisionloop.report.record.story import Story
from decisionloop.report.record.totals import total_of
from decisionloop.report.words.money import direction


@dataclass(frozen=True)
class Part:
    """One part of the difference, money in currency."""

    wording: str
    money: Estimate


def difference_parts(story: Story) -> tuple[Part, ...]:
    """What models chose otherwise, and what exploring cost; () where either is not known, or there is but one."""
    total = total_of(story.money)
    cost = story.explored.cost_counted if story.explored else Estimate()
    if total is None or total.is_by_rules or total.difference.value is None or cost.value is None:
        return ()
    if direction(cost.value, story.use_case.currency) == 0:
        return ()
    chosen = Estimate(total.difference.value + cost.value)  # exploring is in the difference, as a cost
    exploring = Estimate(
        -cost.value, None if cost.high is None else -cost.high, None if cost.low is None else -cost.low
    )
    return (Part("What models chose otherwise than the rules", chosen), Part("Exploring, to keep learning", exploring))
