"""Policy against holdout where the same people return: what each of them brought so far is one number.

Cohorts whose people return are not independent, and to add their standard errors, the most that any dependence can do,
makes an interval four to six times too wide. Here the money of every entity is summed over its cohorts first. Entities
are independent, so the variance of the difference is cluster-robust whatever lasts in a person, and it is the clock of
the confidence sequence. Where earlier money of a person says something of later money, the sequence covers by Slepian's
lemma as long as the two are not negatively related.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from decisionloop.observe.confidence_sequence import (
    BURN_IN,
    PLANNED_LOOKS,
    ConfidenceSequence,
    Cumulated,
    sequence_of,
)
from decisionloop.observe.estimate import Codes, Floats


@dataclass(frozen=True, eq=False)
class EntityMoney:
    """One cohort's n decisions: ``entity`` of each (any hashable), its ``money`` (n,) and whether it ``is_held`` out.

    ``before`` (n,): money of the same entity from before it was decided about, as a control; NaN or None: unknown.
    ``possible``: how much worse, and how much better, than expected the money of each could have been, both (n,);
    None: learnt from what was seen. ``error``: standard error, in money per decision of the lift, of what is taken for
    outcomes that are missing. ``is_explored`` (n,): chosen by exploration; None: nobody was.
    """

    entity: Sequence[object] | np.ndarray
    money: Floats
    is_held: np.ndarray
    before: Floats | None = None
    possible: tuple[Floats, Floats] | None = None
    error: float = 0.0
    is_explored: np.ndarray | None = None


def entity_lift(
    cohorts: Sequence[EntityMoney], confidence: float = 0.95, planned_looks: int = PLANNED_LOOKS, burn_in: int = BURN_IN
) -> ConfidenceSequence | None:
    """The confidence sequence of policy less holdout in money per decision, cohorts oldest first.

    ``before`` takes off what an entity was worth already (a control variate: Deng and others 2013), with the slope of
    the first cohort in which both are known, so that no look changes what an earlier one said. None while there are
    fewer decisions of the policy than ``burn_in``, or fewer than two entities on a side.
    """
    return sequence_of(tuple(_path(cohorts)), confidence, planned_looks, burn_in)


def _path(cohorts: Sequence[EntityMoney]) -> Iterator[Cumulated]:
    if not cohorts:
        return
    everybody, names = pd.factorize(np.concatenate([np.asarray(one.entity, dtype=object) for one in cohorts]))
    ends = np.cumsum([len(one.money) for one in cohorts])[:-1]
    policy, holdout = _Side(len(names)), _Side(len(names))
    slope, centre = _control(cohorts)
    missing = 0.0  # what is wrong with missing outcomes may be wrong in all cohorts alike: errors add
    for cohort, entity in zip(cohorts, np.split(everybody, ends), strict=True):
        money, held = cohort.money, np.asarray(cohort.is_held, dtype=bool)
        if cohort.before is not None:
            money = money - slope * np.nan_to_num(cohort.before - centre)
        policy.add(entity, money, ~held, cohort.possible)
        holdout.add(entity, money, held, cohort.possible)
        missing += cohort.error * float((~held).sum())
        if min(policy.entities, holdout.entities) < 2:
            continue
        (ours, variance), (theirs, other) = policy.mean(), holdout.mean()
        n, held_n = int(policy.count.sum()), int(holdout.count.sum())
        # Of the difference: one more loss of ours or gain of theirs pulls it down, the other two push it up.
        loss, gain = (
            max(mine, other_side * n / held_n)
            for mine, other_side in ((policy.loss, holdout.gain), (policy.gain, holdout.loss))
        )
        yield Cumulated(n, (ours - theirs) * n, (variance + other) * n**2 + missing**2, loss, gain)


def _control(cohorts: Sequence[EntityMoney]) -> tuple[float, float]:
    """Slope of money on earlier money in the first cohort that has both, and the mean of the latter."""
    for cohort in cohorts:
        known = np.zeros(len(cohort.money), dtype=bool) if cohort.before is None else ~np.isnan(cohort.before)
        if cohort.before is not None and known.sum() > 2 and np.ptp(cohort.before[known]) > 0:
            before, money = cohort.before[known], cohort.money[known]
            centre = float(before.mean())
            return float((before - centre) @ money / ((before - centre) ** 2).sum()), centre
    return 0.0, 0.0


class _Side:
    """Running sums by entity of one side."""

    def __init__(self, entities: int) -> None:
        self.money, self.count = np.zeros(entities), np.zeros(entities)
        self.loss = self.gain = 0.0

    @property
    def entities(self) -> int:
        """How many have been decided about."""
        return int((self.count > 0).sum())

    def add(self, entity: Codes, money: Floats, keep: np.ndarray, possible: tuple[Floats, Floats] | None) -> None:
        """The decisions at ``keep``; ``entity`` (n,) is a code."""
        self.money += np.bincount(entity[keep], weights=money[keep], minlength=len(self.money))
        self.count += np.bincount(entity[keep], minlength=len(self.count))
        if keep.any():
            apart = money[keep] - money[keep].mean()
            seen = (np.maximum(-apart, 0.0), np.maximum(apart, 0.0))
            worse, better = seen if possible is None else (side[keep] for side in possible)
            self.loss, self.gain = max(self.loss, _usual(worse)), max(self.gain, _usual(better))

    def mean(self) -> tuple[float, float]:
        """Money per decision and its cluster-robust variance (Liang and Zeger 1986)."""
        total, groups = self.count.sum(), self.entities
        mean = float(self.money.sum() / total)
        residual = self.money - mean * self.count
        return mean, float((residual**2).sum() * groups / (groups - 1) / total**2)


def _usual(size: Floats) -> float:
    """The size of one more event among possible ones (`rare_event`): sum c^2 / sum c, 0 where none is possible."""
    total = float(size.sum())
    return float((size**2).sum()) / total if total > 0 else 0.0
