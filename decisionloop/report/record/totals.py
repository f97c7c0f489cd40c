"""Sums of estimates over periods, and which periods count."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from decisionloop.observe.outcome_bounds import OutcomeBounds
from decisionloop.report.record.estimate import Estimate
from decisionloop.report.record.lines import BatchLine
from decisionloop.report.record.story import PeriodMoney

FEW = 0.1
"""So large a share of the decisions is left out of a total at most, that the rest can be compared with the rules."""


def sum_of(estimates: Iterable[Estimate]) -> Estimate:
    """Sum of independent estimates: half-widths add in quadrature, each side by itself.

    Unknown if any part is; without an interval if any part has none. Missing outcomes of all parts may be the worst
    together, so what they add to each interval adds up.
    """
    parts = tuple(estimates)
    values = [part.value for part in parts if part.value is not None]
    if not parts or len(values) < len(parts):
        return Estimate(bounds=_sum_of_bounds(parts, None, None))
    total = math.fsum(values)
    down = _reach(parts, lambda part: part.low)
    up = _reach(parts, lambda part: part.high)
    if down is None or up is None:
        return Estimate(total, bounds=_sum_of_bounds(parts, None, None))
    low, high = total - down, total + up
    return Estimate(total, low, high, _sum_of_bounds(parts, low, high))


def _sum_of_bounds(parts: Sequence[Estimate], low: float | None, high: float | None) -> OutcomeBounds | None:
    """What missing outcomes of the parts make of their sum, whose interval goes from ``low`` to ``high``.

    Sampling errors of the parts are independent and are in the interval. How far each part's worst lies below its own
    interval is what the missing ones do, and that is added up.
    """
    told = [part.bounds for part in parts if part.bounds is not None]
    if not told:
        return None
    counts = sum(one.missing for one in told), math.fsum(one.to_come for one in told)
    beyond = [_beyond(part) for part in parts if part.bounds is not None]
    known = [one for one in beyond if one is not None]
    if low is None or high is None or len(known) < len(beyond):
        return OutcomeBounds(*counts)
    below, above = (math.fsum(ends) for ends in zip(*known, strict=True))
    return OutcomeBounds(*counts, low - below, high + above)


def _beyond(part: Estimate) -> tuple[float, float] | None:
    """How far the worst lies below the interval, and the best above it; None where either is not known."""
    told = part.bounds
    if told is None or told.low is None or told.high is None or part.low is None or part.high is None:
        return None
    return max(0.0, part.low - told.low), max(0.0, told.high - part.high)


def _reach(parts: Sequence[Estimate], end: Callable[[Estimate], float | None]) -> float | None:
    ends = [(part.value, end(part)) for part in parts]
    if any(value is None or limit is None for value, limit in ends):
        return None
    return math.hypot(*(value - limit for value, limit in ends if value is not None and limit is not None))


def counted(money: Sequence[PeriodMoney]) -> tuple[PeriodMoney, ...]:
    """Periods whose outcomes are complete and whose money is known.

    A few that cannot be compared with the rules are left out where nearly all else can: the difference would be unknown
    in all for their sake.
    """
    known = tuple(one for one in money if one.is_mature and one.policy.is_known)
    left_out = _few_untold(known)
    return tuple(one for one in known if one not in left_out)


def by_models(money: Sequence[PeriodMoney]) -> tuple[PeriodMoney, ...]:
    """Counted periods in which a model decided, at least in part."""
    return tuple(one for one in counted(money) if one.is_by_model)


def covered(money: Sequence[PeriodMoney]) -> tuple[PeriodMoney, ...]:
    """Periods that the total counts: the counted ones, and all those of a year that was measured as one."""
    years = {id(one) for one in years_as_one(money)}
    alone = {id(one) for one in _counted_alone(money)}
    return tuple(one for one in money if one.is_mature and (id(one) in alone or id(one.year) in years))


def years_as_one(money: Sequence[PeriodMoney]) -> tuple[PeriodMoney, ...]:
    """The years that stand in for their periods: those of which every period is among these."""
    years = {id(one.year): one.year for one in money if one.year is not None}
    decisions = {key: sum(one.decisions for one in money if one.year is year) for key, year in years.items()}
    return tuple(year for key, year in years.items() if decisions[key] == year.decisions)


def _counted_alone(money: Sequence[PeriodMoney]) -> tuple[PeriodMoney, ...]:
    """The counted periods of which no year stands in for them; few of them are few beside such years, too."""
    years = years_as_one(money)
    of_years = {id(one) for one in years}
    alone = [one for one in money if id(one.year) not in of_years]
    left_out = _few_untold((*years, *(one for one in alone if one.is_mature and one.policy.is_known)))
    return tuple(one for one in alone if one.is_mature and one.policy.is_known and one not in left_out)


def _few_untold(known: Sequence[PeriodMoney]) -> tuple[PeriodMoney, ...]:
    """Those that cannot be compared with the rules, where they are at most a tenth of the decisions."""
    untold = tuple(one for one in known if not one.is_told)
    decisions = sum(one.decisions for one in known)
    is_few = sum(one.decisions for one in untold) <= FEW * decisions and len(untold) < len(known)
    return untold if is_few else ()


def _parts(money: Sequence[PeriodMoney]) -> tuple[PeriodMoney, ...]:
    """What a total adds up: years that stand in for their periods, and the counted periods of no such year."""
    return (*years_as_one(money), *_counted_alone(money))


def total_of(money: Sequence[PeriodMoney]) -> PeriodMoney | None:
    """The counted periods as one, years measured as one in the place of theirs; None when there is none."""
    parts = _parts(money)
    if not parts:
        return None
    deciders = dict.fromkeys(name for one in covered(money) for name in one.decided_by)
    return PeriodMoney(
        period="all",
        decisions=sum(one.decisions for one in parts),
        policy=sum_of(one.policy for one in parts),
        rules=sum_of(one.rules for one in parts),
        difference=sum_of(one.difference for one in parts),
        is_mature=True,
        decided_by=tuple(deciders),
        held_back=tuple(name for one in covered(money) for name in one.held_back),
        left_out=left_out_of(pair for one in covered(money) for pair in one.left_out),
    )


def left_out_of(counted: Iterable[tuple[str, int]]) -> tuple[tuple[str, int], ...]:
    """Why decisions are left out and how many, of several counts: the most first."""
    found: Counter[str] = Counter()
    for why, many in counted:
        found[why] += many
    return tuple(found.most_common())


def with_halted(
    money: Sequence[PeriodMoney], batches: Sequence[BatchLine]
) -> tuple[tuple[PeriodMoney, ...], frozenset[str]]:
    """The periods with those in which all that was due was halted, without money; and in which of them batches were.

    Periods are of one length, months or days; without any nothing is to be shown.
    """
    length = len(money[0].period) if money else 0
    halted = frozenset(one.as_of.isoformat()[:length] for one in batches if one.state == "halted") if length else ()
    nothing = (Estimate(), Estimate(), Estimate())
    empty = [PeriodMoney(one, 0, *nothing, False, ()) for one in set(halted) - {one.period for one in money}]
    return tuple(sorted((*money, *empty), key=lambda one: one.period)), frozenset(halted)
