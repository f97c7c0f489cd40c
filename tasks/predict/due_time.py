"""When a turn of the loop is as of where nobody says it."""

from __future__ import annotations

from datetime import datetime

from decisionloop.schedule import last_due_time
from decisionloop.workspace import open_workspace


def last_turn(use_case: str, at: datetime) -> datetime:
    """The last due time of the contract's schedule by ``at``: a run that starts late is still of that time."""
    return last_due_time(open_workspace(use_case).use_case.schedule, at)
