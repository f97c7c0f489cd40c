"""From the ledger's measurements to groups compared: rates and ratios of a month from one count of its decisions."""

from __future__ import annotations

from collections.abc import Mapping

from decisionloop.contract import UseCase
from decisionloop.contract.problem import ProtectedAttribute
from decisionloop.monitor.impact.adverse_impact import GroupCounts, impact_of_counts
from decisionloop.report.read.measurements import Measured
from decisionloop.report.record.estimate import Estimate
from decisionloop.report.record.lines import ImpactLine

RATE = "selection_rate"
Counted = Mapping[str, tuple[int, int]]
"""(chosen, decisions) of each group."""


def impact_lines(measured: Measured, use_case: UseCase, confidence: float = 0.95) -> tuple[ImpactLine, ...]:
    """Every group of every protected attribute in the latest month in which some were large enough to be compared.

    Where there is none it is the latest that was measured.

    A month's ratios are made from its rates, not averaged over batches: in each batch another group may be the one
    chosen most often. A group that was measured and that the contract does not name is shown under its value; one
    below the contract's minimum is neither judged nor called the most or least favoured.
    """
    by_period: dict[str, dict[str, tuple[int, int]]] = {}
    for one in measured.figures:
        if one.monitor == RATE and one.value is not None:
            found = by_period.setdefault(measured.period(one.cohort), {})
            chosen, n = found.get(one.slice, (0, 0))
            found[one.slice] = chosen + round(one.value * one.n), n + one.n
    telling = [one for one, found in by_period.items() if _is_telling(use_case, found)]
    latest = max(telling or by_period, default="")
    counted = by_period.get(latest, {})
    lines = (_impact_of(attribute, counted, latest, confidence) for attribute in use_case.protected)
    return tuple(line for of_attribute in lines for line in of_attribute)


def _is_telling(use_case: UseCase, counted: Counted) -> bool:
    """Whether of some attribute two groups are large enough to be compared."""
    return any(
        sum(n >= one.minimum_group_size for part, (_, n) in counted.items() if part.startswith(f"{one.name}=")) > 1
        for one in use_case.protected
    )


def _impact_of(attribute: ProtectedAttribute, counted: Counted, period: str, confidence: float) -> list[ImpactLine]:
    prefix = f"{attribute.name}="
    measured = [part.removeprefix(prefix) for part in counted if part.startswith(prefix)]
    names = [name for name in dict.fromkeys([*attribute.groups, *measured]) if f"{prefix}{name}" in counted]
    chosen, n = zip(*(counted[f"{prefix}{name}"] for name in names), strict=True) if names else ((), ())
    counts = GroupCounts(attribute.name, tuple(names), n, chosen)
    impact = impact_of_counts(counts, attribute.reference, attribute.minimum_group_size, confidence)
    return [
        ImpactLine(
            cohort=period,
            attribute=attribute.name,
            group=attribute.groups.get(one.group, one.group.replace("_", " ")),
            selection_rate=one.rate,
            ratio=Estimate.of(one.to_best.value, one.to_best.low, one.to_best.high),
            n=one.n,
            is_best=one.group == impact.best,
        )
        for one in impact.groups
    ]
