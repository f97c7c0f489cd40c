"""The audit of a release beside the champion: one batch, from what both have said of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from decisionloop.contract import UseCase
from decisionloop.monitor.alarm.budget import budget_of
from decisionloop.monitor.alarm.terms import Terms
from decisionloop.monitor.compare.profile import FrameProfile, Reference
from decisionloop.monitor.compare.windows import Window
from decisionloop.monitor.impact.adverse_impact import impact_of_counts
from decisionloop.monitor.impact.group_tally import GroupTally, watched_groups
from decisionloop.monitor.impact.judging import judge_impact
from decisionloop.monitor.inputs import judge_inputs
from decisionloop.monitor.shadow.beside import SeenPart, together
from decisionloop.monitor.shadow.limits import crossed_limits
from decisionloop.monitor.shadow.outputs import output_differences
from decisionloop.monitor.shadow.record import (
    ActionCount,
    BatchTime,
    GroupFavour,
    InputShift,
    ReasonStability,
    ShadowAudit,
)


@dataclass(frozen=True)
class AuditedRun:
    """Which release was scored beside which champion on which batch, how that went, and the milliseconds a row.

    ``per_row`` and ``champion_per_row``: of all batches so far, this one last. ``online_ms``: as `BatchTime` has them.
    """

    release_id: str
    champion_id: str
    batch_id: str
    as_of: datetime
    n: int
    error: str
    nan_rows: int
    per_row: tuple[float, ...]
    champion_per_row: tuple[float, ...]
    online_ms: float | None
    champion_online_ms: float | None


def audit_shadow(
    use_case: UseCase,
    run: AuditedRun,
    parts: Sequence[SeenPart],
    reference: Reference | None,
    reasons: ReasonStability | None,
    before: Sequence[ShadowAudit],
) -> ShadowAudit:
    """Audit one release on one batch.

    ``parts``: none where it said nothing; ``reference``: its training; ``before``: earlier audits of the same release
    beside the same champion, oldest first.
    """
    found = ShadowAudit(
        release_id=run.release_id,
        champion_id=run.champion_id,
        batch_id=run.batch_id,
        as_of=run.as_of,
        n=run.n,
        error=run.error,
        nan_rows=run.nan_rows,
        outputs=(),
        disagreement=None,
        by_slice=(),
        actions=(),
        impact=(),
        inputs=(),
        reasons=reasons,
        time=_time(run),
    )
    if parts:
        seen = together(parts)
        everybody, *slices = seen.disagreements
        found = replace(
            found,
            outputs=output_differences(seen.outputs, [one.outputs for one in before], use_case.shadow.error),
            disagreement=everybody,
            by_slice=tuple(slices),
            actions=tuple(_actions(use_case, seen)),
            impact=tuple(_impact(use_case, seen.counts.groups, run.release_id)),
            inputs=tuple(_inputs(use_case, seen.profile, reference, run.release_id)),
            counts=seen.counts.as_kept(),
        )
    return replace(found, crossed=tuple(crossed_limits(use_case, found)))


def _time(run: AuditedRun) -> BatchTime:
    theirs = run.champion_per_row
    return BatchTime(
        per_row=run.per_row[-1],
        champion_per_row=theirs[-1] if theirs else None,
        batches=len(run.per_row),
        median=float(np.median(run.per_row)),
        slowest=max(run.per_row),
        champion_median=float(np.median(theirs)) if theirs else None,
        online_ms=run.online_ms,
        champion_online_ms=run.champion_online_ms,
    )


def _actions(use_case: UseCase, seen: SeenPart) -> Iterator[ActionCount]:
    for i, action in enumerate(use_case.action_names):
        yield ActionCount(action, seen.counts.actions[i], seen.counts.champion_actions[i])


def _impact(use_case: UseCase, groups: GroupTally, release_id: str) -> Iterator[GroupFavour]:
    """Every group of the protected attributes; the same judgement as of what a champion would do."""
    found = judge_impact(use_case, (Window(1, groups),), budget_of(use_case), release_id)
    surely = {one.slice for one in found if one.is_sure}
    for position, watched in enumerate(watched_groups(use_case)):
        if not watched.is_declared:
            continue
        ours, theirs = (
            impact_of_counts(side[position], watched.reference, watched.minimum_group_size)
            for side in (groups.chosen, groups.rules)
        )
        others = {one.group: one for one in theirs.groups}
        for one in ours.groups:
            ratio, other = one.to_best.value, others[one.group]
            is_lower = ratio is not None and (other.to_best.value is None or ratio < other.to_best.value)
            is_adverse = is_lower and f"{one.attribute}={one.group}" in surely
            rates = one.rate, other.rate, ratio, other.to_best.value
            yield GroupFavour(one.attribute, one.group, one.n, *rates, is_adverse)


def _inputs(
    use_case: UseCase, profile: FrameProfile | None, reference: Reference | None, release_id: str
) -> Iterator[InputShift]:
    """Every feature against what this release learnt from: the champion's monitors compare with the champion's."""
    if profile is None or reference is None:
        return
    terms = Terms.of(use_case, release_id=release_id)
    found = judge_inputs(terms, (Window(1, profile),), reference, (), {})
    surely = {one.slice: one.words for one in found if one.is_sure}
    for one in found:
        if one.monitor == "input_shift":
            name = one.slice.removeprefix("feature=")
            yield InputShift(name, one.figure.value or 0.0, one.slice in surely, surely.get(one.slice, ""))
