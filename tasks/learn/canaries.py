"""Challengers on trial: when one comes to decide for a share of the entities, for a larger share, or no more."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from decisionloop.learn.gate import GateEvidence
from decisionloop.learn.gate_money import confidence_words
from decisionloop.learn.ramp import Grounds, Since, Standing, entitled, share_held, share_in_place, share_now
from decisionloop.ledger.alerts import NewAlert
from decisionloop.ledger.decisions import ShadowRun, shadow_runs
from decisionloop.ledger.flags import switch_of
from decisionloop.ledger.releases import Release, ReleaseStage, canary
from decisionloop.ledger.verdicts import verdicts
from decisionloop.workspace import Workspace
from tasks.learn.harm import harm_by_now
from tasks.learn.release_stages import by_gate, enter_canary, refuse, stop_canary
from tasks.learn.standings import Matured, matured_of, newest_verdict, standing_now
from tasks.learn.succession import head_to_head, words_of
from tasks.learn.verdicts import attempt_of
from tasks.tell.queueing import raise_alert

GROUNDS: Mapping[Grounds, str] = {
    "first look": "Its first look",
    "bets": "What has matured since",
    "trial": "What came of its trial",
}


def let_decide(
    workspace: Workspace, stage: ReleaseStage, decides: Release, evidence: GateEvidence | None, as_of: datetime
) -> str:
    """Let a challenger that is not proven yet decide for more entities, where enough speaks for it.

    ``evidence``: what has matured since its comparison was opened, None where nothing has. Returns what was done in a
    sentence, "" where nothing was.
    """
    share, steps = stage.event.share or 0.0, workspace.use_case.canary.steps
    stands = standing_now(workspace, stage.release, decides, None if evidence is None else _matured(evidence))
    place = _place_for(workspace, stage, decides, stands, as_of)
    after = share_now(steps, share, stands) if place is None else place.share
    if after == share or hindrance(workspace, stage, decides, None if place is None else place.held_by):
        return ""
    reason = why_on_trial(stands, after)
    if place is not None:
        refuse(workspace, place.held_by.release, by_gate(place.why, as_of))
        reason = reason if place.is_by_standing else f"{place.why} It decides for {after:.0%} of the entities."
    waits = enter_canary(workspace, stage.release, after, by_gate(reason, as_of))
    return f" {reason} {waits}".rstrip()


def _matured(evidence: GateEvidence) -> Matured:
    return Matured(Since(evidence.money, evidence.progress, evidence.of_trial), evidence.serving_cost or 0.0)


@dataclass(frozen=True)
class Place:
    """The place of who is on trial, for another challenger: by whom it is held, with which share, and why it is given.

    ``is_by_standing``: the challenger stands for a larger share; else it earns more in a world that has changed.
    """

    held_by: ReleaseStage
    share: float
    why: str
    is_by_standing: bool = True


def _place_for(
    workspace: Workspace, stage: ReleaseStage, decides: Release, stands: Standing, as_of: datetime
) -> Place | None:
    """The place of who is on trial, where this challenger is to have it; None where it is not, or nobody has one.

    Where approvers let releases decide nobody gives way: while they are asked, who is on trial would be gone.
    """
    use_case, other = workspace.use_case, canary(workspace.ledger, workspace.use_case.name)
    if other is None or other.release_id == stage.release_id or use_case.approval.is_required:
        return None
    told = newest_verdict(workspace, other.release, decides)
    theirs = standing_now(workspace, other.release, decides, None if told is None else matured_of(told))
    steps, share = use_case.canary.steps, other.event.share or 0.0
    if entitled(steps, stands) > share_held(steps, share, theirs):
        why = f"{stage.release_id} is surer to earn more than the champion, and takes its place on trial."
        return Place(other, share_in_place(steps, share, stands), why)
    compared = None if stands.is_behind else head_to_head(workspace, stage.release, other.release, as_of)
    if compared is None or not compared.is_sure:
        return None
    why = words_of(stage.release, compared, use_case.economics.currency)
    return Place(other, share, why, is_by_standing=False)


def stop_if_failing(workspace: Workspace, stage: ReleaseStage, as_of: datetime) -> str:
    """Stop a release on trial that could not score a batch which it was to decide in part; returns why, "" if none."""
    failed = [run for run in runs_since(workspace, stage) if run.status != "ok"]
    if stage.stage != "canary" or not failed:
        return ""
    reason = f"On trial it could not score {failed[-1].batch_id}: {failed[-1].error or 'it valued nobody'}."
    stop_canary(workspace, stage.release, reason, as_of)
    new = NewAlert(
        severity="warning",
        kind="canary",
        message=f"{stage.release_id} was rolled back. {reason} The champion decided in its place.",
        remedy=f"`decisionloop history {workspace.use_case.name}` shows when it decided. Mend the failure and retrain.",
        batch_id=failed[-1].batch_id,
    )
    raise_alert(workspace, new)
    return reason


def why_on_trial(stands: Standing, share: float) -> str:
    """Why a release decides for that share of the entities, in a sentence."""
    sure = "more than 99.9%" if stands.confidence > 0.999 else confidence_words(stands.confidence)
    more = f"{GROUNDS[stands.grounds]} says with {sure} confidence that it earns more than the champion"
    return f"{more}: it decides for {share:.0%} of the entities."


def hindrance(
    workspace: Workspace, stage: ReleaseStage, decides: Release, giving_way: ReleaseStage | None = None
) -> str:
    """What keeps a release from deciding for more entities however sure it is, in a sentence; "" where nothing does.

    ``giving_way``: who is on trial and would leave.
    """
    use_case, ledger = workspace.use_case, workspace.ledger
    on_trial = canary(ledger, use_case.name)
    if on_trial is not None and giving_way is None and on_trial.release_id != stage.release_id:
        return f"{on_trial.release_id} is on trial, and one is at a time."
    if not any(run.status == "ok" for run in runs_since(workspace, stage)):
        return f"it has scored no batch since it is in {stage.stage}."
    switch = switch_of(ledger, use_case.name)
    if switch.position_for(stage.release_id) != "off":
        return "the kill switch of this release is on." if switch.position == "off" else "the kill switch is on."
    harm = harm_by_now(workspace, stage.release, decides)
    return f"it does harm: {harm}" if harm else _unsound(workspace, stage.release_id)


def _unsound(workspace: Workspace, release_id: str) -> str:
    """What the gate's last look found beside money that is not proven: a check that failed, or cannot say it is fast.

    "" where there is nothing.
    """
    attempt = attempt_of(workspace, release_id)
    told = [one for one in verdicts(workspace.ledger, workspace.use_case.name, release_id) if one.attempt == attempt]
    others = [[one for one in json.loads(verdict.reasons) if one["name"] != "money"] for verdict in told]
    last: list[dict[str, object]] = next((checks for checks in reversed(others) if checks), [])  # an opening has none
    bad = [one for one in last if one["is_passed"] is False or (one["is_passed"] is None and one["name"] == "latency")]
    return " ".join(str(one["reason"]) for one in bad)


def runs_since(workspace: Workspace, stage: ReleaseStage) -> list[ShadowRun]:
    """The batches that it has scored since it came to its present stage or share."""
    since = stage.event.recorded_at
    return [run for run in shadow_runs(workspace.ledger, stage.release_id) if since is None or run.at > since]
