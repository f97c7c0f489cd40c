"""What each action brought, and what the gate promised of a promotion beside what came since."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from decisionloop.observe.outcome_bounds import OutcomeBounds
from decisionloop.report.record.estimate import Estimate

UNKNOWN = Estimate()


@dataclass(frozen=True)
class ForSome:
    """What an action would have earned more than the rules, given to everybody of a ``group`` who may get it.

    ``gain`` in currency a decision, by what trying it has shown of ``tried_in`` decisions of the group; its interval
    holds for all ``looked_at`` pairs of action and group, and at all looks together.
    """

    group: str
    tried_in: int
    gain: Estimate
    looked_at: int

    @property
    def is_surely_better(self) -> bool:
        """Whether it would surely have earned more than the rules there, whatever outcomes have not come."""
        return self.gain.sign > 0 and not self.gain.is_sign_open


@dataclass(frozen=True)
class ActionFigures:
    """One action over all complete cohorts, in currency a decision; what the contract has no word for is unknown.

    ``decisions`` for which the loop preferred it: ``value`` is of the ``valued`` and ``lift`` over the rules of the
    ``compared`` ones among them, where the log can tell. ``taken`` ones with a known outcome are what ``cost``,
    ``amount`` and ``conversion`` (a share) are of. ``is_rules_own``: the rules alone preferred it, so that what it
    brought more or less than they would have is what exploring brought or cost. ``for_all``: what it would have earned
    more than the rules, given to everybody who may get it, by what trying it has shown of ``tried_in`` decisions; its
    interval holds for all actions and at all looks together, so that whoever looks after every batch is not misled.
    ``for_some``: the same of each group that was measured.
    """

    action: str
    wording: str
    decisions: int
    valued: int
    value: Estimate
    compared: int
    lift: Estimate
    taken: int = 0
    cost: Estimate = UNKNOWN
    amount: Estimate = UNKNOWN
    conversion: Estimate = UNKNOWN
    is_rules_own: bool = False
    tried_in: int = 0
    for_all: Estimate = UNKNOWN
    for_some: tuple[ForSome, ...] = ()

    @property
    def is_surely_better(self) -> bool:
        """Whether it would surely have earned more than the rules for everybody, whatever outcomes have not come."""
        return self.for_all.sign > 0 and not self.for_all.is_sign_open

    @property
    def acquisition_cost(self) -> Estimate:
        """What acting cost for each that said yes, in currency."""
        return ratio_of(self.cost, self.conversion)

    @property
    def customer_value(self) -> Estimate:
        """The outcome's amount for each that said yes, in currency."""
        return ratio_of(self.amount, self.conversion)

    @property
    def cost_for_each_amount(self) -> Estimate:
        """What acting cost for each unit of the outcome's amount."""
        return ratio_of(self.cost, self.amount)


def ratio_of(part: Estimate, whole: Estimate) -> Estimate:
    """A ratio of two figures that are not negative, with the widest interval that theirs allow.

    It holds whatever their dependence, with at least the confidence that both hold at once. Unknown where the whole
    may be 0.
    """
    if part.value is None or part.low is None or part.high is None or not whole.value or not whole.low:
        return Estimate()
    if whole.low <= 0 or whole.high is None:
        return Estimate()
    low, high = max(0.0, part.low), max(0.0, part.high)
    ends = low / whole.high, high / whole.low
    return Estimate(part.value / whole.value, *ends, _bounds_of_ratio(part, whole))


def _bounds_of_ratio(part: Estimate, whole: Estimate) -> OutcomeBounds | None:
    """What missing outcomes could make of a ratio: no more than they could of both at once; None: all have come."""
    told = [one.bounds for one in (part, whole) if one.bounds is not None]
    if not told:
        return None
    missing, to_come = max(one.missing for one in told), max(one.to_come for one in told)
    of_part, of_whole = (one if one.bounds is None else one.at_the_bounds for one in (part, whole))
    if of_part.low is None or of_part.high is None or not of_whole.low or not of_whole.high or of_whole.low < 0:
        return OutcomeBounds(missing, to_come)
    return OutcomeBounds(missing, to_come, max(0.0, of_part.low) / of_whole.high, of_part.high / of_whole.low)


@dataclass(frozen=True)
class Promise:
    """A promotion: what the gate had estimated when it let the release decide, and what it has earned since.

    Both in currency a decision more than ``champion``, which decided before. ``promised`` holds with ``level`` (two
    sides). ``delivered`` is of ``decisions`` whose outcomes are complete; unknown where the former champion was a
    model: what that one would have earned since, nobody measures. ``is_told_apart``: another release was on trial
    beside it, so that what came is what it alone would have brought.
    """

    on: date
    release: str
    release_id: str
    champion: str
    is_over_rules: bool
    promised: Estimate
    level: float
    decisions: int
    delivered: Estimate
    is_told_apart: bool = False
