"""From the ledger's measurements, alarms and incidents to the lines of the section on monitors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from decisionloop.contract import UseCase
from decisionloop.ledger.alarms import Alarm, alarms_of
from decisionloop.ledger.batches import batches, cohort_name
from decisionloop.ledger.incidents import Incident, incidents
from decisionloop.ledger.measurements import Measurement
from decisionloop.ledger.monitor_references import MonitorThreshold, thresholds_of
from decisionloop.monitor.alarm.budget import DAYS_PER_YEAR, FAMILIES, budget_of
from decisionloop.report.read.decisions import as_object
from decisionloop.report.read.losses import causes_of, weak_slices_now
from decisionloop.report.read.monitors import CheckCount, check_counts, families_of, watched_figures
from decisionloop.report.read.series import FORETOLD, SEEN, foretold_lines, key_of, late_line, series_of, wording_of
from decisionloop.report.record.estimate import Estimate
from decisionloop.report.record.monitor_lines import FamilyWatch, IncidentLine, MonitorAlarm, Monitoring, Shares
from decisionloop.report.words.monitors import family_order, monitor_words

if TYPE_CHECKING:
    from decisionloop.ledger.storage.engine import Ledger

Deciders = Mapping[str, tuple[str, ...]]
OF_OUTCOMES = ("performance", "value", "feedback")
"""Families whose figures may still change while outcomes come in."""


@dataclass(frozen=True)
class _Watched:
    """What the ledger holds of one use case's monitors; ``families`` by monitor."""

    use_case: UseCase
    figures: tuple[Measurement, ...]
    alarms: tuple[Alarm, ...]
    incidents: tuple[Incident, ...]
    checks: tuple[CheckCount, ...]
    limits: Mapping[tuple[str, str], MonitorThreshold]
    families: Mapping[str, str]


def read_monitoring(ledger: Ledger, use_case: UseCase, deciders: Deciders) -> Monitoring | None:
    """Read the section; None where nothing was ever judged against a limit.

    ``deciders``: release ids that decided, by cohort and month; figures of others (shadows) are left out.
    """
    name = use_case.name
    alarms, checks = alarms_of(ledger, name), check_counts(ledger, name)
    if not alarms and not checks:
        return None
    found = [one for one in batches(ledger, name) if one.state != "covered"]
    last = deciders.get(cohort_name(found[-1].as_of), ()) if found else ()
    figures = _of_deciders(watched_figures(ledger, name), deciders)
    known = {one.monitor: str(monitor_words(one.monitor).family) for one in figures}
    watched = _Watched(
        use_case=use_case,
        figures=figures,
        alarms=alarms,
        incidents=incidents(ledger, name),
        checks=checks,
        limits=thresholds_of(ledger, name, last[-1] if last else None),
        families=known | families_of(checks, alarms),
    )
    every = {*FAMILIES, *(family for family in watched.families.values() if family)}
    budget: Mapping[str, float] = dict(budget_of(use_case).false_alarms.items())
    return Monitoring(
        families=tuple(_family(one, watched, budget.get(one, 0.0)) for one in sorted(every, key=family_order)),
        batches=len(found),
        years=len(found) * use_case.schedule.covers_days / DAYS_PER_YEAR,
        causes=causes_of(ledger, name),
        weak_slices=weak_slices_now(ledger, name),
        foretold=foretold_lines(figures),
        late=late_line(figures),
    )


def _of_deciders(figures: Iterable[Measurement], deciders: Deciders) -> tuple[Measurement, ...]:
    """Those of releases that decided the cohort, or of no release; of a cohort that nobody decided, all."""
    return tuple(
        one
        for one in figures
        if one.release_id is None or one.release_id in deciders.get(one.cohort, (one.release_id,))
    )


def _family(family: str, watched: _Watched, budget: float) -> FamilyWatch:
    ours = [one for one in watched.figures if watched.families.get(one.monitor) == family]
    alarms = tuple(one for one in watched.alarms if one.family == family)
    counts = [one for one in watched.checks if watched.families.get(one.monitor) == family]
    series = series_of(ours, alarms, watched.limits, watched.use_case, family in OF_OUTCOMES)
    by_monitor = {one.monitor: one for one in series}
    return FamilyWatch(
        family=family,
        series=series,
        alarms=tuple(_alarm(one, watched.use_case) for one in alarms),
        incidents=tuple(incident_line(one) for one in watched.incidents if one.family == family),
        checks=sum(one.checks for one in counts),
        budget=budget,
        last_checked=max((f"{one.last_as_of:%Y-%m-%d}" for one in counts), default=""),
        foretold=by_monitor.get(FORETOLD),
        seen=by_monitor.get(SEEN),
    )


def _alarm(one: Alarm, use_case: UseCase) -> MonitorAlarm:
    return MonitorAlarm(
        on=one.as_of.date(),
        cohort=one.cohort,
        severity=one.severity,
        monitor=one.monitor,
        wording=wording_of(key_of(one), use_case),
        unit=monitor_words(one.monitor).unit,
        value=Estimate.of(one.value, one.low, one.high),
        threshold=one.threshold,
        bound=one.bound,
        alpha=one.alpha,
        stake=one.stake_total,
        words=one.words,
        suggestion=one.suggestion,
        shares=_shares(one.chart),
    )


def _shares(chart: str | None) -> Shares | None:
    """The chart of an alarm (JSON); None where it holds none that can be drawn."""
    content = as_object(chart) if chart else {}
    parts = [content.get(name) for name in ("labels", "reference", "current")]
    if not all(isinstance(part, list) and part for part in parts) or len({len(part or ()) for part in parts}) > 1:
        return None
    labels, *shares = ([*(part or ())] for part in parts)
    reference, current = (tuple(float(share) for share in part) for part in shares)
    return Shares(tuple(str(label) for label in labels), reference, current)


def incident_line(one: Incident) -> IncidentLine:
    """An incident as the page tells it."""
    told = one.events[-1]
    return IncidentLine(
        incident_id=one.incident_id,
        family=one.family,
        state=one.state,
        severity=one.severity,
        opened_on=one.first_alarm_as_of.date(),
        last_alarm_on=one.last_alarm_as_of.date(),
        alarms=one.alarms,
        stake=one.stake_total,
        words=one.last_words,
        suggestion=one.suggestion,
        reason="" if told.state == "opened" else f"{told.by}: {told.reason.rstrip('.')}",
    )
