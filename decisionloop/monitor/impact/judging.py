"""Monitor of adverse impact: does any group surely get the favourable action too rarely?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from decisionloop.contract import UseCase
from decisionloop.monitor.alarm.budget import AlarmBudget
from decisionloop.monitor.alarm.finding import Chart, Finding
from decisionloop.monitor.compare.windows import Window, one_of_each
from decisionloop.monitor.impact.adverse_impact import GroupCounts, GroupImpact, Ratio, impact_of_counts
from decisionloop.monitor.impact.group_tally import GroupTally, WatchedGroups, watched_groups
from decisionloop.monitor.impact.rate_ratio import Counted, ratio_upper_bound, upper_bound_to_best
from decisionloop.observe.estimate import Estimate

MONITOR = "adverse_impact"
SUGGESTION = (
    "Have the features that carry the gap reviewed by those who answer for the decision; no favourable action "
    "should be withheld for a reason that cannot be defended."
)


def judge_impact(
    use_case: UseCase, windows: Sequence[Window[GroupTally]], budget: AlarmBudget, release_id: str | None = None
) -> tuple[Finding, ...]:
    """One finding for each group of each protected attribute and of each intersection of two of them.

    ``windows``: the batch at hand, then longer ones. Each comparison in each of them is a check; the batch at hand
    and the longer windows have a part of the family's budget each (`AlarmBudget.split`). Told is the shortest window
    that is sure, or else the shortest in which the group is large enough.

    A group is compared with the best one (against "best", the four-fifths rule), and with the reference group where
    that is another one (against "reference"). The alarm needs the upper bound of the ratio at the check's own alpha
    to be below gate.minimum_impact_ratio. Groups below their minimum size are neither judged nor counted as checks.
    The figure is the usual one: the observed ratio with the 95 % interval of Katz.
    """
    limit = use_case.gate.minimum_impact_ratio
    judged = [
        _Judged(watched, counts, limit, window)
        for position, watched in enumerate(watched_groups(use_case))
        for window, counts in ((one, one.counts.chosen[position]) for one in windows)
    ]
    first = sum(one.checks for one in judged if one.window.batches == 1)
    checks = sum(one.checks for one in judged)
    if not checks:
        return ()
    alone, together = budget.split("impact", first, checks - first)
    found = (
        finding
        for one in judged
        for finding in one.findings(alone if one.window.batches == 1 else together, release_id)
    )
    return one_of_each(found, lambda shorter: (shorter.figure.value or 0.0) < limit)


@dataclass(frozen=True)
class _Compared:
    """A group beside the ``other`` (its position): their ratio of rates with its upper bound, None: cannot say."""

    group: GroupImpact
    other: int
    ratio: Ratio
    bound: float | None
    against: str


@dataclass(frozen=True)
class _Judged:
    """The groups of one attribute, of which only the large ones are looked at."""

    watched: WatchedGroups
    counts: GroupCounts
    limit: float
    window: Window[GroupTally]

    @property
    def large(self) -> tuple[int, ...]:
        """Positions of the groups to be judged; none where there is nobody to compare with."""
        smallest = self.watched.minimum_group_size * self.window.repetition
        large = tuple(i for i, n in enumerate(self.counts.n) if n >= smallest)
        return large if len(large) > 1 else ()

    def counted(self, position: int) -> Counted:
        """(favourable, n) of one group, as many as they are worth as evidence."""
        favourable, n = self.counts.counted(position)
        return favourable / self.window.repetition, n / self.window.repetition

    @property
    def reference(self) -> int | None:
        """Position of the reference group, None where it is too small."""
        position = self.counts.groups.index(self.watched.reference)
        return position if position in self.large else None

    @property
    def checks(self) -> int:
        """Each group against the best, and against the reference; counted before looking at any rate."""
        return len(self.large) + (0 if self.reference is None else len(self.large) - 1)

    def findings(self, alpha: float, release_id: str | None) -> Iterator[Finding]:
        smallest = math.ceil(self.watched.minimum_group_size * self.window.repetition)
        impact = impact_of_counts(self.counts, self.watched.reference, smallest)
        for i in self.large:
            group, mine = impact.groups[i], self.counted(i)
            others = [self.counted(j) for j in self.large if j != i]
            bound = upper_bound_to_best(mine, others, alpha)
            best = self.counts.groups.index(str(impact.best))
            yield self._finding(_Compared(group, best, group.to_best, bound, "best"), alpha, release_id)
            reference = self.reference
            if reference is None or reference in {best, i} or i == best or group.to_reference is None:
                continue  # against the best group the question is answered, and the best group is no case
            bound = ratio_upper_bound(mine, self.counted(reference), alpha)
            compared = _Compared(group, reference, group.to_reference, bound, "reference")
            yield self._finding(compared, alpha, release_id)

    def _finding(self, compared: _Compared, alpha: float, release_id: str | None) -> Finding:
        group, ratio = compared.group, compared.ratio
        theirs, n = self.counts.counted(compared.other)
        return Finding(
            family="impact",
            monitor=MONITOR,
            slice=f"{group.attribute}={group.group}",
            figure=Estimate(ratio.value, ratio.low, ratio.high, group.n, float(group.n), 0.95, ratio.reason),
            threshold=self.limit,
            bound=None if ratio.value is None else compared.bound,
            direction="below",
            alpha=alpha,
            words=self._words(compared),
            suggestion=SUGGESTION,
            against=compared.against,
            chart=Chart(("favoured", "not favoured"), _shares(theirs, n), _shares(group.favourable_n, group.n)),
            release_id=release_id,
            batches=self.window.batches,
        )

    def _words(self, compared: _Compared) -> str:
        group, other, ratio, bound = compared.group, compared.other, compared.ratio, compared.bound
        name, than = self.watched.wording(group.group), self.watched.wording(self.counts.groups[other])
        if ratio.value is None:
            return f"{self.window.words}For {name} ({group.attribute}) the impact ratio cannot be told: {ratio.reason}."
        rate = f"{self.window.words}{name} ({group.attribute}): {group.rate:.1%} of {group.n:,} were favoured"
        if group.group == self.counts.groups[other]:
            return f"{rate}, more often than any other group of {self.watched.minimum_group_size:,} or more."
        theirs, n = self.counts.counted(other)
        surely = f"surely below {self.limit:g}" if bound is not None and bound < self.limit else "not surely too few"
        return f"{rate}, of {than} {theirs / n:.1%}: a ratio of {ratio.value:.2f}, {surely}."


def _shares(favourable: int, n: int) -> tuple[float, float]:
    return favourable / n, 1 - favourable / n
