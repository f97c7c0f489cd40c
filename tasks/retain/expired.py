"""The step that applies the contract's `retention`."""

from __future__ import annotations

from datetime import datetime

from decisionloop.custody.retention import apply_retention, plan_retention
from decisionloop.workspace import open_workspace
from tasks.step import step


@step
def expire_batches(use_case: str, as_of: datetime | None) -> str:
    """Take away what is kept no longer as of a time (None: now, of a replay its last batch); returns what went.

    Killed anywhere, done again it goes on. Raises what `apply_retention` does.
    """
    workspace = open_workspace(use_case)
    return apply_retention(workspace, plan_retention(workspace, as_of)).as_text()
