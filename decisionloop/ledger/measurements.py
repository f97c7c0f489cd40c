"""The figures of the monitors, each with its interval and the number of rows behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime

import pandas as pd
from sqlalchemy import Connection, select

from decisionloop.ledger.schema import measurement, utc_now
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.storage.frames import read_frame


@dataclass(frozen=True)
class Measurement:
    """One figure. ``slice`` and ``cohort`` are names ("all", "2005-07"); ``value`` is None where there is none.

    ``threshold`` is the limit that it was judged by, ``against`` the reference that it was compared with, if any.
    """

    use_case: str
    release_id: str | None
    monitor: str
    slice: str
    cohort: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    effective_n: float | None
    is_mature: bool
    as_of: datetime
    threshold: float | None = None
    against: str | None = None


@dataclass(frozen=True, kw_only=True)
class _MeasurementRow(Measurement):
    measurement_id: str
    recorded_at: datetime


def append_measurements(
    target: Ledger | Connection, measurements: Sequence[Measurement], at: datetime | None = None
) -> int:
    """Append figures; one of the same use case, release, monitor, slice, cohort, as-of and reference is the same."""
    moment = at or utc_now()
    rows = []
    for figure in measurements:
        key = (figure.use_case, figure.release_id, figure.monitor, figure.slice, figure.cohort, figure.as_of)
        against = (figure.against,) if figure.against else ()
        values = {field.name: getattr(figure, field.name) for field in fields(Measurement)}
        rows.append(_MeasurementRow(**values, measurement_id=facts.fact_id(*key, *against), recorded_at=moment))
    return facts.add(target, measurement, rows)


def measurements_of(
    ledger: Ledger, use_case: str, monitor: str | None = None, release_id: str | None = None
) -> pd.DataFrame:
    """The figures of a use case (of one monitor, of one release) by as-of: columns of the table `measurement`."""
    table = measurement.c
    statement = select(measurement).where(table.use_case == use_case)
    if monitor is not None:
        statement = statement.where(table.monitor == monitor)
    if release_id is not None:
        statement = statement.where(table.release_id == release_id)
    order = (table.as_of, table.monitor, table.cohort, table.slice, table.measurement_id)
    return read_frame(ledger, statement.order_by(*order))


def measured_cohorts(source: Ledger | Connection, use_case: str) -> frozenset[str]:
    """Cohorts of a use case that were measured when they were mature; a single check against a limit does not count."""
    table = measurement.c
    is_measured = (table.use_case == use_case, table.is_mature, table.threshold.is_(None))
    statement = select(table.cohort).where(*is_measured).distinct()
    with facts.reading(source) as connection:
        return frozenset(connection.execute(statement).scalars())


def cohorts_with(source: Ledger | Connection, use_case: str, monitor: str) -> frozenset[str]:
    """Cohorts of which a monitor has told a figure, whatever it was."""
    statement = select(measurement.c.cohort).where(measurement.c.use_case == use_case, measurement.c.monitor == monitor)
    with facts.reading(source) as connection:
        return frozenset(connection.execute(statement.distinct()).scalars())
