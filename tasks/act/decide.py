"""The step that decides a batch: guardrails, choosing part by part, watching what would be done, logging it."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

from decisionloop.act.constraints import UnknownCost
from decisionloop.act.exploration.agreement import AgreedExploring
from decisionloop.act.exploration.logged_prices import prices_text
from decisionloop.act.guardrails import GuardFinding, Tally, guard_after, guard_before
from decisionloop.act.prices import InfeasibleConstraints
from decisionloop.act.situation import BY_PEOPLE, BY_SWITCH, KILL_SWITCH, ROLLED_BACK
from decisionloop.ledger.batch_parts import find_part
from decisionloop.ledger.batches import Scalar
from decisionloop.ledger.decisions import count_decisions
from decisionloop.ledger.due_occurrences import begun_beside
from decisionloop.ledger.going_on import Found
from decisionloop.ledger.releases import is_rolled_back
from decisionloop.ledger.schema import utc_now
from decisionloop.ledger.stage_costs import ledger_bytes
from decisionloop.ledger.trace_contexts import keep_trace, of_batch
from decisionloop.metering import Meter, StageCost
from tasks.act.answered_meanwhile import withdraw_answered
from tasks.act.choose import Agreed, ChosenPart, agreed_on, choose_actions, trial_in_choice
from tasks.act.freeze_seen_money import freeze_seen_money
from tasks.act.hand_over import hand_over, stop_of, warn_of_rules
from tasks.act.legacy import log_legacy
from tasks.act.log_decisions import LoggedPart, log_decisions
from tasks.act.log_in_ranges import log_in_ranges
from tasks.act.signature import Signature
from tasks.each_part import each_part
from tasks.keep import reached, scope_of
from tasks.predict.due import refuse_decided_elsewhere
from tasks.readback.batch_in_hand import BatchInHand, open_batch_in_hand
from tasks.readback.policy_inputs import score_shift_of
from tasks.readback.releases import on_trial_of
from tasks.step import step
from tasks.tell.halting import Stop
from tasks.watch.impact import watch_groups
from tasks.watch.outputs import Chosen, watch_actions


@dataclass(frozen=True)
class _Decided:
    """What is chosen for the whole batch, how much of it outside the model's support (None: there is no such bound),
    and what choosing took."""

    agreed: Agreed
    tally: Tally
    chosen: Chosen
    outside: int | None
    costs: tuple[StageCost, ...]


@step
def decide_batch(use_case: str, batch_id: str) -> str:
    """Choose an action for everyone under the guardrails and log it; returns a sentence.

    A model's batch that violates a guardrail or jumps goes to the rules, or is halted with BatchHalted, as the
    contract says: nothing of the model's choice is logged as decided and nothing leaves. In `mode: observe` what
    another system decided is logged, and nothing is chosen.
    """
    hand = open_batch_in_hand(use_case, batch_id)
    if hand.batch.state != "scored":
        return "decided before"
    beside = begun_beside(hand.ledger, hand.batch, hand.use_case.schedule.covers_days)
    refuse_decided_elsewhere(hand.workspace, batch_id)
    if hand.use_case.is_observing:
        return log_legacy(hand, beside)
    because = BY_SWITCH[hand.switch] or hand.handed_over or _before(hand)
    decided = _choose(hand, because)
    if not decided.agreed.rules_because:
        because = _after(hand, decided)
        if because:  # the rules choose again
            decided = _choose(hand, because, decided.costs)
    if decided.agreed.rules_because or not hand.is_of_model:
        _watch_rules(hand, decided)
    return _log(hand, decided, beside)


def _before(hand: BatchInHand) -> str:
    """What is known before anyone chooses: whether the scores have jumped; returns why the rules decide, if they do."""
    shift = score_shift_of(hand.use_case, hand.champion, str(hand.details["scored"]["score_profile"]))
    return hand_over(hand, _guard_stop(guard_before(hand.use_case, shift)))


def _after(hand: BatchInHand, decided: _Decided) -> str:
    """What would be done, looked at before any of it is; returns why the rules decide, if they must."""
    because = hand_over(hand, _guard_stop(guard_after(hand.use_case, decided.tally))) if hand.is_of_model else ""
    findings = watch_actions(hand.workspace, hand.batch, hand.champion, decided.chosen)
    because = because or hand_over(hand, stop_of("jump", "action shift", findings))
    pulled = watch_groups(hand.workspace, hand.batch, hand.champion, decided.chosen)
    return because or (KILL_SWITCH if pulled else "")


def _watch_rules(hand: BatchInHand, decided: _Decided) -> None:
    """Rules are within the limits as far as they can be; what cannot be brought about is told, and goes on."""
    violated = [finding for finding in guard_after(hand.use_case, decided.tally) if finding.is_violated]
    warn_of_rules(hand, _guard_stop(violated))


def _guard_stop(findings: Sequence[GuardFinding]) -> Stop | None:
    violated = [finding for finding in findings if finding.is_violated]
    if not violated:
        return None
    reason = f"guardrail: {violated[0].name}"
    said, remedies = [str(one) for one in violated], [one.remedy for one in violated]
    return Stop("guardrail", reason, said, remedies, [Found(one.name) for one in violated])


def _choose(hand: BatchInHand, rules_because: str, before: tuple[StageCost, ...] = ()) -> _Decided:
    """Agree on prices and limits, then choose part by part. Constraints that cannot be kept leave it to the rules."""
    with Meter("decide", None, scope_of(hand.workspace)) as meter:
        agreed = _agree(hand, rules_because)
    parts = each_part(hand.workspace, choose_actions, hand.batch_id, agreed)
    tally = functools.reduce(lambda one, other: one + other, (part.tally for part in parts))
    bounded = [part.outside for part in parts if part.outside is not None]
    outside = sum(bounded) if bounded else None
    return _Decided(agreed, tally, _chosen(parts), outside, (*before, meter.cost, *(part.cost for part in parts)))


def _agree(hand: BatchInHand, rules_because: str) -> Agreed:
    """What the parts must agree on before anyone chooses."""
    seen = freeze_seen_money(hand, rules_because)
    try:
        return agreed_on(hand, rules_because, seen)
    except (InfeasibleConstraints, UnknownCost) as error:
        remedy = "Change policy.constraints, then run the batch again."
        found = [Found(name) for name in error.broken]
        reason = hand_over(hand, Stop("constraint", "constraints cannot be kept", [str(error)], [remedy], found))
        return _agree(hand, reason)


def _chosen(parts: Sequence[ChosenPart]) -> Chosen:
    """What was chosen in all parts together."""
    actions = functools.reduce(lambda one, other: one + other, (part.actions for part in parts))
    return Chosen(actions, functools.reduce(lambda one, other: one + other, (part.groups for part in parts)))


def _log(hand: BatchInHand, decided: _Decided, beside: frozenset[str]) -> str:
    """Log every part, then say that the batch is decided: only then may anything of it leave.

    Where the kill switch or a rollback overtakes a choice, what was logged stands, the rules choose the rest, or the
    default action is what is left. Who was decided one at a time meanwhile is left to that.
    """
    before = ledger_bytes(hand.ledger)
    logged = _log_parts(hand, decided.agreed, beside)
    decisions, messages = sum(part.decisions for part in logged), sum(part.messages for part in logged)
    because, is_overtaken = decided.agreed.rules_because, any(part.is_overtaken for part in logged)
    costs = [*decided.costs, *(part.cost for part in logged)]
    while any(part.is_overtaken for part in logged):  # by the switch, which may be turned once more
        because = _why_overtaken(hand)
        again = _choose(hand, because)
        logged = _log_parts(hand, again.agreed, beside)
        costs += [*again.costs, *(part.cost for part in logged)]
    if because in BY_PEOPLE:  # what a model had logged before that stands
        decisions, messages = count_decisions(hand.ledger, hand.batch_id)
    exploring, answered = decided.agreed.exploring, withdraw_answered(hand)
    grown = StageCost("log", None, 0, 0.0, max(0, ledger_bytes(hand.ledger) - before))
    detail: dict[str, Scalar] = {
        "decisions": decisions,
        "messages": messages,
        "decided_by": (hand.rules if because else hand.champion).release_id,
        "rules_because": because,
        # What both decided is nobody's usual.
        "actions": None if is_overtaken else decided.chosen.actions.to_json(),
        "groups": None if is_overtaken else decided.chosen.groups.to_json(),
        "exploring": None if is_overtaken or exploring is None else exploring.figures.to_json(),
        "prices": None if is_overtaken or because in BY_PEOPLE else _prices(hand, exploring),
        "outside_support": None if is_overtaken else decided.outside,
        "answered_meanwhile": answered,
    }
    keep_trace(hand.ledger, of_batch(hand.batch_id))
    reached(hand, "decided", detail, [*costs, grown])
    told = f"{decisions} decided, {messages} to send"
    return f"{told}; {answered} of them left to what they were answered meanwhile" if answered else told


def _why_overtaken(hand: BatchInHand) -> str:
    """Why people have taken the batch from its model since it was chosen, also where the switch has ended meanwhile."""
    now = open_batch_in_hand(hand.use_case.name, hand.batch_id)
    trial = on_trial_of(now.details["scored"])
    is_gone = now.is_rolled_back or (trial is not None and is_rolled_back(now.ledger, trial.release_id))
    return BY_SWITCH[now.switch] or (ROLLED_BACK if is_gone else KILL_SWITCH)


def _prices(hand: BatchInHand, exploring: AgreedExploring | None) -> str | None:
    """At which prices it explored, for what is decided one at a time after it."""
    seen = find_part(hand.ledger, hand.batch_id, "seen_money", 0)
    return prices_text(hand.use_case, exploring, None if seen is None else seen.digest)


def _log_parts(hand: BatchInHand, agreed: Agreed, beside: frozenset[str]) -> list[LoggedPart]:
    decides = (hand.rules if agreed.rules_because else hand.champion).release_id
    trial = trial_in_choice(hand, agreed.kind)
    signature = Signature(decides, hand.rules.release_id, utc_now(), agreed.kind, beside, trial)
    if len(hand.parts) > 1 and hand.ledger.is_sqlite:
        return log_in_ranges(hand, signature)
    return each_part(hand.workspace, log_decisions, hand.batch_id, signature)
