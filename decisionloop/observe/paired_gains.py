"""What one policy would have earned more than another, decision by decision: unbiased, and bounded below.

For a decision with features x the doubly robust gain is d = base + w (r - q), as in `off_policy`: given x and all that
happened before, its mean over the draw of the action and the outcome is the true gain. Given x and the action it cannot
be below -(|w| h - base), where h is how far money can fall on the side that hurts (`possible_money`).

A bet must know that bound before it is placed. Where a decision could hurt more than a ``limit`` that was set before,
its weight is shrunk to s w, so that it cannot. That moves its mean by (1 - s) |w| h at most, which is summed up in
`PairedGains.bias`: truncation in the sense of Ionides (2008), its bias taken from the worst case and not guessed.
Amounts have no bound: they count up to ``AMOUNT_REACH`` usual deviations s on the side that hurts, and by
(x - k s)+ <= x^2 / (4 k s) what lies beyond is s / (4 k) at most, on average over each decision that is moved.

An outcome that has not come counts as the worst that it could be for the gain. So what is summed up is never more than
it will be once all have come, whatever they are missing for: a proof by the sum is one by what it will be.

So does an action that the log could not have shown: no draw can correct what q says of it. The challenger's counts as
the worst that it could be, the champion's as the best, so that a few rows of which nobody can tell do not keep the
others from proving what they show. What they may hurt beyond the limit is known beforehand, and summed up as bias.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from decisionloop.observe.estimate import Codes, Floats, entity_sums
from decisionloop.observe.logged_decisions import Flags, LoggedDecisions
from decisionloop.observe.off_policy import importance_weights, propensity_weights

AMOUNT_REACH = 8.0
"""Usual deviations beyond which an amount that hurts is counted as though it were so large."""


@dataclass(frozen=True, eq=False)
class PairedGains:
    """The gains of g groups, each an entity's decisions in one cohort, in currency.

    gain       (g,)  unbiased but for ``bias``: the challenger's money less the champion's
    decisions  (g,)  decisions in the group
    bias             currency in all by which truncation may have raised the sum of gains at most
    """

    gain: Floats
    decisions: Floats
    bias: float = 0.0

    @property
    def n(self) -> int:
        """Decisions in all."""
        return int(self.decisions.sum())

    @property
    def mean(self) -> float:
        """Gain a decision."""
        return float(self.gain.sum() / max(1, self.n))

    @property
    def bias_per_decision(self) -> float:
        """The most that truncation may have added to a decision's gain on average."""
        return self.bias / max(1, self.n)


@dataclass(frozen=True, eq=False)
class GainRows:
    """The gains row by row (n,): ``base``, ``drawn`` = w (r - q), and how far below 0 that can be, ``hurts`` >= 0.

    ``base`` is known before the draw. ``beyond``: currency that amounts larger than are counted may take off in all;
    ``group`` (n,): whose rows belong together; ``copies``: rows that were written for each decision.
    """

    base: Floats
    drawn: Floats
    hurts: Floats
    beyond: float
    group: Codes
    copies: int = 1

    @property
    def harm(self) -> Floats:
        """How far below 0 each row could have been (n,)."""
        return np.maximum(self.hurts - self.base, 0.0)

    def within(self, limit: float = np.inf) -> PairedGains:
        """The gains by group, no row of which can hurt by more than ``limit`` in currency."""
        room = np.maximum(limit + self.base, 0.0)
        can_hurt = np.isfinite(self.hurts) & (self.hurts > 0)
        kept = np.minimum(1.0, np.divide(room, self.hurts, out=np.ones_like(room), where=can_hurt))
        rows = np.bincount(self.group) / self.copies
        # A base below the limit is known to hurt more: that is no bet, and is taken off all gains alike.
        base = np.maximum(self.base, -limit)
        gain = entity_sums(base + kept * self.drawn, self.group) / self.copies
        lost = float(((1 - kept) * np.where(kept < 1, self.hurts, 0.0)).sum() + (base - self.base).sum())
        return PairedGains(gain[rows > 0], rows[rows > 0], (lost + self.beyond) / self.copies)


