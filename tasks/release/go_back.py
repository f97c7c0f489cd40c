"""The steps of a rollback: to which release, and going there."""

from __future__ import annotations

from decisionloop.endings import Told
from decisionloop.ledger.releases import roster_of
from decisionloop.ledger.rollback import roll_back, target_of
from decisionloop.ledger.schema import utc_now
from decisionloop.release.grounds import Grounds
from decisionloop.release.stages import Decider
from decisionloop.workspace import Workspace, open_workspace
from tasks.step import step
from tasks.tell.announcements import announce
from tasks.tell.queueing import telling


@step
def choose_target(use_case: str, to: str) -> str:
    """The release that ``to`` means now ("" for whoever decided before), by its id: a retry must not go back further.

    Raises TransitionRefused, with the list of what can be chosen, for anything else.
    """
    return target_of(roster_of(open_workspace(use_case).ledger, use_case), to.strip())


@step
def go_back_to(use_case: str, release_id: str, reason: str, by: str) -> str:
    """Let that release decide from now on, and queue news of it; returns what happened in a sentence."""
    workspace = open_workspace(use_case)

    grounds = Grounds(decider_named(workspace, by), reason.strip(), utc_now())
    told = roll_back(workspace.ledger, use_case, release_id, grounds, telling(workspace.use_case))
    if told.alert is None:
        return f"{release_id} decides already. Nothing was changed."
    announce("release.rolled_back", use_case, release_id, {"reason": reason, "by": by})
    held = sum(one.actions for one in told.held)
    return Told(f"{told.alert.message} {held} unsent actions are held.", "Rolled back")


def decider_named(workspace: Workspace, by: str) -> Decider:
    """A person as one who moves releases: an approver, where the contract names that name."""
    name = by.strip()
    return Decider("approver" if name in workspace.use_case.approval.approvers else "person", name)
