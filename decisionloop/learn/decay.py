"""Whether the deciding model has surely become worse than it was, told from one mature cohort.

Sure is what the alarm budget calls sure: the bound is that of the monitor's own alarm about the cohort. The 95 %
interval stands in the words; a trigger that rested on it would be wrong about seven cohorts in a hundred.
"""

from __future__ import annotations

from dataclasses import dataclass

from decisionloop.observe.estimate import Estimate


@dataclass(frozen=True)
class Decay:
    """Whether it is surely beyond what is allowed, and the figures in a sentence."""

    is_sure: bool
    words: str


def auc_decay(auc: Estimate, bound: float | None, reference: float, allowed_drop: float, cohort: str) -> Decay:
    """Whether a cohort's AUC is surely below the reference less the allowed drop.

    ``bound``: the upper bound of the AUC within the alarm budget (`monitor.performance.upper_auc`); None: no alarm was
    raised, so it is not.
    """
    if auc.value is None or auc.high is None:
        return Decay(False, f"The AUC of {cohort} cannot be told: {auc.reason}.")
    floor = reference - allowed_drop
    is_sure = bound is not None and bound < floor
    most = f"surely at most {bound:.3f}" if is_sure else f"{auc.low:.3f} to {auc.high:.3f}"
    words = (
        f"AUC of {cohort} is {auc.value:.3f} ({most}); at release it was {reference:.3f}, and {floor:.3f} is the least "
        "allowed."
    )
    return Decay(is_sure, f"The AUC has {'' if is_sure else 'not surely '}decayed. {words}")


def calibration_decay(gap: Estimate, bound: float | None, allowed: float, cohort: str) -> Decay:
    """Whether observed and predicted rate surely lie further apart than allowed.

    ``bound``: the least that they lie apart, within the alarm budget; None: no alarm was raised, so they do not.
    """
    if gap.value is None or gap.low is None or gap.high is None:
        return Decay(False, f"The calibration of {cohort} cannot be told: {gap.reason}.")
    is_sure = bound is not None and bound > allowed
    least = f"surely at least {bound:.3f}" if is_sure else f"{gap.low:.3f} to {gap.high:.3f}"
    words = f"differ by {gap.value:.3f} ({least}); {allowed:.3f} is the most allowed."
    return Decay(is_sure, f"Observed and predicted rate of {cohort} {words}")
