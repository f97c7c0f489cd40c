"""Sums of estimates over periods, and which periods count."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from decisionloop.report.record.estimate import Estimate
from decisionloop.report.record.story import PeriodMoney


def sum_of(estimates: Iterable[Estimate]) -> Estimate:
    """Sum of independent estimates: half-widths add in quadrature, each side by itself.

    Unknown if any part is; without an interval if any part has none.
    """
    parts = tuple(estimates)
    values = [part.value for part in parts if part.value is not None]
    if not parts or len(values) < len(parts):
        return Estimate()
    total = math.fsum(values)
    down = _reach(parts, lambda part: part.low)
    up = _reach(parts, lambda part: part.high)
    if down is None or up is None:
        return Estimate(total)
    return Estimate(total, total - down, total + up)


def _reach(parts: Sequence[Estimate], end: Callable[[Estimate], float | None]) -> float | None:
    ends = [(part.value, end(part)) for part in parts]
    if any(value is None or limit is None for value, limit in ends):
        return None
    return math.hypot(*(value - limit for value, limit in ends if value is not None and limit is not None))


def counted(money: Sequence[PeriodMoney]) -> tuple[PeriodMoney, ...]:
    """Periods whose outcomes are complete and whose money is known."""
    return tuple(one for one in money if one.is_mature and one.policy.is_known)


def by_models(money: Sequence[PeriodMoney]) -> tuple[PeriodMoney, ...]:
    """Counted periods in which a model decided, at least in part."""
    return tuple(one for one in counted(money) if one.is_by_model)


def total_of(money: Sequence[PeriodMoney]) -> PeriodMoney | None:
    """The counted periods as one; None when there is none."""
    parts = counted(money)
    if not parts:
        return None
    deciders = dict.fromkeys(name for one in parts for name in one.decided_by)
    return PeriodMoney(
        period="all",
        decisions=sum(one.decisions for one in parts),
        policy=sum_of(one.policy for one in parts),
        rules=sum_of(one.rules for one in parts),
        difference=sum_of(one.difference for one in parts),
        is_mature=True,
        decided_by=tuple(deciders),
        held_back=tuple(name for one in parts for name in one.held_back),
    )
