"""The guardrails of a batch, held against what was decided one at a time: too late to undo it, in time for the next."""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence

from decisionloop.act.constraints import BatchTotals
from decisionloop.act.guardrails import GuardFinding, Tally, guard_after, guard_before
from decisionloop.ledger.batch_parts import parts_of
from decisionloop.ledger.flags import KILL_SWITCH, flag_history, stop_model
from decisionloop.ledger.releases import RULES
from decisionloop.ledger.storage.facts import canonical_json
from decisionloop.ledger.switch_lock import EVERYTHING
from decisionloop.observe.exact_rate import rate_bounds
from decisionloop.stream.deciders import Signed
from tasks.predict.score import profile_of
from tasks.readback.batch_in_hand import BatchInHand
from tasks.readback.policy_inputs import score_shift_of
from tasks.seal.lay_out import LaidOut, laid_out_parts
from tasks.tell.halting import Stop, warn

GUARD = "guardrails of what is decided one at a time"
ALPHA = 1e-3
"""Chance that a share within its bounds seems outside: what was sealed may hold a handful of decisions."""


def hold_guardrails(hand: BatchInHand, signed: Signed, new: Sequence[int]) -> str:
    """Turn the kill switch on where a model's decisions surely violate a guardrail; returns why, "" where they do not.

    ``new``: the parts that were sealed just now. They are judged, so that what is sudden is seen at once, and so is the
    period so far, so that what is slow is seen at all; that begins anew when a person turns the switch back.
    """
    if not new or hand.champion.kind == RULES or signed.rules_because:
        return ""
    so_far = [one for one in _since_the_switch(hand) if one not in new]
    violated = _violated(hand, list(laid_out_parts(hand, signed.rules_because, new)))
    if so_far and not violated:
        violated = _violated(hand, list(laid_out_parts(hand, signed.rules_because, [*so_far, *new])))
    if not violated:
        return ""
    stop = Stop(
        "guardrail", f"guardrail: {violated[0].name}", [str(one) for one in violated], [one.remedy for one in violated]
    )
    warn(hand, stop, "critical", "What was decided stands. The kill switch is on: the rules decide from now on.")
    stop_model(hand.ledger, hand.use_case.name, f"{stop.check} ({hand.batch_id})", GUARD)
    return stop.reason


def _since_the_switch(hand: BatchInHand) -> list[int]:
    """The parts that were kept since the kill switch was turned last, whichever way."""
    turned = [
        *flag_history(hand.ledger, hand.use_case.name, KILL_SWITCH), *flag_history(hand.ledger, EVERYTHING, KILL_SWITCH)
    ]  # fmt: skip
    last = max((one.at for one in turned), default=None)
    kept = parts_of(hand.ledger, hand.batch_id, "features")
    return [one.part for one in kept if last is None or one.at > last]


def _violated(hand: BatchInHand, parts: Sequence[LaidOut]) -> list[GuardFinding]:
    """The guardrails that some parts violate together."""
    contract = hand.use_case
    totals = functools.reduce(operator.add, (BatchTotals.of(contract, part.features) for part in parts))
    tallies = (Tally.of(contract, part.features, part.action(contract), totals) for part in parts)
    profiles = [one for part in parts if (one := profile_of(hand, hand.champion, part.scores)) is not None]
    profile = canonical_json(functools.reduce(operator.add, profiles) if profiles else None)
    found = guard_before(contract, score_shift_of(contract, hand.champion, profile))
    violated = [one for one in found if one.is_violated and one.observed == one.observed]
    return violated + _shares(hand, functools.reduce(operator.add, tallies))


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
