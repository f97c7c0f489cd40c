"""Reads of the ledger that only the section on monitors and the command line's monitors need."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select

from decisionloop.ledger.alarms import Alarm
from decisionloop.ledger.measurements import KNOWN_AT, Measurement
from decisionloop.ledger.schema import measurement
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.report.words.monitors import monitor_words


@dataclass(frozen=True)
class CheckCount:
    """How often a monitor's figures were judged against a limit, and when last."""

    monitor: str
    checks: int
    last_as_of: datetime


def check_counts(ledger: Ledger, use_case: str) -> tuple[CheckCount, ...]:
    """Measurements with a limit and an answer, by monitor."""
    table = measurement.c
    statement = (
        select(table.monitor, func.count(table.measurement_id), func.max(table.as_of))
        .where(table.use_case == use_case, table.threshold.is_not(None), table.value.is_not(None))
        .group_by(table.monitor)
        .order_by(table.monitor)
    )
    return facts.as_facts(ledger, CheckCount, statement)


def families_of(checks: Iterable[CheckCount], alarms: Iterable[Alarm]) -> dict[str, str]:
    """The family of each monitor that made checks or raised alarms; "" for one that nobody knows."""
    known = {one.monitor: str(monitor_words(one.monitor).family) for one in checks}
    return known | {one.monitor: one.family for one in alarms}


def watched_figures(ledger: Ledger, use_case: str) -> tuple[Measurement, ...]:
    """The newest figure of each monitor, slice, reference, release and cohort, by cohort.

    A figure that was judged against a limit stands for one of the same name that was only measured.
    """
    where = measurement.c.use_case == use_case
    order: list[ColumnElement[Any]] = [KNOWN_AT, measurement.c.recorded_at, measurement.c.measurement_id]
    found = facts.every(ledger, Measurement, measurement, where, order_by=order)
    newest = {(*_name(one), one.against or ""): one for one in found}
    judged = {_name(one) for one in newest.values() if one.threshold is not None}
    kept = {key: one for key, one in newest.items() if one.threshold is not None or _name(one) not in judged}
    return tuple(kept[key] for key in sorted(kept))


def _name(one: Measurement) -> tuple[str, str, str, str]:
    return one.cohort, one.monitor, one.slice, one.release_id or ""
