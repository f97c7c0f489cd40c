"""When a batch is due by the contract's schedule, the periods that batches cover, and the as-ofs that they may have.

A due time is the as-of of a scheduled batch, whenever that batch really starts.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import dropwhile, takewhile
from zoneinfo import ZoneInfoNotFoundError

from cronsim import CronSimError

from decisionloop.contract import cron
from decisionloop.contract.operation import Schedule
from decisionloop.errors import UsageError
from decisionloop.predict.due import MOMENT, Span


def last_due_time(schedule: Schedule, at: datetime) -> datetime:
    """The last due time at or before ``at``. Raises UsageError for a schedule that has none."""
    return next(_usable(schedule, cron.due_times_until(schedule, at)))


def due_times(schedule: Schedule, after: datetime, until: datetime) -> tuple[datetime, ...]:
    """Every due time with ``after`` < time <= ``until``, oldest first. Raises UsageError as :func:`last_due_time`."""
    later = dropwhile(lambda due: due <= after, _usable(schedule, cron.due_times(schedule, after)))
    return tuple(takewhile(lambda due: due <= until, later))


def next_due_time(schedule: Schedule, after: datetime) -> datetime:
    """The first due time after ``after``. Raises UsageError as :func:`last_due_time`."""
    return next(dropwhile(lambda due: due <= after, _usable(schedule, cron.due_times(schedule, after))))


def periods(schedule: Schedule, after: datetime, until: datetime, most: int) -> tuple[Span, ...]:
    """What each due time's batch is the first to cover, for the last ``most`` due times of a span, oldest first.

    It begins at the due time before, at the earliest `covers_days` ago: what fell due between them is nobody's.
    Raises UsageError as :func:`last_due_time`.
    """
    times = due_times(schedule, after, until)[-most:]
    if not times:
        return ()
    before = (last_due_time(schedule, times[0] - MOMENT), *times)
    covers = timedelta(days=schedule.covers_days)
    return tuple(Span(max(start, due - covers, after), due) for start, due in zip(before, times, strict=False))


def checked_as_of(as_of: datetime, is_future_allowed: bool = False) -> datetime:
    """``as_of`` in UTC; one without a time zone is UTC.

    Raises UsageError for one that is still to come (unless that is allowed) or that no calendar of ours reaches.
    """
    if not 1900 <= as_of.year < 2200:
        raise UsageError(f"an as-of in the year {as_of.year} cannot be. Give one such as 2024-03-04.")
    moment = as_of.replace(tzinfo=UTC) if as_of.tzinfo is None else as_of.astimezone(UTC)
    if moment > datetime.now(UTC) and not is_future_allowed:
        raise UsageError(
            f"the as-of {moment.isoformat()} is still to come: nobody knows yet who will be due then, and cohorts "
            "would be measured without their outcomes. Correct it; if you mean it, allow it (--allow-future, in a flow "
            "allow_future)."
        )
    return moment


def _usable(schedule: Schedule, times: Iterator[datetime]) -> Iterator[datetime]:
    """The due times; raises UsageError where the schedule names none, or no more: the library looks decades ahead."""
    try:
        yield from times
    except (CronSimError, ZoneInfoNotFoundError, ValueError) as error:
        raise _unusable(schedule, error) from error
    raise _unusable(schedule, ValueError("it never comes"))


def _unusable(schedule: Schedule, error: Exception) -> UsageError:
    return UsageError(
        f"schedule.cron {schedule.cron!r} in {schedule.timezone!r} names no time: {error}. "
        "Write it as 0 6 * * 1 (minute, hour, day, month, day of week) and the zone as Europe/Berlin, "
        "or give the time with --as-of."
    )
