"""The guardrails of a batch, held against what was decided one at a time: too late to undo it, in time for the next."""

from __future__ import annotations

from decisionloop.act.guardrails import GuardFinding, Tally, guard_after, guard_before
from decisionloop.ledger.flags import stop_model
from decisionloop.observe.exact_rate import rate_bounds
from tasks.readback.batch_in_hand import BatchInHand
from tasks.readback.policy_inputs import score_shift_of
from tasks.tell.halting import Stop, warn

GUARD = "guardrails of what is decided one at a time"
ALPHA = 1e-3
"""Chance that a share within its bounds seems outside: a batch that was sealed may hold a handful of decisions."""


def hold_guardrails(hand: BatchInHand, tally: Tally, score_profile: str) -> str:
    """Turn the kill switch on where a model's decisions surely violate a guardrail; returns why, "" where they do not.

    A person turns it off again: nothing here ever does.
    """
    shift = score_shift_of(hand.use_case, hand.champion, score_profile)
    violated = [one for one in guard_before(hand.use_case, shift) if one.is_violated and one.observed == one.observed]
    violated += _shares(hand, tally)
    if not violated:
        return ""
    stop = Stop(
        "guardrail", f"guardrail: {violated[0].name}", [str(one) for one in violated], [one.remedy for one in violated]
    )
    warn(hand, stop, "critical", "What was decided stands. The kill switch is on: the rules decide from now on.")
    stop_model(hand.ledger, hand.use_case.name, f"{stop.check} ({hand.batch_id})", GUARD)
    return stop.reason


def _shares(hand: BatchInHand, tally: Tally) -> list[GuardFinding]:
    """Violated bounds of shares that are surely violated, and of the cost, which is what it is."""
    rows, shares = sum(tally.actions), hand.use_case.guardrails.action_share
    sure = []
    for one in guard_after(hand.use_case, tally):
        name = one.name.rpartition(" of ")[2]
        if name in shares and one.is_violated:
            seen = rate_bounds(tally.actions[hand.use_case.action_names.index(name)], rows, ALPHA)
            if seen.low <= one.limit <= seen.high:
                continue
        if one.is_violated:
            sure.append(one)
    return sure
