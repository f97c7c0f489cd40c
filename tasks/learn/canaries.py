"""Challengers on trial: when one comes to decide for a share of the entities, for a larger share, or no more."""

from __future__ import annotations

import json
from datetime import datetime

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
from decisionloop.workspace import Workspace
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
    if not _may_decide(workspace, stage, decides):
        return ""
    stands = _standing(workspace, stage.release, decides, evidence)
    after = share_now(workspace.use_case.canary.steps, share, stands)
    if after == share:
        return ""
    sure = "more than 99.9%" if stands.confidence > 0.999 else confidence_words(stands.confidence)
    reason = f"With {sure} confidence it earns more than the champion: it decides for {after:.0%} of the entities."
    enter_canary(workspace, stage.release, after, by_gate(reason, as_of))
    return f" {reason}"


def stop_if_failing(workspace: Workspace, stage: ReleaseStage, as_of: datetime) -> str:
    """Stop a release on trial that could not score a batch which it was to decide in part; returns why, "" if none."""
    failed = [run for run in _runs_since(workspace, stage) if run.status != "ok"]
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


def _may_decide(workspace: Workspace, stage: ReleaseStage, decides: Release) -> bool:
    """Whether anybody may be put on trial now, and this one has been tried at its present share."""
    use_case, ledger = workspace.use_case, workspace.ledger
    on_trial = canary(ledger, use_case.name)
    is_first = on_trial is None or on_trial.release_id == stage.release_id
    # Limits need the values of everybody, and rules have none (`act.canary`).
    is_within_limits = decides.kind != RULES or not use_case.policy.constraints
    is_tried = any(run.status == "ok" for run in _runs_since(workspace, stage))
    is_ready = is_tried and _is_sound(workspace, stage.release_id)
    return is_first and is_within_limits and is_ready and not is_kill_switch_on(ledger, use_case.name)


def _is_sound(workspace: Workspace, release_id: str) -> bool:
    """Whether the gate's last look found nothing but money to wait for: no check failed, and it is fast enough."""
    attempt = attempt_of(workspace, release_id)
    told = [one for one in verdicts(workspace.ledger, workspace.use_case.name, release_id) if one.attempt == attempt]
    others = [[one for one in json.loads(verdict.reasons) if one["name"] != "money"] for verdict in told]
    last: list[dict[str, object]] = next((checks for checks in reversed(others) if checks), [])  # an opening has none
    return all(one["is_passed"] is True or (one["is_passed"] is None and one["name"] != "latency") for one in last)


def _runs_since(workspace: Workspace, stage: ReleaseStage) -> list[ShadowRun]:
    """The batches that it has scored since it came to its present stage or share."""
    since = stage.event.recorded_at
    return [run for run in shadow_runs(workspace.ledger, stage.release_id) if since is None or run.at > since]


def _standing(workspace: Workspace, release: Release, decides: Release, evidence: GateEvidence | None) -> Standing:
    use_case = workspace.use_case
    nothing = cannot_say("nothing has matured since", 0, 0.95)
    since = nothing if evidence is None else evidence.money
    cost = 0.0 if evidence is None else max(evidence.serving_cost or 0.0, 0.0)
    first = _first_look(workspace, release, decides)
    rows = first.n if first is not None else since.n
    required = gate_rules(use_case, FIRST_LOOK).required_gain(rows) + cost
    return standing(first, since, None if evidence is None else evidence.progress, required)


def _first_look(workspace: Workspace, release: Release, decides: Release) -> Estimate | None:
    """The gain over this champion that the first look told, None where it looked beside another one."""
    attempt = attempt_of(workspace, release.release_id)
    for one in verdicts(workspace.ledger, release.use_case, release.release_id):
        if (one.look, one.attempt) == (FIRST_LOOK, attempt) and is_beside(workspace, one, decides):
            money = json.loads(one.evidence)["money"]
            names = ("value", "low", "high", "n", "effective_n", "confidence")
            return Estimate(*(money[name] for name in names))
    return None
