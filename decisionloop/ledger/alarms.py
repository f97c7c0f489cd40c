"""Checks that crossed their limits, each with what is at stake, in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from decisionloop.ledger.schema import alarm, measurement
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger

SEVERITIES = ("info", "warning", "critical")


@dataclass(frozen=True)
class AlarmKey:
    """One check of one cohort at one time, which crosses its limit once: raising it again is the same fact."""

    use_case: str
    monitor: str
    slice: str
    against: str
    release_id: str | None
    cohort: str
    as_of: datetime

    @property
    def alarm_id(self) -> str:
        """The id of the alarm."""
        return facts.fact_id(*astuple(self))


@dataclass(frozen=True)
class Alarm:
    """One crossing of one check.

    ``slice`` is "all" or "name=value", ``against`` the reference of the comparison or "", ``cohort`` the name of the
    first affected batch ("2005-09-08"). ``stake_per_decision`` and ``stake_total`` are money, None where nobody can
    say. ``chart`` is JSON: labels, reference, current.
    """

    alarm_id: str
    use_case: str
    incident_id: str
    family: str
    monitor: str
    slice: str
    against: str
    release_id: str | None
    batch_id: str | None
    cohort: str
    severity: str
    value: float | None
    low: float | None
    high: float | None
    threshold: float
    bound: float
    alpha: float
    stake_per_decision: float | None
    stake_total: float | None
    words: str
    suggestion: str
    chart: str | None
    as_of: datetime
    at: datetime


def append_alarms(target: Ledger | Connection, alarms: Sequence[Alarm]) -> int:
    """Append alarms; returns how many were new."""
    return facts.add(target, alarm, alarms)


def alarms_of(source: Ledger | Connection, use_case: str, incident_id: str | None = None) -> tuple[Alarm, ...]:
    """The alarms of a use case (of one incident), oldest first."""
    where = [alarm.c.use_case == use_case]
    if incident_id is not None:
        where.append(alarm.c.incident_id == incident_id)
    table = alarm.c
    order: list[ColumnElement[Any]] = [table.as_of, table.cohort, table.monitor, table.slice, table.alarm_id]
    return facts.every(source, Alarm, alarm, *where, order_by=order)


def recorded_alarms(source: Ledger | Connection, alarm_ids: Iterable[str]) -> dict[str, Alarm]:
    """Those of these alarms that are in the ledger already, by id."""
    found = facts.every(source, Alarm, alarm, alarm.c.alarm_id.in_(sorted(alarm_ids)))
    return {one.alarm_id: one for one in found}


def quiet_checks(source: Ledger | Connection, alarms: Sequence[Alarm]) -> int:
    """At how many times the monitors of these alarms have judged something since the last of them.

    ``alarms`` are those of one incident, every one of them. A check that could not answer (no value) does not count.
    """
    if not alarms:
        return 0
    table = measurement.c
    statement = select(func.count(table.as_of.distinct())).where(
        table.use_case == alarms[0].use_case,
        table.monitor.in_(sorted({one.monitor for one in alarms})),
        table.as_of > max(one.as_of for one in alarms),
        table.threshold.is_not(None),
        table.value.is_not(None),
    )
    with facts.reading(source) as connection:
        return connection.execute(statement).scalar_one()
