"""Names of flow runs that a person can read, and the time that a run without one is as of."""

from __future__ import annotations

from datetime import UTC, datetime

from prefect.runtime import flow_run

from decisionloop.schedule import checked_as_of
from tasks.predict.due_time import last_turn


def run_name() -> str:
    """``credit_line 2005-07-08``: the use case and the as-of of the running flow's parameters."""
    parameters = flow_run.parameters
    batch_id = str(parameters.get("batch_id") or "")
    as_of = batch_id.partition("/")[2] or str(parameters.get("as_of") or "now").partition(" ")[0]
    return f"{parameters['use_case']} {as_of.partition('T')[0]}"


def as_of_run(as_of: datetime | None, allow_future: bool) -> datetime:
    """What a run that only looks is as of: ``as_of`` (UTC without a zone), else the hour at which it was due.

    Raises UsageError for an as-of that is still to come, unless that is allowed.
    """
    return this_hour() if as_of is None else checked_as_of(as_of, allow_future)


def as_of_turn(use_case: str, as_of: datetime | None, allow_future: bool) -> datetime:
    """What a turn of the loop is as of: ``as_of`` (UTC without a zone), else the last due time of its schedule.

    Raises UsageError for an as-of that is still to come, unless that is allowed.
    """
    return last_turn(use_case, _due()) if as_of is None else checked_as_of(as_of, allow_future)


def this_hour() -> datetime:
    """The hour at which the running flow was due, so that a retry is as of the same time."""
    return _due().replace(minute=0, second=0, microsecond=0)


def _due() -> datetime:
    due: datetime = flow_run.scheduled_start_time or datetime.now(UTC)
    # Prefect gives a datetime of a class of its own, whose differences cannot be divided by a timedelta.
    return datetime.fromtimestamp(due.timestamp(), UTC)
