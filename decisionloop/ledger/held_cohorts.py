"""Cohorts that may neither teach nor judge, asked in one place: `held_cohorts`.

An alarm about too few outcomes holds its cohort back by itself: nothing is written for that, so nothing can be
forgotten. What is said of a cohort afterwards are events: a person excludes or includes it, the monitors include it
once its outcomes are there. The last event counts, until an alarm comes that it did not know of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection

from decisionloop.errors import UsageError
from decisionloop.ledger.alarms import Alarm
from decisionloop.ledger.batches import batches, cohort_name
from decisionloop.ledger.schema import alarm, cohort_event, utc_now
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger

HOLES = ("late_labels", "missing_labels", "promised_labels")
"""Monitors whose alarms hold a cohort back. A rate that moved while its outcomes are there is the world: it teaches."""
MONITORS = "monitors"
"""Who includes a cohort whose outcomes have come after all."""
CohortState = Literal["excluded", "included"]


@dataclass(frozen=True)
class CohortEvent:
    """What was said of a cohort, by whom and why; ``alarms``: how many alarms of `HOLES` about it were known then."""

    use_case: str
    cohort: str
    seq: int
    state: CohortState
    alarms: int
    reason: str
    by: str
    at: datetime


@dataclass(frozen=True)
class HeldCohort:
    """A cohort that neither teaches nor judges: since when, why and by whom; ``incident_id`` None: by a person."""

    cohort: str
    since: datetime
    reason: str
    by: str
    incident_id: str | None

    @property
    def is_by_person(self) -> bool:
        """Whether a person excluded it: then no outcome that comes later releases it."""
        return self.incident_id is None


@dataclass(frozen=True)
class _Told:
    """Everything that is known of one cohort: its last event, and the alarms about it, oldest first."""

    use_case: str
    cohort: str
    event: CohortEvent | None = None
    alarms: Sequence[Alarm] = ()

    @property
    def held(self) -> HeldCohort | None:
        """Why the cohort is held back; None where it is not."""
        if self.event is not None and self.event.state == "excluded":
            return HeldCohort(self.cohort, self.event.at, self.event.reason, self.event.by, None)
        unanswered = self.alarms[self.event.alarms if self.event else 0 :]
        if not unanswered:
            return None
        last = unanswered[-1]
        return HeldCohort(self.cohort, unanswered[0].as_of, last.words, MONITORS, last.incident_id)


def held_cohorts(source: Ledger | Connection, use_case: str) -> dict[str, HeldCohort]:
    """The cohorts of a use case that may neither teach nor judge, by name in order of time.

    Training sets, the gate's looks, triggers and cumulative verdicts leave them out. To close an incident releases
    none: its outcomes are as missing as before.
    """
    told = _told(source, use_case)
    return {name: held for name in sorted(told) if (held := told[name].held) is not None}


def cohort_events(source: Ledger | Connection, use_case: str) -> tuple[CohortEvent, ...]:
    """Everything that was said of the cohorts of a use case, by cohort in order."""
    table = cohort_event.c
    order: list[ColumnElement[Any]] = [table.cohort, table.seq]
    return facts.every(source, CohortEvent, cohort_event, table.use_case == use_case, order_by=order)


def exclude_cohorts(
    ledger: Ledger, use_case: str, cohorts: Sequence[str], reason: str, by: str
) -> dict[str, HeldCohort | None]:
    """Keep cohorts from teaching and judging until a person includes them, all of them or none.

    Returns them by name, each with why it was held back before; None where it was not.

    ``cohorts`` by name, or by their day where it has one alone. Raises UsageError for a cohort that is none of a
    decided batch. To say the same again adds nothing.
    """
    with ledger.begin() as connection:
        _lock(connection)
        decided = [cohort_name(one.as_of) for one in batches(connection, use_case) if one.is_decided]
        meant = _meant(use_case, cohorts, decided, "is no cohort that was decided")
        told = _told(connection, use_case)
        before = {cohort: told.get(cohort, _Told(use_case, cohort)) for cohort in meant}
        for one in before.values():
            _append(connection, one, "excluded", reason, by)
    return {cohort: one.held for cohort, one in before.items()}


def include_cohorts(ledger: Ledger, use_case: str, cohorts: Sequence[str], reason: str, by: str) -> None:
    """Let cohorts that are held back teach and judge again, all of them or none.

    ``cohorts`` by name, or by their day where it has one alone. Raises UsageError for a cohort that is not held back.
    """
    with ledger.begin() as connection:
        _lock(connection)
        told = _told(connection, use_case)
        held = sorted(name for name, one in told.items() if one.held is not None)
        for cohort in _meant(use_case, cohorts, held, "is not held back"):
            _append(connection, told[cohort], "included", reason, by)


def include_complete(ledger: Ledger, use_case: str, cohort: str, reason: str) -> bool:
    """Let a cohort teach again whose outcomes have come; False where a person, or nobody, holds it back by now."""
    with ledger.begin() as connection:
        _lock(connection)
        told = _told(connection, use_case).get(cohort)
        if told is None or told.held is None or told.held.is_by_person:
            return False
        return _append(connection, told, "included", reason, MONITORS)


def _told(source: Ledger | Connection, use_case: str) -> Mapping[str, _Told]:
    with facts.reading(source) as connection:
        last = {one.cohort: one for one in cohort_events(connection, use_case)}
        where = (alarm.c.use_case == use_case, alarm.c.monitor.in_(HOLES))
        order: list[ColumnElement[Any]] = [alarm.c.at, alarm.c.as_of, alarm.c.alarm_id]
        found = facts.every(connection, Alarm, alarm, *where, order_by=order)
    alarms: dict[str, list[Alarm]] = {}
    for one in found:
        alarms.setdefault(one.cohort, []).append(one)
    return {name: _Told(use_case, name, last.get(name), alarms.get(name, ())) for name in {*last, *alarms}}


def _append(connection: Connection, told: _Told, state: CohortState, reason: str, by: str) -> bool:
    last, alarms = told.event, len(told.alarms)
    if last is not None and (last.state, last.alarms, last.reason, last.by) == (state, alarms, reason, by):
        return False
    seq = 1 if last is None else last.seq + 1
    new = CohortEvent(told.use_case, told.cohort, seq, state, alarms, reason, by, utc_now())
    return facts.add(connection, cohort_event, [new]) == 1


def _lock(connection: Connection) -> None:
    """Other writers of events wait until this transaction is over: what it reads of them holds."""
    facts.next_seq(connection, cohort_event)


def _meant(use_case: str, named: Sequence[str], fit: Sequence[str], why: str) -> tuple[str, ...]:
    """The cohorts among ``fit`` that are ``named``, by their names or by a day that has one alone, each once.

    Raises UsageError, with what is not right about it (``why``), where one is none of them.
    """
    found = {one: _cohorts_of(one, fit) for one in named}
    unfit = [one for one, cohorts in found.items() if len(cohorts) != 1]
    if unfit:
        several = [name for one in unfit for name in found[one]]
        known = ", ".join(several or fit[-5:]) or "none"
        which = f"there are {len(several)} of that day" if several else f"the last ones of {len(fit)}"
        raise UsageError(
            f"{', '.join(map(repr, unfit))} of {use_case} {'is not one alone' if several else why}. "
            f"Name cohorts by the time of their batch; {which}: {known}."
        )
    return tuple(dict.fromkeys(cohorts[0] for cohorts in found.values()))


def _cohorts_of(named: str, fit: Sequence[str]) -> list[str]:
    """The cohort of that name, else those of that day."""
    return [named] if named in fit else [one for one in fit if one.startswith(f"{named}T")]
