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

import numpy as np

from decisionloop.errors import UsageError
from decisionloop.observe.estimate import Estimate, Floats, cannot_say, normal_quantile

PLANNED_LOOKS = 52
"""Cohorts after which the interval is at its tightest, relative to one for that look alone."""

BURN_IN = 2_000
"""Decisions before the first look. The theory is asymptotic: before any rare loss has happened, money seems to have no
variance. With losses of 20 margins in 3 % of the decisions, or of 60 in 1 %, in cohorts of 50 to 1,000, the share of
runs that missed the truth at any of 52 looks was 1 to 5 % from 2,000 decisions on, and up to 25 % from the first."""


@dataclass(frozen=True, eq=False)
class Cumulated:
    """What was brought by the end of each of k looks, all (k,): n decisions, their money in all, and the variance of
    that sum.

    ``loss`` and ``gain`` are the money of one more rare loss, or gain, than were seen.
    """

    n: Floats
    money: Floats
    variance: Floats
    loss: Floats
    gain: Floats

    @classmethod
    def of(cls, cohorts: Sequence[Estimate], are_independent: bool) -> Cumulated:
        """From the money per decision of each cohort with its interval; one that could not tell is no look.

        The shorter half of a stored interval over the normal quantile is its standard error, at most; what the longer
        half has over it is one more rare event. Variances add where what happens by chance in one cohort says nothing
        of another; where the same entities return standard errors do, the most that any dependence can do.
        """
        told = [(one.n, one.value, one.low, one.high, normal_quantile(one.confidence)) for one in cohorts]
        n, value, low, high, z = np.array(told, dtype=np.float64).reshape(-1, 5).T
        is_known = (n > 0) & ~np.isnan(value + low + high)
        n, value, low, high, z = (column[is_known] for column in (n, value, low, high, z))
        halves = (value - low, high - value)
        error = np.minimum(*halves) / z
        loss, gain = (np.maximum.accumulate(_event_within(half, error, z) * n) for half in halves)
        variance = np.cumsum((error * n) ** 2) if are_independent else np.cumsum(error * n) ** 2
        return cls(np.cumsum(n), np.cumsum(value * n), variance, loss, gain)

    @property
    def largest_variance(self) -> Floats:
        """The variance with one more event."""
        return self.variance + np.maximum(self.loss, self.gain) ** 2

    def since(self, look: int) -> Cumulated:
        """From one look on."""
        return Cumulated(*(column[look:] for column in (self.n, self.money, self.variance, self.loss, self.gain)))

    def estimate(self, look: int, eta: float, confidence: float) -> Estimate:
        """Money per decision by a look with its time-uniform interval."""
        n = float(self.n[look])
        mean = float(self.money[look]) / n
        down, up = (self._reach(look, float(event[look]), eta, 1 - confidence) / n for event in (self.loss, self.gain))
        return Estimate(mean, mean - down, mean + up, int(n), n, confidence)

    def _reach(self, look: int, event: float, eta: float, alpha: float) -> float:
        """Distance of a bound of the sum: the boundary, and one more event beyond it."""
        variance = float(self.variance[look]) + event**2
        half = np.sqrt((variance + eta) * np.log((variance + eta) / (eta * alpha**2)))
        return float(half + ((half**2 / variance + 2) / 3 * event if event else 0.0))


def _event_within(half: Floats, error: Floats, z: Floats) -> Floats:
    """The c (k,) whose reach (z^2 + 2) / 3 * c + z * sqrt(error^2 + c^2) is ``half`` >= z * error."""
    shift = (z**2 + 2) / 3
    over = half**2 - (z * error) ** 2
    root = np.sqrt(np.maximum((shift * half) ** 2 + (z**2 - shift**2) * over, 0.0))
    event: Floats = np.divide(over, shift * half + root, out=np.zeros(len(half)), where=over > 1e-12 * half**2)
    return event


@dataclass(frozen=True)
class ConfidenceSequence:
    """A mean lift in money per decision after each look, with intervals that hold at all looks together.

    ``path`` holds what was cumulated by each look, oldest first and at least one; ``cohorts`` is how many are in it
    by the last look. ``eta`` > 0, in money squared, says at which variance the interval is tightest.
    """

    path: Cumulated
    eta: float
    confidence: float
    cohorts: int

    @property
    def looks(self) -> int:
        """How many looks there were: one a cohort once the burn-in was over."""
        return len(self.path.n)

    @property
    def estimates(self) -> tuple[Estimate, ...]:
        """Lift and interval after each look: what to draw."""
        return tuple(self.path.estimate(look, self.eta, self.confidence) for look in range(self.looks))

    @property
    def estimate(self) -> Estimate:
        """Lift and interval now."""
        return self.at(self.confidence)

    def at(self, confidence: float) -> Estimate:
        """Lift and interval now at another confidence; use the same one at every look."""
        return self.path.estimate(-1, self.eta, confidence)


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
    exponent = 1 if are_independent else 2
    return sequence_of(Cumulated.of(cohorts, are_independent), confidence, planned_looks, burn_in, exponent)


def sequence_of(
    path: Cumulated,
    confidence: float = 0.95,
    planned_looks: int = PLANNED_LOOKS,
    burn_in: int = BURN_IN,
    exponent: int = 1,
) -> ConfidenceSequence | None:
    """The sequence over what was cumulated by each cohort; the variance grows with their number to ``exponent``."""
    begun = np.flatnonzero((path.n >= burn_in) & (path.largest_variance > 0))
    if not len(begun):
        return None
    first = int(begun[0])
    growth = max(1.0, planned_looks / (first + 1)) ** exponent
    eta = tightest_at(float(path.largest_variance[first]) * growth, 1 - confidence)
    return ConfidenceSequence(path.since(first), eta, confidence, len(path.n))


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
