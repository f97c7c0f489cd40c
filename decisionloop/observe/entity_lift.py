"""Policy against holdout where the same people return: what each of them brought so far is one number.

Cohorts whose people return are not independent, and to add their standard errors, the most that any dependence can do,
makes an interval four to six times too wide. Here the money of every entity is summed over its cohorts first. Entities
are independent, so the variance of the difference is cluster-robust whatever lasts in a person, and it is the clock of
the confidence sequence. Where earlier money of a person says something of later money, the sequence covers by Slepian's
lemma as long as the two are not negatively related.
"""

from __future__ import annotations

import functools
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

_ROWS_TOGETHER = 1 << 17
"""So many decisions are added up at once, unless one cohort has more: what they take of memory is bounded."""


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

    def with_before(self, before: Floats) -> EntityMoney:
        """The same with ``before``. One a cohort of a long life: `dataclasses.replace` takes five times as long."""
        return EntityMoney(self.entity, self.money, self.is_held, before, self.possible, self.error, self.is_explored)


def entity_lift(
    cohorts: Sequence[EntityMoney], confidence: float = 0.95, planned_looks: int = PLANNED_LOOKS, burn_in: int = BURN_IN
) -> ConfidenceSequence | None:
    """The confidence sequence of policy less holdout in money per decision, cohorts oldest first.

    ``before`` takes off what an entity was worth already (a control variate: Deng and others 2013), with the slope of
    the first cohort in which both are known, so that no look changes what an earlier one said. None while there are
    fewer decisions of the policy than ``burn_in``, or fewer than two entities on a side.
    """
    if not cohorts:
        return None
    columns = zip(*_path(cohorts), strict=True)
    return sequence_of(Cumulated(*map(np.concatenate, columns)), confidence, planned_looks, burn_in)


def _path(cohorts: Sequence[EntityMoney]) -> Iterator[tuple[Floats, ...]]:
    """The columns of `Cumulated` after the looks of each of some cohorts."""
    everybody, names = pd.factorize(_together([np.asarray(one.entity) for one in cohorts]))
    control, sizes = _control(cohorts), [len(one.money) for one in cohorts]
    policy, holdout = _Side(len(names)), _Side(len(names))
    missing, done = 0.0, 0
    for some in _spans(sizes):
        rows = sum(sizes[some])
        told = _Decisions.of(cohorts[some], everybody[done : done + rows], control)
        done += rows
        ours, theirs = policy.after(told.where(~told.held)), holdout.after(told.where(told.held))
        # What is wrong with missing outcomes may be wrong in all cohorts alike: errors add.
        errors = missing + np.cumsum([one.error * float((~one.is_held).sum()) for one in cohorts[some]])
        missing = float(errors[-1])
        can_tell = np.minimum(ours.entities, theirs.entities) >= 2
        yield _difference(ours.at(can_tell), theirs.at(can_tell), errors[can_tell])


def _spans(sizes: Sequence[int]) -> Iterator[slice]:
    """Cohorts that are added up together: many small ones, for a step costs the same whatever it holds."""
    first, rows = 0, 0
    for place, size in enumerate(sizes):
        if rows and rows + size > _ROWS_TOGETHER:
            yield slice(first, place)
            first, rows = place, 0
        rows += size
    yield slice(first, len(sizes))


def _difference(ours: _Looks, theirs: _Looks, missing: Floats) -> tuple[Floats, ...]:
    (mine, variance), (others, other) = ours.means(), theirs.means()
    n, shared = ours.count, ours.count / theirs.count
    # Of the difference: one more loss of ours or gain of theirs pulls it down, the other two push it up.
    loss, gain = np.maximum(ours.loss, theirs.gain * shared), np.maximum(ours.gain, theirs.loss * shared)
    return n, (mine - others) * n, (variance + other) * n**2 + missing**2, loss, gain


def _together(entities: Sequence[np.ndarray]) -> np.ndarray:
    """All of them, as objects where they are not numbers of one kind."""
    if len({one.dtype for one in entities}) > 1:
        entities = [one.astype(object) for one in entities]
    return np.concatenate(entities)


