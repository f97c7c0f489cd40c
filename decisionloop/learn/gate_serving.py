"""The gate's checks of what is served: in time, as it was trained, and with reasons."""

from __future__ import annotations

from decisionloop.learn.gate_checks import Check, GateEvidence, GateRules
from decisionloop.learn.parity import TOLERANCE
from decisionloop.learn.serving import CALLS


def check_latency(evidence: GateEvidence, rules: GateRules) -> Check:
    """A reading of one decision within the budget passes; "cannot say" where every reading was above it.

    A slow reading is also what a busy machine gives, so it refuses nobody and is taken again at the next look. What
    the counted work would take on the fastest machine is sure, and alone refuses.
    """
    required, latency = rules.maximum_latency_ms, evidence.latency
    if required is None:
        return Check("latency", True, None, None, "No time budget is set.")
    budget = f"the budget of {required:g} ms"
    if latency is None:
        return Check("latency", None, None, required, "The time of a decision was not measured.")
    if latency.least_ms > required:
        reason = f"A decision surely takes {latency.least_ms:.3g} ms on any machine, over {budget}."
        return Check("latency", False, latency.least_ms, required, reason)
    if latency.over_ms is not None:
        reason = (
            f"The best of {CALLS} decisions took {latency.over_ms:.3g} ms, over {budget}; a busy machine reads so too, "
            "and it is measured again at the next look."
        )
        return Check("latency", None, latency.over_ms, required, reason)
    return Check("latency", True, None, required, f"A decision keeps {budget}.")


def check_parity(evidence: GateEvidence) -> Check:
    """What decides says what it was compiled from, where that was kept."""
    found = evidence.soundness
    if found is None or found.worst_difference is None:
        reason = "Whether it says what it was compiled from is not asked: it was trained before that was kept."
        return Check("parity", True, None, TOLERANCE, reason)
    on = f"on {found.asked_rows} rows"
    reason = f"It says what it was compiled from, {on}."
    if not found.is_parity_kept:
        reason = (
            f"It differs by {found.worst_difference:.3g} of the largest answer from what it was compiled from, {on}."
        )
    return Check("parity", found.is_parity_kept, found.worst_difference, TOLERANCE, reason)


def check_reasons(evidence: GateEvidence) -> Check:
    """Every decision can be explained, and exact reasons add up to the score."""
    found, has = evidence.soundness, evidence.has_reasons
    reason = "Every score comes with its reasons." if has else "Its scores come without reasons."
    if found is not None and found.unexplained:
        reason = f"{found.unexplained} of {found.asked_rows} scores come without reasons."
    elif found is not None and not found.is_explained:
        reason = f"Its reasons do not add up to its scores: {found.reasons_gap:.3g} of the largest is missing."
    elif found is not None and found.reasons_gap is not None:
        reason = "Every score comes with its reasons, and they add up to it."
    return Check("reasons", has, float(has), 1.0, reason)
