"""The step that stops a release on trial or in shadow."""

from __future__ import annotations

from decisionloop.endings import Told
from decisionloop.ledger.schema import utc_now
from decisionloop.ledger.stopping import stop_release
from decisionloop.release.grounds import Grounds
from decisionloop.workspace import open_workspace
from tasks.release.go_back import decider_named
from tasks.step import step
from tasks.tell.announcements import announce
from tasks.tell.queueing import telling


@step
def stop_beside_champion(use_case: str, release_id: str, reason: str, by: str) -> str:
    """Stop it, and queue news of it; returns what happened in a sentence."""
    workspace = open_workspace(use_case)

    grounds = Grounds(decider_named(workspace, by), reason.strip(), utc_now())
    told = stop_release(workspace.ledger, use_case, release_id.strip(), grounds, telling(workspace.use_case))
    if told.alert is None:
        return f"{release_id} was stopped before. Nothing was changed."
    announce("release.rolled_back", use_case, release_id.strip(), {"reason": reason, "by": by})
    held = sum(one.actions for one in told.held)
    return Told(f"{told.alert.message} {held} unsent actions are held.", "Stopped")
