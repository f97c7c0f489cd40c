"""What speaks for a release: what it did in shadow, and what the gate says; and what follows from it.

A person may overrule one thing: to wait for the confidence that the next step of `canary.steps` asks for. A check that
failed, money that speaks against a release and a promotion that is not proven are nobody's to overrule.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from decisionloop.learn.ramp import share_now
from decisionloop.ledger.approvals import LetDecide
from decisionloop.ledger.decisions import shadow_runs
from decisionloop.ledger.flags import switch_of
from decisionloop.ledger.release_changes import judgement_of
from decisionloop.ledger.releases import Release, ReleaseStage, champion
from decisionloop.ledger.schema import utc_now
from decisionloop.ledger.shadow_audits import last_audit
from decisionloop.ledger.verdicts import Verdict
from decisionloop.release.grounds import GATE, Grounds
from decisionloop.release.requests import EnterCanary, Promote
from decisionloop.release.stages import Decider
from decisionloop.report.words.shadow import shadow_in_brief
from decisionloop.workspace import Workspace
from tasks.learn.canaries import hindrance, runs_since, why_on_trial
from tasks.learn.comparisons import FAILED_BATCHES
from tasks.learn.harm import harm_by_now
from tasks.learn.standings import matured_of, newest_verdict, standing_now
from tasks.release.deployment import Deployment, passed, stop
from tasks.step import step


@dataclass(frozen=True)
class Planned:
    """What follows: the request that lets the release decide, and on which grounds; None where there is nothing to do.

    ``words`` say it.
    """

    request: LetDecide | None
    grounds: Grounds | None
    words: str


@step
def check_shadow(asked: Deployment, stage: ReleaseStage) -> None:
    """It has been scored beside the champion, and did not fail."""
    runs = shadow_runs(asked.workspace.ledger, stage.release_id)
    failed = [run for run in runs if run.status != "ok"]
    if stage.stage == "champion":
        return passed("shadow", "it decides already.")
    if not runs or len(failed) == len(runs):
        stop(asked, "shadow", "it has scored no batch beside the champion yet. Run one first.", is_alarm=False)
    if len(failed) >= FAILED_BATCHES:
        stop(asked, "shadow", f"it could not score {len(failed)} of {len(runs)} batches: {failed[-1].error}.")
    nan, audit = sum(run.nan_rows for run in runs), last_audit(asked.workspace.ledger, stage.release_id)
    told = f"{len(runs) - len(failed)} of {len(runs)} batches scored beside the champion, {nan} rows NaN"
    return passed("shadow", f"{told}." if audit is None else f"{told}; {shadow_in_brief(audit)}")


@step
def ask_gate(asked: Deployment, stage: ReleaseStage) -> Planned:
    """What the gate's newest verdict on it comes to. Raises DeploymentStopped where that is nothing yet, or no."""
    workspace = asked.workspace
    if stage.stage == "champion":
        return Planned(None, None, f"{stage.release_id} decides already. Nothing was changed.")
    switch = switch_of(workspace.ledger, asked.use_case)
    if switch.position != "off":
        stop(asked, "gate", "the kill switch is on, and nobody is let decide. Lift it first.", is_alarm=False)
    if stage.release_id in switch.stopped:
        stop(asked, "gate", "the kill switch of this release is on. Lift it first.", is_alarm=False)
    decides = champion(workspace.ledger, asked.use_case)
    assert decides is not None  # a challenger stands beside one
    told = newest_verdict(workspace, stage.release, decides.release)
    if told is None:
        stop(asked, "gate", f"the gate has not compared it with {decides.release_id} yet. Run a turn first.", False)
    if told.decision == "refuse":
        stop(asked, "gate", f"the gate refuses it, which nobody overrules: {_reason(told)}")
    if told.decision == "promote":
        harm = harm_by_now(workspace, stage.release, decides.release)
        if harm:
            stop(asked, "gate", f"it does harm: {harm}", is_alarm=False)
        planned = _promotion(workspace, asked, stage, told)
    else:
        planned = _trial(workspace, asked, stage, decides.release, told)
    passed("gate", planned.words)
    return planned


def _promotion(workspace: Workspace, asked: Deployment, stage: ReleaseStage, told: Verdict) -> Planned:
    request = Promote(stage.release_id, judgement_of(workspace.ledger, told.verdict_id))
    words = f"it is proven, and decides for everybody: {_reason(told)}"
    return Planned(request, _grounds(asked, GATE, _reason(told), told), words)


def _trial(workspace: Workspace, asked: Deployment, stage: ReleaseStage, decides: Release, told: Verdict) -> Planned:
    """The next step of the contract's ramp, by the gate where it is sure enough, else by an approver who insists."""
    held_by = hindrance(workspace, stage, decides)
    if held_by and stage.stage == "canary" and not runs_since(workspace, stage):
        share = stage.event.share or 0.0
        return Planned(None, None, f"it is on trial for {share:.0%} of the entities, and has scored no batch since.")
    if held_by:
        stop(asked, "gate", f"it cannot be on trial: {held_by}", is_alarm=False)
    steps, share = workspace.use_case.canary.steps, stage.event.share or 0.0
    stands = standing_now(workspace, stage.release, decides, matured_of(told))
    after = share_now(steps, share, stands)
    if after > share:
        reason = why_on_trial(stands, after)
        return Planned(EnterCanary(stage.release_id, after), _grounds(asked, GATE, reason, told), reason)
    if stands.is_behind:
        stop(asked, "gate", "what has matured since it was compared speaks against it, which nobody overrules.", False)
    following = next((one for one in steps if one.share > share), None)
    if following is None:
        stop(asked, "gate", f"canary.steps name no further step: it waits for its proof. {_reason(told)}", False)
    asks = f"{following.share:.0%} of the entities ask for {following.confidence:.1%}"
    lacks = f"{stands.confidence:.1%} confidence, and {asks}"
    if not asked.by.strip():
        who = "One of approval.approvers may let it be tried all the same: --by and --reason."
        stop(asked, "gate", f"it is not sure enough yet: {lacks}. {who}", is_alarm=False)
    return _overruled(workspace, asked, EnterCanary(stage.release_id, following.share), told, lacks)


def _overruled(workspace: Workspace, asked: Deployment, request: EnterCanary, told: Verdict, lacks: str) -> Planned:
    by, named = asked.by.strip(), workspace.use_case.approval.approvers
    if by not in named:
        problem = f"it is not sure enough yet: {lacks}. {by} may not overrule that: approval.approvers names"
        stop(asked, "gate", f"{problem} {', '.join(named)}.", is_alarm=False)
    grounds = _grounds(asked, Decider("approver", by), asked.reason.strip(), told, {"overruled": lacks})
    return Planned(request, grounds, f"{by} overrules: {lacks}. It decides for {request.share:.0%} of the entities.")


def _grounds(
    asked: Deployment, by: Decider, reason: str, told: Verdict, more: Mapping[str, str] | None = None
) -> Grounds:
    """Why it is let decide; who asked for it stands beside the gate's word."""
    because = {"asked_because": asked.reason.strip()} if asked.reason.strip() else {}
    asking = {"asked_by": asked.by.strip() or "somebody", **because}
    return Grounds(by, reason, utc_now(), {"verdict_id": told.verdict_id, **asking, **(more or {})})


def _reason(told: Verdict) -> str:
    """What decided it, in the words of the gate's checks."""
    checks = json.loads(told.reasons)
    failed = [one for one in checks if one["is_passed"] is False] if told.decision == "refuse" else []
    unknown = [one for one in checks if one["is_passed"] is None]
    return " ".join(one["reason"] for one in failed or unknown or checks[:1])
