"""What follows from a verdict: stages in the ledger, then aliases in MLflow, then an event for everybody.

The ledger alone says who decides. Aliases that a killed run has left behind follow with the next one.
"""

from __future__ import annotations

from datetime import datetime

from decisionloop.ledger.alerts import NewAlert
from decisionloop.ledger.flags import switch_of
from decisionloop.ledger.letting_decide import let_decide
from decisionloop.ledger.release_changes import change_stages, judgement_of
from decisionloop.ledger.releases import Release, canary
from decisionloop.release.grounds import GATE, GUARD, Evidence, Grounds
from decisionloop.release.requests import EnterCanary, EnterShadow, Promote, Refuse, StopCanary
from decisionloop.workspace import Workspace
from tasks.release.asking import ask
from tasks.release.fitness import unfit
from tasks.release.mlflow_aliases import follow
from tasks.tell.announcements import announce
from tasks.tell.queueing import append_alert_and_notices


def by_gate(reason: str, as_of: datetime, verdict_id: str | None = None) -> Grounds:
    """The gate's grounds: what it says, and the verdict that says it (None: it did not come to one)."""
    evidence: Evidence = {} if verdict_id is None else {"verdict_id": verdict_id}
    return Grounds(GATE, reason, as_of, evidence)


def enter_shadow(workspace: Workspace, release: Release, grounds: Grounds) -> None:
    """Make a candidate the challenger: scored beside the champion from the next batch on, changing nothing."""
    change_stages(workspace.ledger, release.use_case, EnterShadow(release.release_id), grounds)
    follow(workspace)
    announce("release.shadow", release.use_case, release.release_id, {"reason": grounds.reason})


def enter_canary(workspace: Workspace, release: Release, share: float, grounds: Grounds) -> str:
    """Let a challenger decide for a ``share`` of the entities from the next batch on, or for more than before.

    Returns what it waits for where a person must approve it first, or its kill switch is on; then nothing is changed.
    """
    request = EnterCanary(release.release_id, share)
    waits = _stopped(workspace, release) or ask(workspace, request, grounds)
    if waits is not None:
        return waits
    let_decide(workspace.ledger, release.use_case, request, grounds, workspace.use_case.approval)
    follow(workspace)
    announce("release.canary", release.use_case, release.release_id, {"share": share, "reason": grounds.reason})
    return ""


def stop_canary(workspace: Workspace, release: Release, reason: str, as_of: datetime) -> None:
    """Take its share from a release on trial that does harm; the champion decides for everybody again."""
    change_stages(workspace.ledger, release.use_case, StopCanary(release.release_id), Grounds(GUARD, reason, as_of))
    follow(workspace)
    announce("release.rolled_back", release.use_case, release.release_id, {"reason": reason})


def promote(workspace: Workspace, release: Release, grounds: Grounds) -> str:
    """Make a challenger the champion. A model that decided until now retires; rules stay as the baseline.

    Returns what it waits for where a person must approve it first, or its kill switch is on; then nothing is changed.
    Raises TransitionRefused where the verdict is about another attempt of it, or beside another champion.
    """
    request = Promote(release.release_id, judgement_of(workspace.ledger, str(grounds.evidence["verdict_id"])))
    waits = _stopped(workspace, release) or ask(workspace, request, grounds)
    if waits is not None:
        return waits
    end_other_trial(workspace, release.release_id, grounds.as_of)
    let_decide(workspace.ledger, release.use_case, request, grounds, workspace.use_case.approval)
    follow(workspace)
    announce("release.promoted", release.use_case, release.release_id, {"reason": grounds.reason})
    return ""


def _stopped(workspace: Workspace, release: Release) -> str | None:
    """That a person lets the release decide for nobody, or a changed contract does; None where nothing does."""
    if release.release_id in switch_of(workspace.ledger, release.use_case).stopped:
        return "It waits: its kill switch is on. An approver lifts it."
    why = unfit(workspace, release)
    return f"It waits: the contract has changed, and it must be retrained: {why}." if why else None


def end_other_trial(workspace: Workspace, proven_id: str, as_of: datetime) -> None:
    """Refuse who is on trial beside a champion that goes: it was never compared with ``proven_id``, which comes."""
    other = canary(workspace.ledger, workspace.use_case.name)
    if other is not None and other.release_id != proven_id:
        reason = f"{proven_id} is proven to earn more than the champion beside which it was on trial."
        refuse(workspace, other.release, by_gate(reason, as_of))


def refuse(workspace: Workspace, release: Release, grounds: Grounds) -> None:
    """Send a candidate or challenger away for good. People are told of one that a verdict takes away from its trial."""
    with workspace.ledger.begin() as connection:
        happened = change_stages(connection, release.use_case, Refuse(release.release_id), grounds)
        if "verdict_id" in grounds.evidence and any(event.stage_before == "canary" for event in happened):
            append_alert_and_notices(connection, workspace.use_case, _trial_is_over(release, grounds, happened[0].seq))
    if any(event.stage_before in {"shadow", "canary"} for event in happened):
        follow(workspace)
    announce("release.refused", release.use_case, release.release_id, {"reason": grounds.reason})


def _trial_is_over(release: Release, grounds: Grounds, seq: int) -> NewAlert:
    return NewAlert(
        severity="warning",
        kind="canary",
        message=f"{release.release_id} was refused on trial, and decides for nobody any more. {grounds.reason}",
        remedy=f"`decisionloop history {release.use_case}` shows when it decided. The champion has its share again.",
        occasion=str(seq),
    )
