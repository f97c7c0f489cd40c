"""Challengers on trial: when one comes to decide for a share of the entities, for a larger share, or no more."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from decisionloop.learn.comparison import Progress
from decisionloop.learn.evidence import Look, gate_rules
from decisionloop.learn.gate import GateEvidence
from decisionloop.learn.gate_money import confidence_words
from decisionloop.learn.ramp import Standing, share_now, standing
from decisionloop.ledger.alerts import NewAlert
from decisionloop.ledger.decisions import ShadowRun, shadow_runs
from decisionloop.ledger.flags import is_kill_switch_on
from decisionloop.ledger.releases import RULES, Release, ReleaseStage, canary
from decisionloop.ledger.verdicts import verdicts
from decisionloop.observe.estimate import Estimate, cannot_say
from decisionloop.observe.outcome_bounds import OutcomeBounds
from decisionloop.workspace import Workspace
from tasks.learn.harm import harm_by_now
from tasks.learn.release_stages import by_gate, enter_canary, stop_canary
from tasks.learn.verdicts import attempt_of, is_beside
from tasks.tell.notices import raise_alert

FIRST_LOOK: Look = 1


def let_decide(
    workspace: Workspace, stage: ReleaseStage, decides: Release, evidence: GateEvidence | None, as_of: datetime
) -> str:
    """Let a challenger that is not proven yet decide for more entities, where enough speaks for it.

    ``evidence``: what has matured since its comparison was opened, None where nothing has. Returns what was done in a
    sentence, "" where nothing was.
    """
    share = stage.event.share or 0.0
    if hindrance(workspace, stage, decides):
        return ""
    since = None if evidence is None else Since(evidence.money, evidence.progress, evidence.serving_cost or 0.0)
    stands = standing_now(workspace, stage.release, decides, since)
    after = share_now(workspace.use_case.canary.steps, share, stands)
    if after == share:
        return ""
    reason = why_on_trial(stands, after)
    waits = enter_canary(workspace, stage.release, after, by_gate(reason, as_of))
    return f" {reason} {waits}".rstrip()


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
    said = "Its first look" if stands.is_by_first_look else "What has matured since"
    more = f"{said} says with {sure} confidence that it earns more than the champion"
    return f"{more}: it decides for {share:.0%} of the entities."


def hindrance(workspace: Workspace, stage: ReleaseStage, decides: Release) -> str:
    """What keeps a release from deciding for more entities however sure it is, in a sentence; "" where nothing does."""
    use_case, ledger = workspace.use_case, workspace.ledger
    on_trial = canary(ledger, use_case.name)
    if on_trial is not None and on_trial.release_id != stage.release_id:
        return f"{on_trial.release_id} is on trial, and one is at a time."
    if decides.kind == RULES and use_case.policy.constraints:
        # Limits need the values of everybody, and rules have none (`act.canary`).
        return "policy.constraints need the values of everybody, and the rules beside which it would decide have none."
    if not any(run.status == "ok" for run in runs_since(workspace, stage)):
        return f"it has scored no batch since it is in {stage.stage}."
    if is_kill_switch_on(ledger, use_case.name):
        return "the kill switch is on."
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


@dataclass(frozen=True)
class Since:
    """What has matured since a comparison was opened says: the gain a decision, the bets, what serving costs more."""

    money: Estimate
    progress: Progress | None
    serving_cost: float = 0.0


def standing_now(workspace: Workspace, release: Release, decides: Release, since: Since | None) -> Standing:
    """How a challenger stands beside the champion, by its first look and by what has matured ``since``, if any has."""
    told = since or Since(cannot_say("nothing has matured since", 0, 0.95), None)
    first = _first_look(workspace, release, decides)
    rows = first.n if first is not None else told.money.n
    required = gate_rules(workspace.use_case, FIRST_LOOK).required_gain(rows) + max(told.serving_cost, 0.0)
    return standing(first, told.money, told.progress, required)


def _first_look(workspace: Workspace, release: Release, decides: Release) -> Estimate | None:
    """The gain over this champion that the first look told, None where it looked beside another one."""
    attempt = attempt_of(workspace, release.release_id)
    for one in verdicts(workspace.ledger, release.use_case, release.release_id):
        if (one.look, one.attempt) == (FIRST_LOOK, attempt) and is_beside(workspace, one, decides):
            return estimate_in(json.loads(one.evidence)["money"])
    return None


def estimate_in(kept: Mapping[str, Any]) -> Estimate:
    """An estimate as the evidence of a verdict keeps it."""
    told = Estimate(*(kept[name] for name in ("value", "low", "high", "n", "effective_n", "confidence")))
    bounds = kept.get("bounds")
    return replace(told, bounds=OutcomeBounds(**bounds)) if bounds else told
