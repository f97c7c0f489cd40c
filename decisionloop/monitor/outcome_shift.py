"""Has the outcome itself changed: its rate in a mature cohort against earlier ones, whatever any model predicted?

A changed rate is a changed world or a changed definition, and is told apart from a model that predicts badly. Compared
are decisions that one and the same release took by itself: what another release or exploration shows has another rate
without any change, and weighting it back would rest on the few explored rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from decisionloop.monitor.alarm.finding import Finding
from decisionloop.monitor.alarm.terms import Terms
from decisionloop.observe.estimate import Estimate
from decisionloop.observe.exact_rate import Bounds, rate_bounds

MINIMUM_COHORTS = 3
"""Earlier cohorts without which nobody knows what is usual."""


@dataclass(frozen=True)
class UsualRate:
    """The rate of the outcome in earlier cohorts: ``events`` and rows ``n`` (>= 1) of each, (J,)."""

    events: tuple[float, ...]
    n: tuple[int, ...]

    @classmethod
    def of(cls, rates: Sequence[Estimate]) -> UsualRate:
        """From the rates that were measured of the cohorts, which are shares of their rows."""
        known = [(one.value * one.n, one.n) for one in rates if one.value is not None and one.n > 0]
        return cls(tuple(events for events, _ in known), tuple(n for _, n in known))

    @property
    def is_known(self) -> bool:
        """Whether there are enough cohorts to say what is usual."""
        return len(self.n) >= MINIMUM_COHORTS

    @property
    def rate(self) -> float:
        """Of all cohorts together."""
        return sum(self.events) / sum(self.n)

    def spread(self) -> float:
        """Standard deviation of the cohorts' rates, what chance does to each included."""
        return float(np.std(np.divide(self.events, self.n), ddof=1))

    def bounds(self, alpha: float) -> Bounds:
        """Exact bounds of the rate, each one-sided at ``alpha``.

        Where the cohorts differ by more than chance their rows count for less: by Pearson's dispersion, as Korn and
        Graubard (1998) let the effective size of clustered data stand for its size.
        """
        e, n, rate = np.asarray(self.events), np.asarray(self.n, dtype=np.float64), self.rate
        expected = n * rate * (1 - rate)
        dispersion = float(((e - n * rate) ** 2 / expected).sum() / (len(n) - 1)) if 0 < rate < 1 else 1.0
        size = float(n.sum()) / max(1.0, dispersion)
        return rate_bounds(rate * size, size, alpha)


NO_COHORTS = UsualRate((), ())


def judge_outcome_shift(terms: Terms, outcome: npt.ArrayLike, usual: UsualRate, checks: int) -> tuple[Finding, ...]:
    """Compare the rate of ``outcome`` (n,) in {0, 1} with that of earlier mature cohorts of the release.

    The limit is the contract's tolerance, or three standard deviations of the earlier cohorts if that is more, at
    most twice the tolerance (a slow drift must not teach itself in). The bound is what lies surely between the exact
    limits of both rates (`exact_rate.rate_bounds`): either rate may err in either direction, so each limit has a
    quarter of the check's alpha. ``checks``: of its family in this cohort. () with less than three earlier cohorts or
    without an outcome.
    """
    y = np.asarray(outcome, dtype=np.float64)
    use_case = terms.use_case
    wording = use_case.outcome.class_
    if wording is None or not usual.is_known or y.size == 0:
        return ()
    alpha = terms.budget.alpha("labels", checks)
    tolerance = use_case.monitors.maximum_outcome_shift
    gap = _apart(y, usual, (1 - 0.95) / 4)
    return (
        Finding(
            family="labels",
            monitor="outcome_shift",
            slice="all",
            figure=gap.size_estimate(y.size, float(y.size), 0.95),
            threshold=float(np.clip(3 * usual.spread(), tolerance, 2 * tolerance)),
            bound=_apart(y, usual, alpha / 4).size_low,
            direction="above",
            alpha=alpha,
            words=f"Where nothing was explored and the outcome is known, “{wording.wording}” came in "
            f"{y.mean():.1%}; {usual.rate:.1%} is usual there.",
            suggestion="Ask whether the outcome is still defined and recorded as before; if so, the world has changed. "
            "If not, `decisionloop cohorts exclude` keeps the cohort from teaching and judging.",
            against=f"{len(usual.n)} earlier cohorts",
            stake=terms.stakes.of_rate(gap.value),
            release_id=terms.release_id,
        ),
    )


def _apart(y: npt.NDArray[np.float64], usual: UsualRate, alpha: float) -> Bounds:
    """The cohort's rate less the usual one, from the limits of each at ``alpha``."""
    now, before = rate_bounds(float(y.sum()), y.size, alpha), usual.bounds(alpha)
    return Bounds(now.value - before.value, now.low - before.high, now.high - before.low)
