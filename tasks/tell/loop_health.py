"""The look at the loop itself, as a step of a run."""

from __future__ import annotations

from datetime import datetime

from decisionloop.ledger.schema import utc_now
from decisionloop.workspace import open_workspace
from tasks.step import step
from tasks.tell.loop_look import LoopWatched, look_at_loop


@step
def watch_loop(use_case: str, now: datetime | None = None) -> LoopWatched:
    """`look_at_loop` as a step of a run."""
    return look_at_loop(open_workspace(use_case), now or utc_now())
