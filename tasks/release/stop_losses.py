"""The step that stops what surely loses money against something simpler, and lets stopped rules come back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from decisionloop.endings import Told
from decisionloop.ledger.alarms import Alarm, alarms_of
from decisionloop.ledger.batches import find_batch
from decisionloop.ledger.releases import RULES, Standing, canary, release_events, standing
from decisionloop.ledger.rollback import roll_back
from decisionloop.ledger.stopped_rules import resume_rules, stop_rules
from decisionloop.release.grounds import Grounds
from decisionloop.release.roster import RULES as THE_RULES
from decisionloop.release.stop_loss import DEFAULT, REPLACED, Deciding, Loss, losses_of, stopping
from decisionloop.workspace import Workspace, open_workspace
from tasks.readback.lives import life_began, scored_at
from tasks.readback.releases import release_of
from tasks.release.rules_beside_default import are_rules_worse
from tasks.step import step
from tasks.tell.announcements import announce
from tasks.tell.queueing import telling


@step
def stop_losses(use_case: str, as_of: datetime) -> str:
    """Take its place from what has surely earned less than something simpler; returns what was done, or "".

    A model goes for the better of rules and default action, rules for the default action, and that for the rules again.
    """
    workspace = open_workspace(use_case)
    now = standing(workspace.ledger, use_case)
    if now is None or workspace.use_case.is_observing:  # what another system loses is nobody's release
        return ""
    losses = losses_of(_losses(workspace), _deciding(workspace, now), as_of)
    if now.champion.release.is_default_action:
        return _resume(workspace, stopping((one for one in losses if one.against in REPLACED), as_of))
    if now.champion.release.kind == RULES:
        return _stop_rules(workspace, now, stopping((one for one in losses if one.against == DEFAULT), as_of))
    return _stop_model(workspace, now, stopping(losses, as_of))


def _stop_model(workspace: Workspace, now: Standing, grounds: Grounds | None) -> str:
    """Roll back a champion that loses; where it and the rules do beside the default action, that has their place."""
    use_case = workspace.use_case
    if grounds is None or use_case.guardrails.when_losing != "rules":
        return ""
    both = ""
    if grounds.evidence["against"] == DEFAULT and are_rules_worse(workspace, now.champion.release_id):
        both = _stop_rules(workspace, now, grounds)
    of = now.champion.release_id
    told = roll_back(workspace.ledger, use_case.name, THE_RULES, grounds, telling(use_case), of=of)
    if told.alert is None:
        return both
    announce("release.rolled_back", use_case.name, told.champion, {"reason": grounds.reason, "by": grounds.by.name})
    return Told(f"{told.alert.message} {both}".strip(), "Rolled back")


def _stop_rules(workspace: Workspace, now: Standing, grounds: Grounds | None) -> str:
    """Give everybody but the holdout the default action, where it is then still learnt what the rules would earn."""
    use_case, rules = workspace.use_case, now.baseline.release
    if grounds is None or rules.is_default_action or not can_stop_rules(workspace):
        return ""
    action = use_case.action_names[use_case.default_action]
    said = stop_rules(workspace.ledger, rules, action, grounds, telling(use_case))
    if said:
        announce("rules.stopped", use_case.name, rules.release_id, {"reason": grounds.reason, "by": grounds.by.name})
    return Told(said, "Stopped")


def _resume(workspace: Workspace, grounds: Grounds | None) -> str:
    if grounds is None:
        return ""
    use_case = workspace.use_case
    said = resume_rules(workspace.ledger, use_case.name, grounds, telling(use_case))
    if said:
        announce("rules.resumed", use_case.name, use_case.name, {"reason": grounds.reason, "by": grounds.by.name})
    return said


def can_stop_rules(workspace: Workspace) -> bool:
    """Whether the contract wants it, and somebody would still show what the rules earn: else a stop would be a lock."""
    use_case = workspace.use_case
    is_learnt = bool(use_case.policy.holdout_share) or use_case.is_explored
    return use_case.guardrails.when_rules_lose == "default" and is_learnt


def _deciding(workspace: Workspace, now: Standing) -> Deciding:
    champion = now.champion
    began = life_began(release_events(workspace.ledger, champion.release_id), champion.event.seq)
    return Deciding(champion.release_id, champion.event.as_of, began)


def _losses(workspace: Workspace) -> Iterator[Loss]:
    """Alarms of the value monitors; beside a release on trial none against the holdout, for it knows not whose loss."""
    ledger, name = workspace.ledger, workspace.use_case.name
    is_tried = canary(ledger, name) is not None
    for one in alarms_of(ledger, name):
        against = _against(workspace, one)
        if one.release_id is not None and against is not None and not (is_tried and against == "holdout"):
            seq = _scored_at(workspace, one)
            yield Loss(one.release_id, one.alarm_id, against, one.bound, one.words, one.as_of, seq)


def _against(workspace: Workspace, alarm: Alarm) -> str | None:
    """What an alarm says that a release has surely earned less than; None where that may not take its place."""
    use_case = workspace.use_case
    if alarm.family != "value":
        return None
    if alarm.against in (*REPLACED, DEFAULT):
        return alarm.against
    # Of a model: what it does, exploring and all. Of rules that says nothing, for they do not explore by themselves.
    is_default = alarm.slice == f"action={use_case.action_names[use_case.default_action]}"
    is_of_model = alarm.release_id is not None and release_of(workspace, alarm.release_id).kind != RULES
    return DEFAULT if alarm.against == "action" and is_default and is_of_model else None


def _scored_at(workspace: Workspace, alarm: Alarm) -> int | None:
    batch = None if alarm.batch_id is None else find_batch(workspace.ledger, alarm.batch_id)
    return None if batch is None else scored_at(workspace.ledger, [batch])[0]
