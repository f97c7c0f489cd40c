"""The gate: may this candidate take over? Money first; a judgement over evidence, computing nothing from data.

Each check passes, fails, or cannot say. One failure refuses; otherwise one "cannot say" means insufficient
evidence; otherwise the candidate is promoted. Making a candidate worse in any respect never improves its verdict.

Where evidence accumulates (`GateRules.is_accumulating`) money is looked at again after every cohort with bounds that
hold at all looks together (`learn.comparison`), and as long as it is open nothing else can refuse: the other checks are
of a moment, and are asked for when the money is proven.

The money test is one-sided: the lower bound of the paired difference at ``confidence`` must exceed the minimum
gain. A candidate that is truly no better passes with probability at most 1 - confidence, also when the best of
several is taken (``candidates`` divides the error among them). With standard error s it passes with probability
Phi(gain / s - z), where gain is what it earns above the minimum and z the quantile of ``confidence``: a gain of
z * s is found half the time, (z + 0.84) * s in 80 of 100 logs. The money check says that figure when it refuses.
The difference is net of what the candidate costs more to serve.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from decisionloop.errors import UsageError
from decisionloop.learn.gate_checks import (
    Check,
    CheckName,
    GateEvidence,
    GateRules,
    ImpactComparison,
    check_adverse_impact,
    check_auc,
    check_calibration,
    check_skill,
)
from decisionloop.learn.gate_money import check_money
from decisionloop.learn.gate_serving import check_latency, check_parity, check_reasons
from decisionloop.learn.gate_slice_check import check_slices

__all__ = ["Check", "GateEvidence", "GateRules", "ImpactComparison", "Verdict", "judge"]

GateDecision = Literal["promote", "refuse", "insufficient"]


@dataclass(frozen=True)
class Verdict:
    """The decision, and the checks in order: money, skill, AUC, calibration, adverse impact, slices, latency,
    parity, reasons.

    ``warning``: what a person should look into whatever was decided, "" where there is nothing.
    """

    decision: GateDecision
    checks: tuple[Check, ...]
    warning: str = ""

    @property
    def reason(self) -> str:
        """The sentences that decided: the failures, else what could not be said, else the money; and the warning."""
        failed = [check for check in self.checks if check.is_passed is False and self.decision == "refuse"]
        unknown = [check for check in self.checks if check.is_passed is None]
        said = [check.reason for check in failed or unknown or self.checks[:1]]
        return " ".join([*said, self.warning] if self.warning else said)

    def waits_only_for(self, name: CheckName) -> bool:
        """Whether that check alone could not be answered, and every other one passed."""
        open_ones = [check for check in self.checks if not check.is_passed]
        return self.decision == "insufficient" and [check.name for check in open_ones] == [name]


def judge(evidence: GateEvidence, rules: GateRules) -> Verdict:
    """Judge a candidate. Raises UsageError when the money interval has another confidence than the rules need."""
    wanted = rules.interval_confidence
    if abs(evidence.money.confidence - wanted) > 1e-9:
        raise UsageError(
            f"the money interval has confidence {evidence.money.confidence:g}, the gate needs {wanted:g} "
            "(two-sided, for a one-sided bound). Estimate it with GateRules.interval_confidence."
        )
    checks = (
        check_money(evidence, rules),
        check_skill(evidence, rules),
        check_auc(evidence, rules),
        check_calibration(evidence, rules),
        check_adverse_impact(evidence, rules),
        check_slices(evidence, rules),
        check_latency(evidence, rules),
        check_parity(evidence),
        check_reasons(evidence),
    )
    passed = [check.is_passed for check in checks]
    decision: GateDecision = "refuse" if False in passed else "insufficient" if None in passed else "promote"
    if rules.is_accumulating and checks[0].is_passed is None:
        decision = "insufficient"
    return Verdict(decision, checks, evidence.leak)
