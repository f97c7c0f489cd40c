"""From the ledger's batches, checks and alarms to the lines of the page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from typing import Any

from decisionloop.act.situation import DEFAULT_FOR_ALL
from decisionloop.ledger.alerts import Alert
from decisionloop.ledger.batches import Batch, cohort_name
from decisionloop.report.read.decisions import CheckResult, DecisionCount
from decisionloop.report.record.lines import AlertLine, BatchLine, DataQualitySummary, FailedCheck
from decisionloop.report.record.story import NOBODY
from decisionloop.report.words.naming import ReleaseNames, StoryClock

DECIDING_ROLES = ("champion", "exploration")


@dataclass(frozen=True)
class Handled:
    """Batches, their decisions and checks, and the details of the events frozen, halted and decided by batch id.

    ``measured``: the cohorts that were measured when they were mature; None where that is not asked.
    """

    batches: tuple[Batch, ...]
    counts: tuple[DecisionCount, ...]
    frozen: Mapping[str, Mapping[str, Any]]
    halted: Mapping[str, Mapping[str, Any]]
    results: tuple[CheckResult, ...]
    decided_detail: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    measured: frozenset[str] | None = None

    @cached_property
    def _by_batch(self) -> dict[str, tuple[DecisionCount, ...]]:
        """The counts of each batch (groupby needs them in the order of batch ids, and so they are read)."""
        return {key: tuple(group) for key, group in groupby(self.counts, lambda one: one.batch_id)}

    def of(self, batch: Batch) -> tuple[DecisionCount, ...]:
        """The counted decisions of a batch."""
        return self._by_batch.get(batch.batch_id, ())

    def champion(self, batch: Batch) -> str:
        """The release that decided a batch, as was noted down; else that of its explored decisions, or of the most."""
        noted = self.decided_detail.get(batch.batch_id, {}).get("decided_by")
        if noted:
            return str(noted)
        others = [one for one in self.of(batch) if one.role != "holdout"]
        counts = [one for one in others if one.role in DECIDING_ROLES] or others
        made: Counter[str] = Counter()
        for one in counts:
            made[one.release_id] += one.decisions
        return max(sorted(made), key=made.__getitem__, default="")

    def on_trial(self, batch: Batch) -> str:
        """The release that decided some of a batch beside its champion; "" where none did."""
        return next((one.release_id for one in self.of(batch) if one.role == "canary"), "")

    @cached_property
    def standing(self) -> tuple[DecisionCount, ...]:
        """The counted decisions of batches that decided: what a halted batch had noted down is no decision."""
        return tuple(one for batch in self.batches if batch.is_decided for one in self.of(batch))

    def decisions(self, batch: Batch) -> int:
        """How many decisions a batch holds."""
        return sum(one.decisions for one in self.of(batch))

    def deciders(self) -> dict[str, tuple[str, ...]]:
        """Release ids of the champions, by cohort and by month, in order of time."""
        return self._by_period(self.champion)

    def trials(self) -> dict[str, tuple[str, ...]]:
        """Release ids that decided a part beside the champion, by cohort and by month, in order of time."""
        return self._by_period(self.on_trial)

    def _by_period(self, release_of: Callable[[Batch], str]) -> dict[str, tuple[str, ...]]:
        found: dict[str, dict[str, None]] = {}
        for batch in self.batches:
            release = release_of(batch) if batch.state != "halted" else ""
            for key in _keys(batch) if release else ():
                found.setdefault(key, {})[release] = None
        return {key: tuple(releases) for key, releases in found.items()}

    def decided(self) -> dict[str, int]:
        """Decisions by cohort and by month."""
        found: dict[str, int] = {}
        for batch in (one for one in self.batches if one.is_decided):
            for key in _keys(batch):
                found[key] = found.get(key, 0) + self.decisions(batch)
        return found


def _keys(batch: Batch) -> tuple[str, str]:
    cohort = cohort_name(batch.as_of)
    return cohort, cohort[:7]


def batch_lines(handled: Handled, names: ReleaseNames) -> tuple[BatchLine, ...]:
    """One line a batch, by as-of."""
    return tuple(_line(batch, handled, names) for batch in handled.batches)


def _line(batch: Batch, handled: Handled, names: ReleaseNames) -> BatchLine:
    champion, trial = handled.champion(batch), handled.on_trial(batch)
    rows = handled.decisions(batch)
    taken: Counter[str] = Counter()
    for one in handled.of(batch):
        taken[one.action] += one.decisions
    is_halted = batch.state == "halted"
    return BatchLine(
        as_of=batch.as_of.date(),
        state=batch.state,
        rows=rows or int(handled.frozen.get(batch.batch_id, {}).get("rows") or 0),
        champion=NOBODY if _is_default_for_all(batch, handled) else names[champion] if champion else "nobody",
        on_trial=names[trial] if trial and batch.state != "halted" else "",
        shares=() if is_halted else tuple((action, taken[action] / rows) for action in sorted(taken)),
        halted_reason=_halt_reason(handled.halted.get(batch.batch_id, {})) if is_halted else "",
        warnings=() if is_halted else _warnings(batch, handled.results),
        outside=_outside(handled.decided_detail.get(batch.batch_id, {})),
        is_measured=handled.measured is None or cohort_name(batch.as_of) in handled.measured,
        withdrawn=int(handled.decided_detail.get(batch.batch_id, {}).get("answered_meanwhile") or 0),
    )


def _is_default_for_all(batch: Batch, handled: Handled) -> bool:
    return handled.decided_detail.get(batch.batch_id, {}).get("rules_because") == DEFAULT_FOR_ALL


def _outside(detail: Mapping[str, Any]) -> float | None:
    outside, decisions = detail.get("outside_support"), detail.get("decisions")
    return None if outside is None or not decisions else outside / decisions


def _halt_reason(detail: Mapping[str, Any]) -> str:
    reason = detail.get("check") or detail.get("reason") or detail.get("value")
    return str(reason) if reason else "the reason was not recorded"


def _warnings(batch: Batch, results: Sequence[CheckResult]) -> tuple[str, ...]:
    return tuple(_warning(one) for one in results if one.batch_id == batch.batch_id and not one.is_success)


def _warning(result: CheckResult) -> str:
    column = f"{result.column_name}: " if result.column_name else ""
    observed = f" ({result.observed})" if result.observed else ""
    return f"{column}{result.expectation.replace('_', ' ')}{observed}"


def quality_summary(results: Sequence[CheckResult], fault_rows: int) -> DataQualitySummary | None:
    """All checks of all batches; None where nothing was checked."""
    if not results:
        return None
    failed: dict[tuple[str, str, str], list[CheckResult]] = {}
    for one in results:
        if not one.is_success:
            failed.setdefault((one.expectation, one.column_name or "", one.severity), []).append(one)
    lines = tuple(
        FailedCheck(
            *key,
            batches=len({one.batch_id for one in found}),
            rows=sum(one.unexpected_count or 0 for one in found),
            remedy=found[-1].remedy,
        )
        for key, found in sorted(failed.items())
    )
    return DataQualitySummary(len(results), len({one.batch_id for one in results}), lines, fault_rows)


def alert_lines(alerts: Sequence[Alert], clock: StoryClock) -> tuple[AlertLine, ...]:
    """Alarms by day; those of a batch on its as-of."""
    as_of = {batch.batch_id: batch.as_of.date() for batch in clock.batches}
    lines = [
        AlertLine(as_of.get(one.batch_id or "") or clock.day(one.at), one.severity, one.kind, one.message, one.remedy)
        for one in alerts
    ]
    return tuple(sorted(lines, key=lambda line: line.on))
