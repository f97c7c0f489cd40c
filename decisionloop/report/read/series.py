"""Measurements as series through time: one a monitor, slice and reference, the one nearest to alarm first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from decisionloop.contract import UseCase
from decisionloop.ledger.alarms import Alarm
from decisionloop.ledger.measurements import Measurement
from decisionloop.ledger.monitor_references import MonitorThreshold
from decisionloop.report.read.decisions import as_object
from decisionloop.report.read.measurements import bounds_of
from decisionloop.report.record.estimate import Estimate
from decisionloop.report.record.monitor_lines import ForetoldLine, LateLine, Series, WatchPoint
from decisionloop.report.words.monitors import monitor_order, monitor_words, slice_words

Key = tuple[str, str, str]
"""Monitor, slice and, for monitors that have several, the reference that it is compared with."""
FORETOLD, FORETOLD_ERROR, SEEN = "auc_estimated", "auc_estimation_error", "ranking"
LATE = ("late_share", "late_outcome_rate", "early_outcome_rate")
_BY_REFERENCE = {"score_shift", "adverse_impact"}
_NOT_EVIDENCE = {"feature", "threshold", "slice", "monitor"}


def series_of(
    figures: Iterable[Measurement],
    alarms: Iterable[Alarm],
    limits: Mapping[tuple[str, str], MonitorThreshold],
    use_case: UseCase,
    is_of_outcomes: bool,
) -> tuple[Series, ...]:
    """The series of one family, in the order of their closeness to alarm.

    ``is_of_outcomes``: figures of a cohort that is not mature may still change; else they are final at once.
    """
    crossed: dict[Key, dict[str, Alarm]] = defaultdict(dict)
    for alarm in alarms:
        crossed[key_of(alarm)][alarm.cohort] = alarm
    grouped: dict[Key, dict[str, Measurement]] = defaultdict(dict)
    for one in figures:
        grouped[key_of(one)][one.cohort] = one
    made = []
    for key, by_cohort in grouped.items():
        last = max(crossed[key].values(), key=lambda one: one.as_of, default=None)
        limit = limits.get(key[:2])
        made.append(
            Series(
                monitor=key[0],
                wording=wording_of(key, use_case),
                unit=monitor_words(key[0]).unit,
                points=tuple(
                    _point(by_cohort[name], name in crossed[key], is_of_outcomes) for name in sorted(by_cohort)
                ),
                alpha=last.alpha if last else limit.alpha if limit else None,
                evidence=evidence_words(limit.evidence) if limit else "",
            )
        )
    return tuple(sorted(made, key=_closeness))


def key_of(one: Measurement | Alarm) -> Key:
    """The series that a measurement or an alarm belongs to."""
    return one.monitor, one.slice, (one.against or "") if one.monitor in _BY_REFERENCE else ""


def wording_of(key: Key, use_case: UseCase) -> str:
    """A series in words: "credit limit: moved from its reference"."""
    monitor, part, against = key
    named, what = slice_words(use_case, part), monitor_words(monitor).wording
    beside = f" (against {against.replace('_', ' ')})" if against else ""
    return f"{named}: {what}{beside}" if named else f"{what}{beside}"


def _point(one: Measurement, is_alarm: bool, is_of_outcomes: bool) -> WatchPoint:
    return WatchPoint(
        cohort=one.cohort,
        estimate=Estimate.of(one.value, one.low, one.high, bounds_of(one)),
        threshold=one.threshold,
        n=one.n,
        effective_n=one.effective_n,
        is_alarm=is_alarm,
        is_mature=one.is_mature or not is_of_outcomes,
    )


def _closeness(one: Series) -> tuple[int, float, int, str]:
    """Series with alarms first, then those judged against a limit by how near they came to it, then the others."""
    gaps = [
        abs(point.estimate.value - point.threshold) / (abs(point.threshold) or abs(point.estimate.value) or 1.0)
        for point in one.points
        if point.estimate.value is not None and point.threshold is not None
    ]
    return -one.alarms, min(gaps, default=float("inf")), monitor_order(one.monitor), one.wording


def evidence_words(evidence: str) -> str:
    """The evidence for a limit, JSON, as "batches 12, mean 0.04"."""
    told = []
    for name, value in as_object(evidence).items():
        if name not in _NOT_EVIDENCE and value is not None:
            shown = f"{value:.3g}" if isinstance(value, float) else str(value)
            told.append(shown if name == "value" else f"{name.replace('_', ' ')} {shown}")
    return ", ".join(told)


def foretold_lines(figures: Sequence[Measurement]) -> tuple[ForetoldLine, ...]:
    """Cohorts whose AUC was foretold before outcomes came and then compared with what came, by cohort."""
    by_cohort: dict[str, dict[str, float]] = defaultdict(dict)
    for one in figures:
        if one.monitor in {FORETOLD, FORETOLD_ERROR} and one.slice == "all" and one.value is not None:
            by_cohort[one.cohort][one.monitor] = one.value
    return tuple(
        ForetoldLine(cohort, told[FORETOLD], told[FORETOLD] + told[FORETOLD_ERROR])
        for cohort, told in sorted(by_cohort.items())
        if len(told) == 2
    )


def late_line(figures: Iterable[Measurement]) -> LateLine | None:
    """How many come late, and how different they are, of the newest cohort that says it; None where none does."""
    found = {(one.cohort, one.monitor): one for one in figures if one.slice == "all"}
    cohorts = {cohort for cohort, _ in found}
    told = [one for one in cohorts if all((one, name) in found for name in LATE)]
    if not told:
        return None
    comes, late, early = (found[max(told), name] for name in LATE)
    ends = (Estimate.of(one.value, one.low, one.high) for one in (comes, late, early))
    return LateLine(max(told), comes.n, *ends)
