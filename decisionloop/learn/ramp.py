"""How many entities a challenger may decide for by now, given how sure it is that it earns more.

A canary does not prove anything by itself: the comparison (`learn.comparison`) does, and promotes. What it does is to
bring money and outcomes early, for so few that little is lost if it is worse: where a share s is decided by a release
that the log says earns more with confidence c, the loss per decision is expected to be below s (1 - c) times what the
worst of such releases costs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scipy.special import ndtr

from decisionloop.contract.releasing import CanaryStep
from decisionloop.learn.comparison import Progress
from decisionloop.observe.estimate import Estimate, normal_quantile


@dataclass(frozen=True)
class Standing:
    """What speaks for a challenger: ``confidence`` (one-sided) that it earns more, and whether anything speaks against.

    ``is_behind``: what has matured since the comparison was opened says, as a plain estimate, that it earns no more.
    ``is_by_first_look``: the confidence is that of the first look, out of fold, and not of the comparison since.
    """

    confidence: float
    is_behind: bool
    is_by_first_look: bool = True


def standing(first: Estimate | None, since: Estimate, progress: Progress | None, required: float) -> Standing:
    """How a challenger stands, by its first look and by the comparison ``since``; None: it met another champion then.

    ``required``: money a decision that it must earn more. A capital of k by betting that it earns more speaks for it
    with a confidence of 1 - 1/k (Ville 1939). Of a plain interval the distance from the estimate to its bound grows as
    the normal quantile does. Outcomes that never came count as the worst that they could be.
    """
    by_first = 0.0
    if first is not None and first.value is not None and first.low is not None and first.value > first.low:
        error = (first.value - first.low) / normal_quantile(first.confidence)
        by_first = float(ndtr((first.value - _at_worst(first, first.low) - required) / error))
    by_betting = 0.0 if progress is None or progress.capital <= 1 else 1 - 1 / progress.capital
    is_behind = since.value is not None and since.n > 0 and since.value <= required
    return Standing(max(by_first, by_betting), is_behind, by_first >= by_betting)


def _at_worst(told: Estimate, low: float) -> float:
    """How much less than an estimate whose lower end is ``low`` missing outcomes could leave (inf: nobody knows)."""
    if told.bounds is None or not told.bounds.missing:
        return 0.0
    return float("inf") if told.bounds.low is None else max(0.0, low - told.bounds.low)


def entitled(steps: Sequence[CanaryStep], stands: Standing) -> float:
    """The largest share that it stands surely enough for, 0 for none, were every step taken."""
    if stands.is_behind:
        return 0.0
    return max((step.share for step in steps if stands.confidence >= step.confidence), default=0.0)


def share_now(steps: Sequence[CanaryStep], before: float, stands: Standing) -> float:
    """The share of entities to decide for from now on, ``before`` being the one until now; one step up at most.

    It never falls: what does harm is stopped, and not made smaller.
    """
    if stands.is_behind:
        return before
    following = next((step for step in steps if step.share > before), None)
    return before if following is None or stands.confidence < following.confidence else following.share