@dataclass(frozen=True, eq=False)
class _Decisions:
    """Decisions (n,) of some cohorts in their order: codes of entity and cohort, money less what an entity was worth
    already, and how much worse and better it could have been, NaN where that is learnt from what was seen."""

    entity: Codes
    cohort: Codes
    money: Floats
    held: np.ndarray
    worse: Floats
    better: Floats
    cohorts: int

    @classmethod
    def of(cls, cohorts: Sequence[EntityMoney], entity: Codes, control: tuple[float, float]) -> _Decisions:
        """Of cohorts; ``control``: slope and mean of earlier money."""
        slope, centre = control
        nothing = [np.full(len(one.money), np.nan) for one in cohorts]
        before = [blank if one.before is None else one.before for one, blank in zip(cohorts, nothing, strict=True)]
        possible = [(blank, blank) if one.possible is None else one.possible
                    for one, blank in zip(cohorts, nothing, strict=True)]  # fmt: skip
        money = np.concatenate([one.money for one in cohorts])
        return cls(
            entity=entity,
            cohort=np.repeat(np.arange(len(cohorts)), [len(one.money) for one in cohorts]),
            money=money - slope * np.nan_to_num(np.concatenate(before) - centre),
            held=np.concatenate([np.asarray(one.is_held, dtype=bool) for one in cohorts]),
            worse=np.concatenate([worse for worse, _ in possible]),
            better=np.concatenate([better for _, better in possible]),
            cohorts=len(cohorts),
        )

    def where(self, rows: np.ndarray) -> _Decisions:
        """Those of one side, a mask (n,)."""
        places = np.flatnonzero(rows)
        return _Decisions(
            self.entity[places],
            self.cohort[places],
            self.money[places],
            self.held[places],
            self.worse[places],
            self.better[places],
            self.cohorts,
        )

    @functools.cached_property
    def _spans(self) -> tuple[np.ndarray, np.ndarray]:
        """Which cohorts have decisions here, and where each of these begins: decisions are in the cohorts' order."""
        first = np.searchsorted(self.cohort, np.arange(self.cohorts + 1))
        (some,) = np.nonzero(np.diff(first))
        return some, first[some]

    def by_cohort(self, values: Floats) -> Floats:
        """Sums of values (n,) of the decisions by cohort."""
        some, first = self._spans
        sums = np.zeros(self.cohorts)
        if len(some):
            sums[some] = np.add.reduceat(values, first, dtype=np.float64)
        return sums


def _control(cohorts: Sequence[EntityMoney]) -> tuple[float, float]:
    """Slope of money on earlier money in the first cohort that has both, and the mean of the latter."""
    for cohort in cohorts:
        known = np.zeros(len(cohort.money), dtype=bool) if cohort.before is None else ~np.isnan(cohort.before)
        if cohort.before is not None and known.sum() > 2 and np.ptp(cohort.before[known]) > 0:
            before, money = cohort.before[known], cohort.money[known]
            centre = float(before.mean())
            return float((before - centre) @ money / ((before - centre) ** 2).sum()), centre
    return 0.0, 0.0


@dataclass(frozen=True, eq=False)
class _Looks:
    """One side by the end of each of some cohorts, all (k,): decisions, entities, and what its variance is made of.

    Sums of the entities' money less ``centre`` a decision, of its squares, of its products with counts, and of squared
    counts.
    """

    centre: float
    count: Floats
    entities: Floats
    money: Floats
    squares: Floats
    products: Floats
    counts_squared: Floats
    loss: Floats
    gain: Floats

    def at(self, looks: np.ndarray) -> _Looks:
        """Those of some looks (k,), a mask."""
        columns = (self.count, self.entities, self.money, self.squares, self.products, self.counts_squared)
        return _Looks(self.centre, *(column[looks] for column in (*columns, self.loss, self.gain)))

    def means(self) -> tuple[Floats, Floats]:
        """Money per decision by the end of each cohort, and its cluster-robust variance (Liang and Zeger 1986)."""
        mean = self.money / self.count
        residuals = self.squares - 2 * mean * self.products + mean**2 * self.counts_squared
        per_entity = self.entities / (self.entities - 1) / self.count**2
        return mean + self.centre, np.maximum(0.0, residuals) * per_entity


