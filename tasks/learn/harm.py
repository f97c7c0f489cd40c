"""The step that stops a release on trial that does harm; and what harm one beside the champion does by now."""

from __future__ import annotations

from datetime import datetime

from decisionloop.ledger.decisions import shadow_runs
from decisionloop.ledger.releases import Release, ReleaseStage, canary, champion, release_events
from decisionloop.ledger.shadow_audits import shadow_audits
from decisionloop.ledger.stopping import stop_release
from decisionloop.monitor.canary.harm import Harm, TrialBatch, harms
from decisionloop.monitor.shadow.record import ShadowAudit
from decisionloop.release.grounds import GUARD, Grounds
from decisionloop.workspace import Workspace, open_workspace
from tasks.step import step
from tasks.tell.announcements import announce
from tasks.tell.notices import telling
from tasks.watch.windows import entities_of

BATCHES = 52
"""So many of its last batches are judged together."""


@step
def stop_harm(use_case: str, as_of: datetime) -> str:
    """Stop a release on trial that surely does harm, or whose draw is not what was declared; returns why, "" if not.

    Every batch that it decided in part is looked at, each with those before it: also what a killed run has left.
    """
    workspace = open_workspace(use_case)
    stage, decides = canary(workspace.ledger, use_case), champion(workspace.ledger, use_case)
    if stage is None or decides is None:
        return ""
    before, since = _audits(workspace, stage.release, decides.release, as_of), _on_trial_since(workspace, stage)
    for look, audit in enumerate(before, start=1):
        if audit.batch_id in since:
            found = harms(workspace.use_case, _batches(workspace, before[:look]))
            if found:
                return _stop(workspace, stage, found, audit)
    return ""


def harm_by_now(workspace: Workspace, release: Release, decides: Release) -> str:
    """By what a release beside the champion surely does harm, as its last batch says, in sentences; "" by nothing."""
    told = _audits(workspace, release, decides)
    return " ".join(one.words for one in harms(workspace.use_case, _batches(workspace, told)))


def _stop(workspace: Workspace, stage: ReleaseStage, found: tuple[Harm, ...], audit: ShadowAudit) -> str:
    name = workspace.use_case.name
    reason = f"As seen in {audit.batch_id}: {' '.join(one.words for one in found)}"
    grounds = Grounds(GUARD, reason, audit.as_of, {"batch_id": audit.batch_id, "harm": found[0].kind})
    told = stop_release(workspace.ledger, name, stage.release_id, grounds, telling(workspace.use_case))
    if told.alert is None:
        return ""
    announce("release.rolled_back", name, stage.release_id, {"reason": reason, "by": GUARD.name})
    return told.alert.message


def _audits(
    workspace: Workspace, release: Release, decides: Release, as_of: datetime | None = None
) -> list[ShadowAudit]:
    """Its last audits beside this champion since it came into shadow, oldest first: an earlier attempt was mended."""
    entered = [one for one in release_events(workspace.ledger, release.release_id) if one.stage == "shadow"]
    since = entered[-1].recorded_at if entered else None
    runs = {one.batch_id for one in shadow_runs(workspace.ledger, release.release_id) if not since or one.at > since}
    told = [one for one in shadow_audits(workspace.ledger, release.release_id) if one.champion_id == decides.release_id]
    return [one for one in told if one.batch_id in runs and (as_of is None or one.as_of <= as_of)][-BATCHES:]


def _on_trial_since(workspace: Workspace, stage: ReleaseStage) -> set[str]:
    """The batches that it has scored since it is on trial."""
    events = release_events(workspace.ledger, stage.release_id)
    entered = next(one for one in reversed(events) if one.stage == "canary" and one.stage_before != "canary")
    runs = shadow_runs(workspace.ledger, stage.release_id)
    return {one.batch_id for one in runs if entered.recorded_at is None or one.at > entered.recorded_at}


def _batches(workspace: Workspace, told: list[ShadowAudit]) -> list[TrialBatch]:
    return [_batch(workspace, one) for one in told]


def _batch(workspace: Workspace, audit: ShadowAudit) -> TrialBatch:
    has_moved = any(one.is_sure for one in audit.inputs)
    scores = None if has_moved else audit.scores
    return TrialBatch(audit.counts, entities_of(workspace, audit.batch_id), audit.drawn, audit.calls, scores)
