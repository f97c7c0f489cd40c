"""The figures of the monitors, each with its interval and the number of rows behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime

import pandas as pd
from sqlalchemy import ColumnElement, Connection, case, func, select

from decisionloop.ledger.measured_cohorts import MeasuredCohort, append_measured
from decisionloop.ledger.schema import as_utc, measurement, utc_now
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.storage.frames import read_frame

FEATURE_PREFIX = "feature_"
"""How the names of the figures of a review of the features begin (`ledger.feature_reviews`)."""
POOLED_PREFIX = "pooled_"
"""How the names of figures of several cohorts as one begin (`observe.pooled_cohorts`): none is a cohort's own."""


@dataclass(frozen=True)
class Measurement:
    """One figure. ``slice`` and ``cohort`` are names ("all", "2005-07"); ``value`` is None where there is none.

    ``threshold`` is the limit that it was judged by, ``against`` the reference that it was compared with, if any.
    ``missing_n`` outcomes of it have not come (None: all have), about ``to_come_n`` of which still will; whatever the
    others are, it lies between ``worst`` and ``best`` (None: not bounded).
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
    worst: float | None = None
    best: float | None = None
    missing_n: int | None = None
    to_come_n: float | None = None


@dataclass(frozen=True, kw_only=True)
class _MeasurementRow(Measurement):
    measurement_id: str
    recorded_at: datetime


def append_measurements(
    target: Ledger | Connection, measurements: Sequence[Measurement], at: datetime | None = None
) -> int:
    """Append figures; one of the same use case, release, monitor, slice, cohort, as-of and reference is the same.

    With those of a mature cohort goes that it was measured, unless all of them were there: then nothing was.
    """
    moment = at or utc_now()
    by_cohort: dict[MeasuredCohort | None, list[_MeasurementRow]] = {}
    for figure in measurements:
        by_cohort.setdefault(_measured(figure, moment), []).append(_row(figure, moment))
    with facts.writing(target) as connection:
        new = {cohort: facts.add(connection, measurement, rows) for cohort, rows in by_cohort.items()}
        append_measured(connection, [cohort for cohort, count in new.items() if cohort is not None and count])
    return sum(new.values())


def _row(figure: Measurement, recorded_at: datetime) -> _MeasurementRow:
    key = (figure.use_case, figure.release_id, figure.monitor, figure.slice, figure.cohort, figure.as_of)
    against = (figure.against,) if figure.against else ()
    values = {field.name: getattr(figure, field.name) for field in fields(Measurement)}
    return _MeasurementRow(**values, measurement_id=facts.fact_id(*key, *against), recorded_at=recorded_at)


def _measured(figure: Measurement, made_at: datetime) -> MeasuredCohort | None:
    """The mature cohort that was measured where a figure says so; a single check against a limit does not.

    Nor does what is of many cohorts: a review of the features, and cohorts pooled as one.
    """
    is_of_many = figure.monitor.startswith((FEATURE_PREFIX, POOLED_PREFIX))
    if not figure.is_mature or figure.threshold is not None or is_of_many:
        return None
    return MeasuredCohort(figure.use_case, figure.cohort, min(figure.as_of, made_at), made_at)


KNOWN_AT: ColumnElement[datetime] = case(
    (measurement.c.as_of < measurement.c.recorded_at, measurement.c.as_of), else_=measurement.c.recorded_at
)
"""Up to when a figure knows: its as-of, but no later than it was made, or an as-of to come would stay the last."""
_FIGURE = ["monitor", "slice", "cohort", "release_id", "against"]


def measurements_of(
    ledger: Ledger,
    use_case: str,
    monitor: str | Sequence[str] | None = None,
    release_id: str | None = None,
    cohort: str | Sequence[str] | None = None,
) -> pd.DataFrame:
    """The newest of each figure of a use case (of some monitors, one release, some cohorts) by as-of.

    Columns of `measurement`.

    A cohort's figures are made again while its outcomes come in. One that was judged against a limit at several times
    is one figure, too.
    """
    table = measurement.c
    statement = select(measurement).where(table.use_case == use_case)
    if monitor is not None:
        statement = statement.where(table.monitor.in_([monitor] if isinstance(monitor, str) else monitor))
    if release_id is not None:
        statement = statement.where(table.release_id == release_id)
    if cohort is not None:
        statement = statement.where(table.cohort.in_([cohort] if isinstance(cohort, str) else cohort))
    found = read_frame(ledger, statement.order_by(KNOWN_AT, table.recorded_at, table.measurement_id))
    newest = found.drop_duplicates(_FIGURE, keep="last")
    return newest.sort_values(["as_of", "monitor", "cohort", "slice", "measurement_id"], ignore_index=True)


def first_known(source: Ledger | Connection, use_case: str, monitor: str) -> dict[str, datetime]:
    """When the figure of each cohort was first known, by the cohort's name: the as-of of its first measurement."""
    table = measurement.c
    first = select(table.cohort, func.min(KNOWN_AT)).where(table.use_case == use_case, table.monitor == monitor)
    with facts.reading(source) as connection:
        rows = connection.execute(first.group_by(table.cohort)).all()
    return {str(cohort): as_utc(at) for cohort, at in rows}


def judged_between(
    source: Ledger | Connection, use_case: str, monitors: Sequence[str], since: datetime, before: datetime
) -> frozenset[str]:
    """Cohorts that some monitors judged against a limit as of ``since`` or later and before ``before``."""
    table = measurement.c
    statement = select(table.cohort).where(
        table.use_case == use_case,
        table.monitor.in_(monitors),
        table.threshold.is_not(None),
        table.as_of >= since,
        table.as_of < before,
    )
    with facts.reading(source) as connection:
        return frozenset(connection.execute(statement.distinct()).scalars())


def cohorts_with(source: Ledger | Connection, use_case: str, monitor: str) -> frozenset[str]:
    """Cohorts of which a monitor has told a figure, whatever it was."""
    statement = select(measurement.c.cohort).where(measurement.c.use_case == use_case, measurement.c.monitor == monitor)
    with facts.reading(source) as connection:
        return frozenset(connection.execute(statement.distinct()).scalars())
