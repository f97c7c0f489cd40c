"""Adverse impact of a release that is surely below the contract's limit, and surely below the champion's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from decisionloop.contract import UseCase
from decisionloop.monitor.canary.looks import Look
from decisionloop.monitor.impact.adverse_impact import GroupCounts
from decisionloop.monitor.impact.group_tally import GroupTally, WatchedGroups, watched_groups
from decisionloop.monitor.impact.rate_ratio import Counted, ratio_upper_bound, upper_bound_to_best


def group_harm(use_case: UseCase, groups: GroupTally, look: Look) -> Iterator[str]:
    """Every group of a protected attribute that it surely favours too rarely, in a sentence.

    ``groups``: as ``chosen`` the release's favourable actions, as ``rules`` the champion's.
    """
    judged = [
        _Judged(watched, ours, theirs, look.repetition)
        for watched, ours, theirs in zip(watched_groups(use_case), groups.chosen, groups.rules, strict=True)
        if watched.is_declared
    ]
    questions, limit = 2 * sum(len(one.large) for one in judged), use_case.gate.minimum_impact_ratio
    for one in judged:
        for group in one.large:
            yield from one.harm(group, look.alpha(questions), limit)


@dataclass(frozen=True)
class _Judged:
    """The groups of one attribute under the release and under the champion."""

    watched: WatchedGroups
    ours: GroupCounts
    theirs: GroupCounts
    repetition: float

    @property
    def large(self) -> tuple[int, ...]:
        """Positions of the groups that are judged; none where there is nobody to compare with."""
        smallest = self.watched.minimum_group_size * self.repetition
        large = tuple(i for i, n in enumerate(self.ours.n) if n >= smallest)
        return large if len(large) > 1 else ()

    def harm(self, group: int, alpha: float, limit: float) -> Iterator[str]:
        """A sentence where its ratio to the best group is surely below the limit and below the champion's."""
        others = [other for other in self.large if other != group]
        most = upper_bound_to_best(
            self._counted(self.ours, group), [self._counted(self.ours, one) for one in others], alpha
        )
        if most is None or most >= limit:
            return
        best = max(others, key=lambda one: self._rate(self.ours, one))
        turned = ratio_upper_bound(self._counted(self.theirs, best), self._counted(self.theirs, group), alpha)
        if turned is None or 1 / turned <= most:
            return  # the champion may favour it as rarely
        name, than = (self.watched.wording(self.ours.groups[one]) for one in (group, best))
        rates = [self._rate(self.ours, group), self._rate(self.ours, best), self._rate(self.theirs, group)]
        yield (
            f"{name} ({self.watched.name}) would get the favourable action in {rates[0]:.1%} of the cases, {than} in "
            f"{rates[1]:.1%}: surely less than {limit:.2f} times as often. The champion gives it to {rates[2]:.1%}."
        )

    def _counted(self, counts: GroupCounts, position: int) -> Counted:
        favourable, n = counts.counted(position)
        return favourable / self.repetition, n / self.repetition

    def _rate(self, counts: GroupCounts, position: int) -> float:
        favourable, n = counts.counted(position)
        return favourable / n if n else 0.0
