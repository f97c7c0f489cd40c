"""The gate's words about outcomes that have not come: how many, what they count as, and what hangs on them."""

from __future__ import annotations

import math

from decisionloop.contract.currency import symbol
from decisionloop.learn.gate_checks import GateEvidence, GateRules


def missing_words(evidence: GateEvidence, rules: GateRules) -> str:
    """A sentence, with a space before it, about the missing outcomes among those that tell the policies apart."""
    bounds = evidence.money.bounds
    if bounds is None or not bounds.missing:
        return ""
    coming = round(bounds.to_come)
    still = f", of which about {coming:,} still will" if coming else ""
    of_all = bounds.missing + evidence.overlap.informative_n
    have = "has" if bounds.missing == 1 else "have"
    told = (
        f" Of the {of_all:,} outcomes that count {bounds.missing:,} ({missing_share(evidence)}) {have} not come{still}"
    )
    if rules.is_accumulating:
        return f"{told}; each is taken as the worst that it could be."
    if bounds.low is None or bounds.high is None:
        return f"{told}, and nothing tells how large they could be."
    low, high = (_money(end, rules.currency) for end in (bounds.low, bounds.high))
    return f"{told}; whatever those are that never come, it earns between {low} and {high} more."


def missing_share(evidence: GateEvidence) -> str:
    """Which share of the outcomes that tell the policies apart has not come, rounded so that some are not none."""
    bounds = evidence.money.bounds
    missing = 0 if bounds is None else bounds.missing
    share = 100 * missing / max(1, missing + evidence.overlap.informative_n)
    return f"{share:.0f}%" if share >= 1 or not share else "under 1%"


def hangs_on_missing(evidence: GateEvidence) -> str:
    """That a gain would be proven but for the missing outcomes, as a sentence; "" where it would not be, or is."""
    reached = evidence.progress
    if reached is None or reached.if_as_others is None or reached.capital >= reached.required:
        return ""
    if reached.if_as_others < reached.required:
        return ""
    return (
        f"Whether it earns more cannot be told while {missing_share(evidence)} are missing: it would be proven if they "
        "were as the others."
    )


def _money(amount: float, currency: str) -> str:
    digits = 2 if amount == 0 or abs(amount) >= 1 else 4 if math.isfinite(amount) else 0
    return f"{'-' if amount < 0 else ''}{symbol(currency)}{abs(amount):,.{digits}f}"
