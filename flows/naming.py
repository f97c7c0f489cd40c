"""Names of flow runs that a person can read, and the time that a run without one is as of."""

from __future__ import annotations

from datetime import UTC, datetime

from prefect.runtime import flow_run

from decisionloop.errors import DecisionLoopError
from decisionloop.schedule import checked_as_of
from tasks.predict.due_time import last_turn

TURNS = ("loop", "catch_up")
"""The flows that are as of the last due time of their schedule where nobody says another."""


def run_name() -> str:
    """``credit_line 2005-07-08``: the use case, and what the run is as of (or its start, to the minute)."""
    parameters = flow_run.parameters
    use_case = str(parameters["use_case"])
    batch_id = str(parameters.get("batch_id") or "")
    as_of = batch_id.partition("/")[2] or str(parameters.get("as_of") or "").partition(" ")[0]
    return f"{use_case} {as_of.partition('T')[0] or _by_itself(use_case)}"


def _by_itself(use_case: str) -> str:
    """What a run is as of that was given no time."""
    if flow_run.flow_name in TURNS:
        try:
            return f"{last_turn(use_case, _due()):%Y-%m-%d}"
        except DecisionLoopError:
            pass  # the run itself ends with it, in a state that says it; a name must not keep it from that
    return f"{_due():%Y-%m-%d %H:%M}"


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
