"""Whether the deciding model has surely become worse than it was, told from one mature cohort."""

from __future__ import annotations

from dataclasses import dataclass

from decisionloop.observe.estimate import Estimate


@dataclass(frozen=True)
class Decay:
    """Whether the whole interval is beyond what is allowed, and the figures in a sentence."""

    is_sure: bool
    words: str


def auc_decay(auc: Estimate, reference: float, allowed_drop: float, cohort: str) -> Decay:
    """Whether the whole interval of a cohort's AUC lies below the reference less the allowed drop."""
    if auc.value is None or auc.high is None:
        return Decay(False, f"The AUC of {cohort} cannot be told: {auc.reason}.")
    floor = reference - allowed_drop
    words = (
        f"AUC of {cohort} is {auc.value:.3f} (at most {auc.high:.3f}); at release it was {reference:.3f}, and "
        f"{floor:.3f} is the least allowed."
    )
    is_sure = auc.high < floor
    return Decay(is_sure, f"The AUC has {'' if is_sure else 'not surely '}decayed. {words}")


def calibration_decay(gap: Estimate, allowed: float, cohort: str) -> Decay:
    """Whether observed less predicted rate (``gap``) is surely further from 0 than allowed."""
    if gap.value is None or gap.low is None or gap.high is None:
        return Decay(False, f"The calibration of {cohort} cannot be told: {gap.reason}.")
    words = f"differ by {gap.value:+.3f} ({gap.low:+.3f} to {gap.high:+.3f}); {allowed:.3f} is the most allowed."
    return Decay(gap.low > allowed or gap.high < -allowed, f"Observed and predicted rate of {cohort} {words}")
