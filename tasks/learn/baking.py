"""A new champion is watched closely: an alarm about it, or a batch that it cannot score, takes its place away."""

from __future__ import annotations

from datetime import datetime, timedelta

from decisionloop.contract.monitoring import MonitorFamily
from decisionloop.endings import Told
from decisionloop.ledger.alarms import alarms_of
from decisionloop.ledger.decisions import shadow_runs
from decisionloop.ledger.releases import RULES, ReleaseStage, champion
from decisionloop.ledger.rollback import roll_back
from decisionloop.release.grounds import GUARD, Grounds
from decisionloop.release.stop_loss import REPLACED
from decisionloop.workspace import Workspace, open_workspace
from tasks.step import step
from tasks.tell.announcements import announce
from tasks.tell.queueing import telling

ABOUT_A_RELEASE: tuple[MonitorFamily, ...] = ("outputs", "performance", "impact", "value")
"""Families whose alarms may be a release's own doing; moved inputs, late labels and skew are nobody's."""


@step
def watch_new_champion(use_case: str, as_of: datetime) -> str:
    """Let whoever decided before decide again where something speaks against a new champion; returns why, "" if not."""
    workspace = open_workspace(use_case)
    decides = champion(workspace.ledger, use_case)
    if decides is None or decides.release.kind == RULES or not _is_new(workspace, decides, as_of):
        return ""
    reason = _what_speaks_against(workspace, decides)
    if not reason:
        return ""
    grounds = Grounds(GUARD, reason, as_of)
    roll_back(workspace.ledger, use_case, None, grounds, telling(workspace.use_case), of=decides.release_id)
    announce("release.rolled_back", use_case, decides.release_id, {"reason": reason, "by": GUARD.name})
    return Told(f"{decides.release_id} was rolled back: {reason}", "Rolled back")


def _is_new(workspace: Workspace, decides: ReleaseStage, as_of: datetime) -> bool:
    """Whether the gate let it decide so lately; one that a person has brought back is that person's choice."""
    days = timedelta(days=workspace.use_case.canary.baking_days)
    return decides.event.decider == "gate" and as_of - decides.event.as_of <= days


def _what_speaks_against(workspace: Workspace, decides: ReleaseStage) -> str:
    """What came up since it decides, in a sentence; "" where nothing did."""
    since = decides.event.recorded_at
    for run in shadow_runs(workspace.ledger, decides.release_id):  # a champion has one only where it failed
        if run.status != "ok" and since is not None and run.at > since:
            return f"it could not score {run.batch_id}: {run.error or 'it valued nobody'}."
    told, families = alarms_of(workspace.ledger, workspace.use_case.name), set(ABOUT_A_RELEASE)
    if workspace.use_case.guardrails.when_losing == "alert":
        families.discard("value")  # people want to be told alone
    # Other people come, and it is handed to the rules: its scores and its skill there are another world's.
    moved = {one.cohort for one in told if one.family == "inputs"}
    for one in told:
        follows = one.cohort in moved and one.family != "impact"
        is_its_own = one.release_id == decides.release_id and one.family in families
        is_told_alone = one.family == "value" and one.against not in REPLACED
        if is_its_own and not follows and not is_told_alone and since is not None and one.at > since:
            return f"within the first {workspace.use_case.canary.baking_days:g} days: {one.words}"
    return ""
