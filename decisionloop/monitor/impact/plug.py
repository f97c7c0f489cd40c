"""Whether adverse impact pulls the plug: the fallback takes over only where it is known to treat the group better."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from decisionloop.contract import UseCase
from decisionloop.monitor.alarm.finding import Finding
from decisionloop.monitor.impact.adverse_impact import AdverseImpact, impact_of_counts
from decisionloop.monitor.impact.group_tally import GroupTally, watched_groups
from decisionloop.monitor.impact.judging import MONITOR


@dataclass(frozen=True)
class PlugDecision:
    """Whether the use case goes to its rules, and why (or why it stays). A person lifts it again."""

    is_pulled: bool
    reason: str


def pull_plug(use_case: UseCase, findings: Iterable[Finding], tally: GroupTally) -> PlugDecision:
    """Decide on the alarms of `judge_impact` and the tally that they were judged on.

    Pulled where the contract allows it (monitors.is_plug_pulled), an alarm stands for a group of a declared
    attribute, the rules would have given every such group a better ratio to its best group, and the lowest ratio of
    all groups would be better too: the plug must not help one group at the cost of another.

    An alarm of an intersection alone does not pull it. The contract sets its limit for attributes; intersections are
    many and small, and what to do about one is for people to weigh.
    """
    declared = {watched.name for watched in watched_groups(use_case) if watched.is_declared}
    alarms = [finding for finding in findings if finding.family == "impact" and finding.monitor == MONITOR]
    alarms = [finding for finding in alarms if finding.is_alarm]
    slices = sorted({finding.slice for finding in alarms if finding.slice.partition("=")[0] in declared})
    if not slices:
        return PlugDecision(False, _no_alarm(alarms))
    if not use_case.monitors.is_plug_pulled:
        return PlugDecision(False, f"{_listed(slices)}: adverse impact, but monitors.is_plug_pulled is off.")
    now, then = _Ratios.of(use_case, tally, is_rules=False), _Ratios.of(use_case, tally, is_rules=True)
    for name in slices:
        if not then.is_better(now, name):
            return PlugDecision(False, f"{_compared(name, now, then)}: falling back would not help, so it stays.")
    if not then.lowest > now.lowest:
        worst = min(then.by_slice, key=lambda name: then.by_slice[name])
        reason = f"the rules would bring {worst} to {then.lowest:.2f}, as low as any group is now"
        return PlugDecision(False, f"{_compared(slices[0], now, then)}, but {reason}, so it stays.")
    return PlugDecision(True, "; ".join(_compared(name, now, then) for name in slices) + ": the rules decide.")


@dataclass(frozen=True)
class _Ratios:
    """Ratio to the best group of every judged group of a declared attribute that can be told, by slice."""

    by_slice: dict[str, float]

    @classmethod
    def of(cls, use_case: UseCase, tally: GroupTally, is_rules: bool) -> _Ratios:
        ratios: dict[str, float] = {}
        for watched, counts in zip(watched_groups(use_case), tally.rules if is_rules else tally.chosen, strict=True):
            if watched.is_declared:
                ratios |= _by_slice(impact_of_counts(counts, minimum_group_size=watched.minimum_group_size))
        return cls(ratios)

    @property
    def lowest(self) -> float:
        return min(self.by_slice.values(), default=0.0)

    def is_better(self, other: _Ratios, name: str) -> bool:
        """Whether a group's ratio is known and higher than there."""
        return self.by_slice.get(name, 0.0) > other.by_slice.get(name, 0.0)


def _by_slice(impact: AdverseImpact) -> dict[str, float]:
    ratios = {f"{impact.attribute}={group.group}": group.to_best.value for group in impact.groups}
    return {name: value for name, value in ratios.items() if value is not None}


def _compared(name: str, now: _Ratios, then: _Ratios) -> str:
    ratio = then.by_slice.get(name)
    rules = "cannot be told under the rules" if ratio is None else f"{ratio:.2f} under the rules"
    return f"{name} has a ratio of {now.by_slice.get(name, 0.0):.2f}, {rules}"


def _no_alarm(alarms: Sequence[Finding]) -> str:
    if not alarms:
        return "No group is surely favoured too rarely."
    names = _listed(sorted({finding.slice for finding in alarms}))
    return f"Only an intersection is surely favoured too rarely ({names}): a person must decide."


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)