class _Side:
    """Running sums of one side: by entity, over all entities, and the largest events."""

    def __init__(self, entities: int) -> None:
        self.money, self.count = np.zeros(entities), np.zeros(entities)
        self.sums, self.loss, self.gain = np.zeros(6), 0.0, 0.0
        self.centre: float | None = None

    def after(self, told: _Decisions) -> _Looks:
        """The side by the end of each of the next cohorts.

        An entity's sums grow decision by decision, and their squares by 2 * what it was * what comes, and the square
        of what comes. Money is taken from near its mean, so that squares differ by what varies.
        """
        if self.centre is None and len(told.money):
            self.centre = float(told.money.mean())
        centre = self.centre or 0.0
        own, one = told.money - centre, np.ones(len(told.money))
        of_entity = _Earlier.of(told.entity)
        before = self.money[told.entity] + of_entity.sums(own)
        seen = self.count[told.entity] + of_entity.counts()
        new = (one, seen == 0, own, (2 * before + own) * own, before + (seen + 1) * own, 2 * seen + 1)
        sums = [start + np.cumsum(told.by_cohort(values)) for start, values in zip(self.sums, new, strict=True)]
        self.sums = np.array([values[-1] for values in sums])
        self.money += np.bincount(told.entity, weights=own, minlength=len(self.money))
        self.count += np.bincount(told.entity, minlength=len(self.count))
        loss, gain = self._events(told)
        count, entities, money, squares, products, counts_squared = sums
        return _Looks(centre, count, entities, money, squares, products, counts_squared, loss, gain)

    def _events(self, told: _Decisions) -> tuple[Floats, Floats]:
        """The usual size of one more loss, and gain, as the largest of the cohorts so far has it."""
        many = told.by_cohort(np.ones(len(told.money)))
        apart = told.money - (told.by_cohort(told.money) / np.maximum(many, 1))[told.cohort]
        sizes = (np.where(np.isnan(side), np.maximum(sign * apart, 0.0), side)
                 for sign, side in ((-1, told.worse), (1, told.better)))  # fmt: skip
        loss, gain = (_usual(told.by_cohort(size), told.by_cohort(size**2)) for size in sizes)
        loss, gain = (np.maximum.accumulate(np.maximum(one, so_far))
                      for one, so_far in ((loss, self.loss), (gain, self.gain)))  # fmt: skip
        self.loss, self.gain = float(loss[-1]), float(gain[-1])
        return loss, gain


@dataclass(frozen=True, eq=False)
class _Earlier:
    """Rows (n,) in the order of their entities, and where each entity begins."""

    order: np.ndarray
    begins: np.ndarray

    @classmethod
    def of(cls, entity: Codes) -> _Earlier:
        """Of codes; few of them are sorted as short numbers, which is fast."""
        short = entity.astype(np.uint16) if len(entity) and entity.max() < 2**16 else entity
        order = np.argsort(short, kind="stable")
        ordered = entity[order]
        return cls(order, np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]])[: len(entity)]))

    @functools.cached_property
    def _sizes(self) -> np.ndarray:
        return np.diff(np.append(self.begins, len(self.order)))

    def sums(self, values: Floats) -> Floats:
        """The sum of the values (n,) of the same entity that come earlier."""
        own = values[self.order]
        running = np.cumsum(own) - own
        found = np.empty(len(own))
        found[self.order] = running - np.repeat(running[self.begins], self._sizes)
        return found

    def counts(self) -> Floats:
        """How many rows of the same entity come earlier."""
        found = np.empty(len(self.order))
        found[self.order] = np.arange(len(self.order)) - np.repeat(self.begins, self._sizes)
        return found


def _usual(size: Floats, squared: Floats) -> Floats:
    """The size of one more event among possible ones (`rare_event`): sum c^2 / sum c, 0 where none is possible."""
    usual: Floats = np.divide(squared, size, out=np.zeros(len(size)), where=size > 0)
    return usual
