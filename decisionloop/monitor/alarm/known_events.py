"""What the business knew of beforehand: named in every alarm about those days, and an excuse for none.

A person who reads "spend has moved" in the week of a campaign should not have to remember the campaign.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from decisionloop.contract import UseCase
from decisionloop.contract.monitoring import KnownEvent
from decisionloop.monitor.alarm.finding import Finding


@dataclass(frozen=True)
class Days:
    """The days that a finding is about, both included."""

    first: date
    last: date

    @classmethod
    def of(cls, use_case: UseCase, finding: Finding, cohort_as_of: datetime, as_of: datetime) -> Days:
        """From what the oldest batch of its window covers until it was found, by when outcomes had come."""
        covered = timedelta(days=use_case.schedule.covers_days * finding.batches)
        return cls((cohort_as_of - covered).date(), as_of.date())

    def events(self, known: Iterable[KnownEvent]) -> tuple[KnownEvent, ...]:
        """Those that fall into these days, wholly or in part, in the contract's order."""
        return tuple(one for one in known if one.from_ <= self.last and one.until >= self.first)


def with_known_events(
    use_case: UseCase, findings: Sequence[Finding], cohort_as_of: datetime, as_of: datetime
) -> tuple[Finding, ...]:
    """The findings, each alarm with the events of `monitors.known_events` that fall into the days that it is about."""
    known = use_case.monitors.known_events
    if not known:
        return tuple(findings)
    return tuple(
        _named(one, Days.of(use_case, one, cohort_as_of, as_of).events(known)) if one.is_alarm else one
        for one in findings
    )


def _named(finding: Finding, events: Sequence[KnownEvent]) -> Finding:
    if not events:
        return finding
    return replace(finding, words=f"{finding.words} Known of these days: {'; '.join(map(event_words, events))}.")


def event_words(event: KnownEvent) -> str:
    """``Lunar New Year (2005-02-08 to 2005-02-13): branches are closed``."""
    days = f"{event.from_}" if event.from_ == event.until else f"{event.from_} to {event.until}"
    return f"{event.name} ({days})" + (f": {event.wording}" if event.wording else "")
