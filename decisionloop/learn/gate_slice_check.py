"""The gate's sentence about slices: in none of them may a challenger surely earn less than the champion."""

from __future__ import annotations

from decisionloop.contract.currency import symbol
from decisionloop.learn.gate_checks import Check, GateEvidence, GateRules
from decisionloop.learn.gate_slices import SliceGain, surely_worse


def check_slices(evidence: GateEvidence, rules: GateRules) -> Check:
    """In no slice does it surely earn less than the champion by more than it may; too few to say blocks nobody."""
    if evidence.overlap.unknown_n:
        return Check("slices", True, None, None, "Of no slice can the money be told, as of all of them.")
    if not evidence.slices:
        return Check("slices", True, None, None, "The contract names no slice to look at.")
    allowed = -rules.maximum_slice_loss
    known = [one for one in evidence.slices if one.money.value is not None]
    few = [one.slice for one in evidence.slices if one.money.value is None]
    rest = f" There is too little to say of {', '.join(few)}." if few else ""
    if not known:
        return Check("slices", True, None, allowed, f"Of no slice is there enough to say.{rest}")
    worse = list(surely_worse(known, rules.maximum_slice_loss))
    worst = min(worse or known, key=lambda one: one.money.value or 0.0)
    told = _slice_words(worst, rules)
    if not worse:
        words = f"In no slice does it surely earn less than the champion; least in {told}.{rest}"
        return Check("slices", True, worst.money.high, allowed, words)
    others = [one.slice for one in worse if one is not worst]
    more = f" So it does in {', '.join(others)}." if others else ""
    words = f"It surely earns less than the champion in {told}; {_most_less(rules)}.{more}{rest}"
    return Check("slices", False, worst.money.high, allowed, words)


def _slice_words(one: SliceGain, rules: GateRules) -> str:
    def money(amount: float) -> str:
        return f"{'-' if amount < 0 else ''}{symbol(rules.currency)}{abs(amount):,.4g}"

    value, high = one.money.value or 0.0, one.money.high or 0.0
    return f"{one.slice}: {money(value)} a decision, at most {money(high)}"


def _most_less(rules: GateRules) -> str:
    if not rules.maximum_slice_loss:
        return "nobody may be the worse for it"
    return f"{symbol(rules.currency)}{rules.maximum_slice_loss:,.4g} less is allowed"
