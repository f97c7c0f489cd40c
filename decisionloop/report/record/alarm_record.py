"""How often the monitors were wrong and how soon they were right, against the budget that the contract declares."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING

from decisionloop.contract import UseCase
from decisionloop.ledger.alarms import alarms_of
from decisionloop.ledger.batches import batches, cohort_name
from decisionloop.ledger.incidents import incidents
from decisionloop.monitor.alarm.budget import DAYS_PER_YEAR, AlarmBudget, budget_of
from decisionloop.report.read.monitors import check_counts, families_of

if TYPE_CHECKING:
    from decisionloop.ledger.storage.engine import Ledger
    from decisionloop.sources.base import TrueChange

HALTS = "data quality"
"""Stands for a family where a batch was halted before any monitor saw it."""
FALSE = "false"
"""An incident that a person closed with a reason that begins so was a false alarm."""
CONFIDENCE = 0.95


@dataclass(frozen=True)
class RecordedAlarm:
    """What the record needs of an alarm: its family, incident, cohort (as batches are named) and when it was raised."""

    family: str
    incident_id: str
    cohort: str
    as_of: datetime

    @property
    def day(self) -> date:
        """The day of the cohort that it is about; where the cohort is no time, the day on which it was raised."""
        try:
            return datetime.fromisoformat(self.cohort).date()
        except ValueError:
            return self.as_of.date()


@dataclass(frozen=True)
class Rate:
    """``count`` events in ``years``; ``high`` and ``low`` are exact one-sided 95 % bounds of the yearly rate."""

    count: int
    years: float

    @property
    def value(self) -> float | None:
        """Events a year; None before any time has passed."""
        return self.count / self.years if self.years > 0 else None

    @property
    def high(self) -> float | None:
        """Upper bound for a Poisson count (Garwood 1936): a half of the chi-square quantile at 2 (count + 1)."""
        from scipy.special import gammaincinv

        return float(gammaincinv(self.count + 1, CONFIDENCE)) / self.years if self.years > 0 else None

    @property
    def low(self) -> float | None:
        """Lower bound of the same kind; 0 for no event."""
        from scipy.special import gammaincinv

        if self.years <= 0 or not self.count:
            return None if self.years <= 0 else 0.0
        return float(gammaincinv(self.count, 1 - CONFIDENCE)) / self.years


@dataclass(frozen=True)
class FamilyRecord:
    """One family: what it did, and its false incidents a year against its budget a year."""

    family: str
    checks: int
    alarms: int
    incidents: Rate
    false: Rate
    budget: float

    @property
    def verdict(self) -> str:
        """ "within the budget" or "above it" where the bounds tell, else "too early to tell"."""
        if self.false.high is None or self.false.low is None:
            return "nothing was watched yet"
        if self.false.high <= self.budget:
            return "surely within the budget"
        return "surely above the budget" if self.false.low > self.budget else "too early to tell"


@dataclass(frozen=True)
class Detection:
    """How soon a family noticed a true change: its first alarm about a cohort from the change on.

    ``is_expected``: the world says that this family should notice it; where a batch was halted instead, that counts.
    ``delay_batches`` counts batches from the change to the alarm; 1 is the first batch that was changed.
    """

    change: str
    family: str
    at: datetime
    is_expected: bool = True
    incident_id: str | None = None
    noticed_at: datetime | None = None
    delay_days: float | None = None
    delay_batches: int | None = None
    money_per_decision: float | None = None


@dataclass(frozen=True)
class AlarmRecord:
    """The record of all families. ``is_truth_known``: a simulated world told what changed and when."""

    families: tuple[FamilyRecord, ...]
    total: FamilyRecord
    detections: tuple[Detection, ...]
    is_truth_known: bool

    def first_notice(self, change: str) -> Detection | None:
        """What was expected to notice a change, and did so first; None where nothing did."""
        found = [
            (one.noticed_at, one.family, one)
            for one in self.detections
            if one.change == change and one.noticed_at and one.is_expected
        ]
        return min(found, key=lambda told: told[:2])[2] if found else None


@dataclass(frozen=True)
class WatchedTime:
    """What the monitors did while they watched.

    ``checks`` by family, ``alarms``, the reasons by which incidents were closed, the as-of of each batch (``turns``),
    what period one covers, and the as-of of those that were halted: they may be what noticed a change, before
    anything acted.
    """

    checks: Mapping[str, int]
    alarms: Sequence[RecordedAlarm]
    closing_reasons: Mapping[str, str]
    turns: Sequence[datetime]
    covers_days: float
    halts: Sequence[datetime] = ()


def read_alarm_record(ledger: Ledger, use_case: UseCase, changes: Sequence[TrueChange] | None) -> AlarmRecord:
    """The record of a use case from its ledger; ``changes`` as in :func:`alarm_record`."""
    name = use_case.name
    alarms, counts = alarms_of(ledger, name), check_counts(ledger, name)
    families, checks = families_of(counts, alarms), Counter[str]()
    for one in counts:
        checks[families[one.monitor]] += one.checks
    turns = [one for one in batches(ledger, name) if one.state != "covered"]  # in those nobody was left to decide
    closed = [one.events[-1] for one in incidents(ledger, name) if not one.is_open]
    watched = WatchedTime(
        checks=checks,
        alarms=[RecordedAlarm(one.family, one.incident_id, one.cohort, one.as_of) for one in alarms],
        closing_reasons={event.incident_id: event.reason for event in closed},
        turns=[one.as_of for one in turns],
        covers_days=use_case.schedule.covers_days,
        halts=[one.as_of for one in turns if one.state == "halted"],
    )
    return alarm_record(watched, budget_of(use_case), changes)


def alarm_record(watched: WatchedTime, budget: AlarmBudget, changes: Sequence[TrueChange] | None) -> AlarmRecord:
    """The record of what was watched, against the budget of false alarms.

    With ``changes`` (None: nobody knows them) an incident is false where its first alarm is about a cohort before
    the first change, and only the time before it counts. Without them false are those that people closed as such.
    """
    first = min((change.at for change in changes or ()), default=None)
    before = [when for when in watched.turns if first is None or when < first]
    years, quiet_years = (len(part) * watched.covers_days / DAYS_PER_YEAR for part in (watched.turns, before))
    opened: dict[str, RecordedAlarm] = {}
    for alarm in sorted(watched.alarms, key=lambda one: (one.as_of, one.day)):
        opened.setdefault(alarm.incident_id, alarm)
    if changes is None:
        false = {name for name, reason in watched.closing_reasons.items() if _is_false(reason)}
    else:
        false = {name for name, alarm in opened.items() if first is None or alarm.day < first.date()}

    def record(family: str, families: Iterable[str], allowed: float) -> FamilyRecord:
        of = set(families)
        ours = {name for name, alarm in opened.items() if alarm.family in of}
        return FamilyRecord(
            family=family,
            checks=sum(count for name, count in watched.checks.items() if name in of),
            alarms=sum(alarm.family in of for alarm in watched.alarms),
            incidents=Rate(len(ours), years),
            false=Rate(len(ours & false), quiet_years),
            budget=allowed,
        )

    lines = tuple(record(family, [family], allowed) for family, allowed in budget.false_alarms.items())
    total = record("all", budget.false_alarms, budget.total)
    seen = [*watched.alarms, *(RecordedAlarm(HALTS, "", cohort_name(when), when) for when in watched.halts)]
    return AlarmRecord(lines, total, _detections(seen, watched.turns, changes or ()), changes is not None)


def _is_false(reason: str) -> bool:
    return reason.strip().lower().startswith(FALSE)


def _detections(
    alarms: Sequence[RecordedAlarm], turns: Sequence[datetime], changes: Sequence[TrueChange]
) -> tuple[Detection, ...]:
    """Of each change, families that were expected to notice it, and others that raised an alarm after it."""
    found = []
    for change in changes:
        after = [one for one in alarms if one.day >= change.at.date()]
        for family in dict.fromkeys([*change.families, *sorted({one.family for one in after})]):
            noticed = min((one for one in after if one.family == family), key=lambda one: one.as_of, default=None)
            found.append(_detection(change, family, noticed, turns))
    return tuple(found)


def _detection(change: TrueChange, family: str, noticed: RecordedAlarm | None, turns: Sequence[datetime]) -> Detection:
    untold = Detection(
        change=change.name,
        family=family,
        at=change.at,
        is_expected=family in (*change.families, HALTS),
        money_per_decision=change.money_per_decision,
    )
    if noticed is None:
        return untold
    return replace(
        untold,
        incident_id=noticed.incident_id,
        noticed_at=noticed.as_of,
        delay_days=(noticed.as_of - change.at).total_seconds() / 86_400,
        delay_batches=sum(change.at <= when <= noticed.as_of for when in turns),
    )