def gain_rows(
    logged: LoggedDecisions,
    moved: Floats,
    group: Codes,
    caution: float = 0.0,
    copies: int = 1,
    is_untried_worst: bool = True,
) -> GainRows:
    """The rows of a log on which two policies are compared; ``moved`` (n, A): challenger less champion.

    ``group`` (n,) numbers an entity's decisions in one cohort from 0. ``caution`` in [0, 1]: how far q lies from what
    is expected towards what would hurt most. A log that does not say what is possible has no bound: its rows can hurt
    without limit. ``is_untried_worst``: what the log could not have shown counts as the worst that it could be, where
    that is known.
    """
    rows, taken = np.arange(len(logged)), logged.action
    ends = _Ends.of(logged)
    q = ends.cautious(moved, caution)
    if is_untried_worst:
        q = np.where(logged.supported, q, ends.worst_for(moved))
    base, expected = np.einsum("ij,ij->i", moved, q), q[rows, taken]
    weight, money = _bounded_by_missing(logged, moved)
    side = np.where(weight > 0, expected - ends.floor[rows, taken], ends.ceiling[rows, taken] - expected)
    hurts = np.abs(weight) * np.where(weight != 0, np.maximum(side, 0.0), 0.0)
    surprise = np.where(weight != 0, np.nan_to_num(money - expected), 0.0)
    drawn = np.where(np.isnan(money), -hurts, np.maximum(weight * surprise, -hurts))
    return GainRows(base, drawn, hurts, ends.beyond(moved), group, copies)


def _bounded_by_missing(logged: LoggedDecisions, moved: Floats) -> tuple[Floats, Floats]:
    """Weight and money (n,) of what was done: where the outcome has not come, the worst that it could be for the gain
    (NaN: nobody knows).

    No weight stands in for those that are missing then, but for those that the draw of a replay does not show. A log
    that does not say which are missing takes them as the others of their action.
    """
    missing = logged.missing
    if missing is None or not missing.count:
        return np.where(logged.is_arrived, propensity_weights(logged, moved), 0.0), logged.money
    weight = importance_weights(logged, moved) * logged.shown_scale[logged.done]
    worst = np.where(weight > 0, missing.worst, missing.best)
    is_counted = logged.is_arrived | missing.is_missing
    return np.where(is_counted, weight, 0.0), np.where(missing.is_missing, worst, logged.money)


@dataclass(frozen=True, eq=False)
class _Ends:
    """What is expected of each action (n, A), its usual ``worst`` and ``best``, and what counts as such at most."""

    expected: Floats
    worst: Floats
    best: Floats
    is_bound: bool
    is_exact: Flags

    @classmethod
    def of(cls, logged: LoggedDecisions) -> _Ends:
        q, possible = np.nan_to_num(logged.expected_values, nan=0.0), logged.possible
        if possible is None:
            return cls(q, np.full_like(q, -np.inf), np.full_like(q, np.inf), True, logged.is_exact)
        worst, best = (np.where(np.isnan(end), q, end) for end in (possible.worst, possible.best))
        return cls(q, np.minimum(worst, q), np.maximum(best, q), possible.is_bound, logged.is_exact)

    @property
    def floor(self) -> Floats:
        """The least that an outcome counts as (n, A)."""
        return self.worst if self.is_bound else self.expected - AMOUNT_REACH * (self.expected - self.worst)

    @property
    def ceiling(self) -> Floats:
        """The most that it counts as."""
        return self.best if self.is_bound else self.expected + AMOUNT_REACH * (self.best - self.expected)

    def cautious(self, moved: Floats, caution: float) -> Floats:
        """(n, A) expected money, drawn to the worst where the challenger acts more often, to the best where less."""
        if not caution:
            return self.expected
        ends = np.where(moved > 0, self.worst, self.best)
        is_drawn = ~self.is_exact & (moved != 0) & np.isfinite(ends)
        return np.where(is_drawn, (1 - caution) * self.expected + caution * ends, self.expected)

    def worst_for(self, moved: Floats) -> Floats:
        """(n, A) the least that an action counts as where the challenger acts more often, the most where less; what is
        expected where that has no end."""
        ends = np.where(moved > 0, self.floor, self.ceiling)
        return np.where(~self.is_exact & (moved != 0) & np.isfinite(ends), ends, self.expected)

    def beyond(self, moved: Floats) -> float:
        """What amounts that count for less than they are may hurt in all."""
        if self.is_bound:
            return 0.0
        hurt = np.where(moved > 0, moved * (self.expected - self.worst), -moved * (self.best - self.expected))
        return float(hurt[:, ~self.is_exact].sum()) / (4 * AMOUNT_REACH)
