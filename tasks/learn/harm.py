"""The step that stops a release on trial that does harm; and what harm one beside the champion does by now."""

from __future__ import annotations

from datetime import datetime

from decisionloop.endings import Told
from decisionloop.ledger.decisions import shadow_runs
from decisionloop.ledger.releases import Release, ReleaseStage, canary, champion, release_events, roster_of
from decisionloop.ledger.shadow_audits import shadow_audits
from decisionloop.ledger.stopping import stop_release
from decisionloop.monitor.canary.harm import Harm, TrialBatch, harms
from decisionloop.monitor.canary.looks import TOGETHER
from decisionloop.monitor.shadow.record import ShadowAudit
from decisionloop.release.grounds import GUARD, Grounds
from decisionloop.workspace import Workspace, open_workspace
from tasks.step import step
from tasks.tell.announcements import announce
from tasks.tell.queueing import telling
from tasks.watch.shadows import AT_ONCE
from tasks.watch.windows import entities_of

NEWEST = AT_ONCE
"""So many of its batches are looked at in one turn, the newest: so many are audited in one."""


@step
def stop_harm(use_case: str, as_of: datetime) -> str:
    """Stop a release on trial that surely does harm, or whose draw is not what was declared; returns why, "" if not.

    The newest batches that it decided in part are looked at, each with those before it, also what a killed run left.
    """
    workspace = open_workspace(use_case)
    stage, decides = canary(workspace.ledger, use_case), champion(workspace.ledger, use_case)
    if stage is None or decides is None:
        return ""
    told, since = _audits(workspace, stage.release, decides.release, as_of), _on_trial_since(workspace, stage)
    batches = _batches(workspace, told)
    for look in range(max(1, len(told) - NEWEST + 1), len(told) + 1):
        found = harms(workspace.use_case, batches[:look]) if told[look - 1].batch_id in since else ()
        if found:
            return _stop(workspace, stage, found, told[look - 1])
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
    return Told(told.alert.message, "Stopped")


def _audits(
    workspace: Workspace, release: Release, decides: Release, as_of: datetime | None = None
) -> list[ShadowAudit]:
    """Its audits beside this champion since it came into shadow, oldest first: an earlier attempt was mended."""
    entered = [one for one in release_events(workspace.ledger, release.release_id) if one.stage == "shadow"]
    since = entered[-1].recorded_at if entered else None
    runs = {one.batch_id for one in shadow_runs(workspace.ledger, release.release_id) if not since or one.at > since}
    told = [one for one in shadow_audits(workspace.ledger, release.release_id) if one.batch_id in runs]
    # The rules are the rules, also those of another contract.
    rules = roster_of(workspace.ledger, workspace.use_case.name).rules
    beside = rules if decides.release_id in rules else {decides.release_id}
    return [one for one in told if one.champion_id in beside and (as_of is None or one.as_of <= as_of)]


def _on_trial_since(workspace: Workspace, stage: ReleaseStage) -> set[str]:
    """The batches that it has scored since it is on trial."""
    events = release_events(workspace.ledger, stage.release_id)
    entered = next(one for one in reversed(events) if one.stage == "canary" and one.stage_before != "canary")
    runs = shadow_runs(workspace.ledger, stage.release_id)
    return {one.batch_id for one in runs if entered.recorded_at is None or one.at > entered.recorded_at}


def _batches(workspace: Workspace, told: list[ShadowAudit]) -> list[TrialBatch]:
    """Who was in a batch is read where it may be judged together with others."""
    oldest = len(told) - TOGETHER - NEWEST
    return [_batch(workspace, one, has_entities=number >= oldest) for number, one in enumerate(told)]


def _batch(workspace: Workspace, audit: ShadowAudit, has_entities: bool) -> TrialBatch:
    has_moved = any(one.is_sure for one in audit.inputs)
    scores = None if has_moved else audit.scores
    entities = entities_of(workspace, audit.batch_id) if has_entities else None
    return TrialBatch(audit.counts, entities, audit.drawn, audit.calls, scores)
