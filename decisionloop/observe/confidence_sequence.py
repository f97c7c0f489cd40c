"""A lift that anyone may look at every day: an interval that is right at all looks together.

A 95 % interval that is looked at daily is wrong some day in far more than 5 % of the years. A confidence sequence
covers at every look at once with its confidence. This is the asymptotic one of Waudby-Smith, Arbour, Sinha, Kennedy
and Ramdas ("Time-uniform central limit theory and asymptotic confidence sequences", 2021), from the normal mixture of
Robbins (1970): with S the sum of the lifts so far less their truth and V its variance,

    P(ever |S| >= sqrt((V + eta) log((V + eta) / (eta alpha^2)))) <= alpha.

What it covers is the mean lift over all decisions so far, which may itself move with time. Time is measured by the
variance of the sum of money and not by 1 / se^2 of the mean: the two agree while a decision's variance is constant,
and only the former is right when cohorts differ.

Before a rare loss has happened money seems to have no variance. What one more would cost is in the cohorts' own
intervals (`rare_event`), and is added here once and not once a cohort: with c its size, V grows by c^2 and the bound
lies (z^2 + 2) / 3 * c further, z being the boundary over the root of V.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from decisionloop.errors import UsageError
from decisionloop.observe.estimate import Estimate, cannot_say, normal_quantile

PLANNED_LOOKS = 52
"""Cohorts after which the interval is at its tightest, relative to one for that look alone."""

BURN_IN = 2_000
"""Decisions before the first look. The theory is asymptotic: before any rare loss has happened, money seems to have no
variance. With losses of 20 margins in 3 % of the decisions, or of 60 in 1 %, in cohorts of 50 to 1,000, the share of
runs that missed the truth at any of 52 looks was 1 to 5 % from 2,000 decisions on, and up to 25 % from the first."""


@dataclass(frozen=True)
class Cumulated:
    """What one or more cohorts brought: n decisions, their money in all, and the variance of that sum.

    ``loss`` and ``gain`` are the money of one more rare loss, or gain, than were seen.
    """

    n: int
    money: float
    variance: float
    loss: float = 0.0
    gain: float = 0.0

    @classmethod
    def of(cls, mean: Estimate) -> Cumulated | None:
        """From money per decision with its interval; None where the cohort could not tell it.

        The shorter half of a stored interval over the normal quantile is its standard error, at most; what the
        longer half has over it is one more rare event.
        """
        if mean.value is None or mean.low is None or mean.high is None or mean.n == 0:
            return None
        z, n = normal_quantile(mean.confidence), mean.n
        down, up = mean.value - mean.low, mean.high - mean.value
        error = min(down, up) / z
        loss, gain = (_event_within(half, error, z) * n for half in (down, up))
        return cls(n, mean.value * n, (error * n) ** 2, loss, gain)

    def independent_sum(self, other: Cumulated) -> Cumulated:
        """Both, where what happens by chance in one says nothing of the other: variances add."""
        return self._sum(other, self.variance + other.variance)

    def dependent_sum(self, other: Cumulated) -> Cumulated:
        """Both, where the same entities return: standard errors add, the most that any dependence can do."""
        error = float(np.sqrt(self.variance) + np.sqrt(other.variance))
        return self._sum(other, error**2)

    def _sum(self, other: Cumulated, variance: float) -> Cumulated:
        loss, gain = max(self.loss, other.loss), max(self.gain, other.gain)
        return Cumulated(self.n + other.n, self.money + other.money, variance, loss, gain)

    @property
    def largest_variance(self) -> float:
        """The variance with one more event."""
        return self.variance + max(self.loss, self.gain) ** 2

    @property
    def mean(self) -> float:
        """Money per decision."""
        return self.money / self.n

    def interval(self, eta: float, alpha: float) -> tuple[float, float]:
        """The two-sided time-uniform interval of the mean per decision at 1 - ``alpha``."""
        down, up = (self._reach(event, eta, alpha) / self.n for event in (self.loss, self.gain))
        return self.mean - down, self.mean + up

    def _reach(self, event: float, eta: float, alpha: float) -> float:
        """Distance of a bound of the sum: the boundary, and one more event beyond it."""
        variance = self.variance + event**2
        half = np.sqrt((variance + eta) * np.log((variance + eta) / (eta * alpha**2)))
        return float(half + ((half**2 / variance + 2) / 3 * event if event else 0.0))


def _event_within(half: float, error: float, z: float) -> float:
    """The c whose reach (z^2 + 2) / 3 * c + z * sqrt(error^2 + c^2) is ``half`` >= z * error."""
    shift = (z**2 + 2) / 3
    over = half**2 - (z * error) ** 2
    root = np.sqrt((shift * half) ** 2 + (z**2 - shift**2) * over)
    return float(over / (shift * half + root)) if over > 1e-12 * half**2 else 0.0


@dataclass(frozen=True)
class ConfidenceSequence:
    """A mean lift in money per decision after each look, with intervals that hold at all looks together.

    ``path`` holds what was cumulated by each look, oldest first and at least one; ``cohorts`` is how many are in it
    by the last look. ``eta`` > 0, in money squared, says at which variance the interval is tightest.
    """

    path: tuple[Cumulated, ...]
    eta: float
    confidence: float
    cohorts: int

    @property
    def looks(self) -> int:
        """How many looks there were: one a cohort once the burn-in was over."""
        return len(self.path)

    @property
    def estimates(self) -> tuple[Estimate, ...]:
        """Lift and interval after each look: what to draw."""
        return tuple(self._estimate(at, self.confidence) for at in self.path)

    @property
    def estimate(self) -> Estimate:
        """Lift and interval now."""
        return self.at(self.confidence)

    def at(self, confidence: float) -> Estimate:
        """Lift and interval now at another confidence; use the same one at every look."""
        return self._estimate(self.path[-1], confidence)

    def _estimate(self, at: Cumulated, confidence: float) -> Estimate:
        low, high = at.interval(self.eta, 1 - confidence)
        return Estimate(at.mean, low, high, at.n, float(at.n), confidence)


def lift_sequence(
    cohorts: Sequence[Estimate],
    are_independent: bool,
    confidence: float = 0.95,
    planned_looks: int = PLANNED_LOOKS,
    burn_in: int = BURN_IN,
) -> ConfidenceSequence | None:
    """The confidence sequence of a lift from its estimates per cohort, oldest first.

    Args:
        cohorts: lift in money per decision of each cohort with its interval; one that could not tell is left out.
        are_independent: True where randomisation alone makes the chance in it (the paired gain against the rules);
            False where the same entities return (policy against holdout, see `difference`).
        planned_looks: cohorts after which it should be tightest.
        burn_in: decisions before the first look.

    None while there are fewer decisions, or none of them varies. The interval is tuned to the first look's variance,
    so that it never changes with later data. Raises UsageError for a confidence outside (0, 1) or less than one
    planned look.
    """
    if not 0 < confidence < 1 or planned_looks < 1:
        raise UsageError(
            f"a confidence sequence needs a confidence in (0, 1) and planned looks, not {confidence}, {planned_looks}."
        )
    known = [cohort for cohort in map(Cumulated.of, cohorts) if cohort is not None]
    add = Cumulated.independent_sum if are_independent else Cumulated.dependent_sum
    exponent = 1 if are_independent else 2
    return sequence_of(tuple(accumulate(known, add)), confidence, planned_looks, burn_in, exponent)


def sequence_of(
    path: Sequence[Cumulated],
    confidence: float = 0.95,
    planned_looks: int = PLANNED_LOOKS,
    burn_in: int = BURN_IN,
    exponent: int = 1,
) -> ConfidenceSequence | None:
    """The sequence over what was cumulated by each cohort; the variance grows with their number to ``exponent``."""
    first = next((look for look, at in enumerate(path) if at.n >= burn_in and at.largest_variance > 0), None)
    if first is None:
        return None
    growth = max(1.0, planned_looks / (first + 1)) ** exponent
    eta = tightest_at(path[first].largest_variance * growth, 1 - confidence)
    return ConfidenceSequence(tuple(path[first:]), eta, confidence, len(path))


def tightest_at(variance: float, alpha: float) -> float:
    """The eta at which the interval is (nearly) tightest once the sum has this variance (Waudby-Smith et al. 2021)."""
    size = -2 * np.log(alpha)
    return variance / float(size + np.log(size) + 1)


def difference(policy: Estimate, holdout: Estimate) -> Estimate:
    """Policy less holdout in one cohort, two groups of different entities; n is the policy's, whose lift it is.

    Half widths are squared and added (Zou and Donner 2008), so that an asymmetric interval stays so. Raises UsageError
    where the two have different confidences.
    """
    if policy.confidence != holdout.confidence:
        raise UsageError(f"intervals at {policy.confidence} and {holdout.confidence} cannot be subtracted.")
    parts = (policy.value, policy.low, policy.high, holdout.value, holdout.low, holdout.high)
    if any(part is None for part in parts):
        return cannot_say(policy.reason or holdout.reason or "a side is not known", policy.n, policy.confidence)
    value, low, high, other, other_low, other_high = (float(part or 0.0) for part in parts)
    gap = value - other
    down, up = np.hypot(value - low, other_high - other), np.hypot(high - value, other - other_low)
    effective_n = min(policy.effective_n, holdout.effective_n)
    return Estimate(gap, gap - float(down), gap + float(up), policy.n, effective_n, policy.confidence)
