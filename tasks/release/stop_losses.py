"""The step that stops a model which surely loses money against what it replaced."""

from __future__ import annotations

from datetime import datetime

from decisionloop.ledger.alarms import alarms_of
from decisionloop.ledger.releases import RULES, canary, champion
from decisionloop.ledger.rollback import roll_back
from decisionloop.release.roster import RULES as THE_RULES
from decisionloop.release.stop_loss import REPLACED, Loss, stopping
from decisionloop.workspace import Workspace, open_workspace
from tasks.step import step
from tasks.tell.announcements import announce
from tasks.tell.notices import telling


@step
def stop_losses(use_case: str, as_of: datetime) -> str:
    """Roll back a champion that has surely earned less than the rules or the holdout; returns what was done, or ""."""
    workspace = open_workspace(use_case)
    if workspace.use_case.is_observing:  # what another system loses is nobody's release
        return ""
    decides = champion(workspace.ledger, use_case)
    if decides is None or decides.release.kind == RULES or workspace.use_case.guardrails.when_losing != "rules":
        return ""
    grounds = stopping(_losses(workspace), decides.release_id, decides.event.as_of, as_of)
    if grounds is None:
        return ""

    told = roll_back(workspace.ledger, use_case, THE_RULES, grounds, telling(workspace.use_case), of=decides.release_id)
    if told.alert is None:
        return ""
    announce("release.rolled_back", use_case, told.champion, {"reason": grounds.reason, "by": grounds.by.name})
    return told.alert.message


def _losses(workspace: Workspace) -> list[Loss]:
    """Alarms of the value monitors; beside a release on trial none against the holdout, for it knows not whose loss.

    None against an action for everybody (`REPLACED`).
    """
    ledger, name = workspace.ledger, workspace.use_case.name
    against = set(REPLACED) if canary(ledger, name) is None else {"rules"}
    alarms = [one for one in alarms_of(ledger, name) if one.family == "value" and one.against in against]
    return [
        Loss(one.release_id, one.alarm_id, one.against, one.bound, one.words, one.as_of)
        for one in alarms
        if one.release_id is not None
    ]
