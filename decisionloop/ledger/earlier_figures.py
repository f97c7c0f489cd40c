"""Figures of earlier cohorts as a later one asks for them: the database finds the few that count in a long life.

Of each figure the newest, as `measurements` has it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Select, select

from decisionloop.ledger.measurements import KNOWN_AT
from decisionloop.ledger.schema import measurement
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger


@dataclass(frozen=True)
class FigureOfCohort:
    """One figure of one cohort; ``value`` None where it could not be told."""

    monitor: str
    slice: str
    cohort: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    effective_n: float | None


def figures_of_cohorts(
    source: Ledger | Connection,
    use_case: str,
    monitors: Sequence[str],
    release_id: str | None = None,
    cohorts: Collection[str] | None = None,
    known_at: datetime | None = None,
) -> tuple[FigureOfCohort, ...]:
    """The newest figure of each monitor, slice and cohort (of one release, of a few ``cohorts``; None: of all).

    With ``known_at`` the newest of those that were known then.
    """
    statement = select(*facts.columns_of(FigureOfCohort, measurement)).where(*_of(use_case, monitors, release_id))
    if cohorts is not None:
        statement = statement.where(measurement.c.cohort.in_(cohorts))
    if known_at is not None:
        statement = statement.where(known_at >= KNOWN_AT)
    order = (KNOWN_AT, measurement.c.recorded_at, measurement.c.measurement_id)
    with facts.reading(source) as connection:
        found = connection.execute(statement.order_by(*order)).all()
    newest = {row[:3]: row for row in found}
    return tuple(FigureOfCohort(*row) for row in newest.values())


def first_cohorts_told(
    source: Ledger | Connection, use_case: str, monitor: str, release_id: str, before: str, count: int
) -> tuple[str, ...]:
    """The first ``count`` cohorts before one of which a monitor told a value of a release, oldest first."""
    where = (*_of(use_case, [monitor], release_id), _IS_TOLD, measurement.c.cohort < before)
    return _names(source, _cohorts(*where).order_by(measurement.c.cohort).limit(count))


def last_cohorts_told(
    source: Ledger | Connection, use_case: str, monitor: str, release_id: str, before: str, count: int
) -> tuple[str, ...]:
    """The last ``count`` cohorts before one of which a monitor told a value of a release, newest first."""
    where = (*_of(use_case, [monitor], release_id), _IS_TOLD, measurement.c.cohort < before)
    return _names(source, _cohorts(*where).order_by(measurement.c.cohort.desc()).limit(count))


def last_mature_cohorts(
    source: Ledger | Connection, use_case: str, monitor: str, release_id: str, count: int, known_at: datetime
) -> tuple[str, ...]:
    """The last ``count`` mature cohorts that a monitor had looked at for a release by ``known_at``, newest first
    and whether or not it told a value."""
    where = (*_of(use_case, [monitor], release_id), measurement.c.is_mature, known_at >= KNOWN_AT)
    return _names(source, _cohorts(*where).order_by(measurement.c.cohort.desc()).limit(count))


def cohorts_above(source: Ledger | Connection, use_case: str, monitor: str, value: float) -> frozenset[str]:
    """The cohorts of which a monitor ever told more than ``value``, whatever it told later."""
    return frozenset(_names(source, _cohorts(*_of(use_case, [monitor], None), measurement.c.value > value)))


_IS_TOLD = measurement.c.value.is_not(None)


def _cohorts(*where: ColumnElement[bool]) -> Select[str]:
    return select(measurement.c.cohort).where(*where).distinct()


def _of(use_case: str, monitors: Sequence[str], release_id: str | None) -> list[ColumnElement[bool]]:
    of_release = [] if release_id is None else [measurement.c.release_id == release_id]
    return [measurement.c.use_case == use_case, measurement.c.monitor.in_(monitors), *of_release]


def _names(source: Ledger | Connection, statement: Select[str]) -> tuple[str, ...]:
    with facts.reading(source) as connection:
        return tuple(connection.execute(statement).scalars())
