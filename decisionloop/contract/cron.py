"""The due times of a schedule: when the contract's cron expression says that a batch is due, in UTC.

Cron expressions are Debian cron's (five fields; a day of the month and a day of the week together mean either), read by
the library cronsim; a time that a change of clocks leaves out is due right after it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

from decisionloop.contract.operation import Schedule

_LOOKED_AT = 500
"""Due times over which gaps are looked at: two years of working days, ten of a few days a month."""


def cron_problem(cron: str) -> str | None:
    """What is wrong with a cron expression, in words; None where nothing is."""
    from cronsim import CronSim, CronSimError

    if len(cron.split()) != 5:
        return f"has {len(cron.split())} fields, not five (minute, hour, day of month, month, day of week)"
    try:
        next(CronSim(cron, datetime(2000, 1, 1, tzinfo=UTC)))
    except CronSimError as error:
        return str(error).lower()
    except StopIteration:
        return "is never due"
    return None


def due_times(schedule: Schedule, first: datetime) -> Iterator[datetime]:
    """The due times at or after ``first`` in order, UTC; decades of them."""
    before = first.astimezone(UTC).replace(microsecond=0) - timedelta(seconds=1)
    yield from (moment for moment in _ticks(schedule, before, is_backward=False) if moment >= first)


def due_times_until(schedule: Schedule, last: datetime) -> Iterator[datetime]:
    """The due times at or before ``last``, the latest first, UTC."""
    after = last.astimezone(UTC).replace(microsecond=0) + timedelta(seconds=1)
    yield from _ticks(schedule, after, is_backward=True)


def last_due_time(schedule: Schedule, now: datetime) -> datetime | None:
    """The latest due time at or before ``now``, UTC."""
    return next(due_times_until(schedule, now), None)


def gaps(schedule: Schedule, since: datetime) -> tuple[timedelta, timedelta]:
    """The shortest and the longest time between neighbouring due times from ``since`` on."""
    found = [later - earlier for earlier, later in pairwise(islice(due_times(schedule, since), _LOOKED_AT))]
    return min(found), max(found)


def _ticks(schedule: Schedule, start: datetime, *, is_backward: bool) -> Iterator[datetime]:
    """Due times strictly after (or before) ``start``."""
    from cronsim import CronSim

    for moment in CronSim(schedule.cron, start.astimezone(ZoneInfo(schedule.timezone)), reverse=is_backward):
        yield moment.astimezone(UTC)
