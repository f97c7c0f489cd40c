"""Which features carry the gap in scores between groups: exact, because contributions add up to the margin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from decisionloop.contract import UseCase
from decisionloop.errors import UsageError
from decisionloop.observe.estimate import Estimate, cannot_say, t_quantile

FEATURES_IN_WORDS = 3


@dataclass(frozen=True)
class FeatureGap:
    """How much higher (lower: below 0) a feature puts the group's mean margin than the reference group's.

    ``share`` of the whole gap; shares of all features sum to 1, and some may be below 0 or above 1. None: no gap.
    """

    feature: str
    gap: Estimate
    share: float | None


@dataclass(frozen=True)
class GapAttribution:
    """The gap in mean margin between a group and the reference, and each feature's part in it, the largest first."""

    group: str
    reference: str
    gap: Estimate
    features: tuple[FeatureGap, ...]

    def words(self, use_case: UseCase, attribute: str) -> str:
        """A sentence for people: whose scores are higher, and which features carry it."""
        protected = next(one for one in use_case.protected if one.name == attribute)
        name, than = (protected.groups.get(one, one) for one in (self.group, self.reference))
        if self.gap.value is None or self.gap.low is None or self.gap.high is None:
            return f"{name} and {than} cannot be compared: {self.gap.reason}."
        if self.gap.low <= 0 <= self.gap.high:
            return f"The mean score of {name} does not surely differ from that of {than}."
        wordings = {feature.name: feature.wording for feature in use_case.features}
        side = "higher" if self.gap.value > 0 else "lower"
        carried = [one for one in self.features if one.share is not None and one.share > 0][:FEATURES_IN_WORDS]
        listed = ", ".join(f"{wordings.get(one.feature, one.feature)} {one.share:.0%}" for one in carried)
        return f"The mean score of {name} is {side} than that of {than}; of the gap these carry: {listed}."


def impact_attribution(
    contributions: npt.ArrayLike,
    features: Sequence[str],
    group: npt.ArrayLike,
    reference: str,
    confidence: float = 0.95,
) -> tuple[GapAttribution, ...]:
    """Split the gap in mean margin between each group and the ``reference`` among the features.

    Args:
        contributions: exact Shapley values on the margin scale (m, F); with the base they sum to the margin.
        features: their F names.
        group: group of each row (m,); missing ones are left out.

    A feature's part is the difference of its mean contributions: parts sum to the gap. It says through which inputs
    the model treats groups differently, not whether it should. Intervals are Welch's, with rows as independent.
    Raises UsageError when shapes disagree.
    """
    values, groups = np.asarray(contributions, dtype=float), np.asarray(group, dtype=object)
    if values.shape != (len(groups), len(features)):
        raise UsageError(
            f"contributions of shape {values.shape} do not belong to {len(groups)} rows and {len(features)} features."
        )
    named = sorted({str(one) for one in groups if isinstance(one, str)})
    others = [name for name in named if name != reference]
    return tuple(_attribution(values, features, groups, name, reference, confidence) for name in others)


def _attribution(
    values: np.ndarray, features: Sequence[str], groups: np.ndarray, name: str, reference: str, confidence: float
) -> GapAttribution:
    mine, theirs = values[groups == name], values[groups == reference]
    gap = _difference(mine.sum(axis=1), theirs.sum(axis=1), confidence)
    parts = [_difference(mine[:, f], theirs[:, f], confidence) for f in range(len(features))]
    gaps = [
        FeatureGap(feature, part, None if part.value is None or not gap.value else part.value / gap.value)
        for feature, part in zip(features, parts, strict=True)
    ]
    return GapAttribution(name, reference, gap, tuple(sorted(gaps, key=lambda one: -abs(one.gap.value or 0.0))))


def _difference(mine: np.ndarray, theirs: np.ndarray, confidence: float) -> Estimate:
    """Difference of two means with the interval of Welch (1947)."""
    n, m = len(mine), len(theirs)
    if min(n, m) < 2:
        return cannot_say("a group has fewer than two decisions", n, confidence)
    a, b = float(mine.var(ddof=1)) / n, float(theirs.var(ddof=1)) / m
    value = float(mine.mean() - theirs.mean())
    degrees = (a + b) ** 2 / (a**2 / (n - 1) + b**2 / (m - 1)) if a + b > 0 else 1.0
    half = t_quantile(confidence, degrees) * float(np.sqrt(a + b))
    return Estimate(value, value - half, value + half, n, float(n), confidence)
