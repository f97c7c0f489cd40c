"""Late arrivals as evidence: what became of the outcomes that earlier cohorts still missed at the same age.

What comes late is not like what came early (a loan that goes wrong is told at once, an order that never was is told
when somebody asks). Earlier cohorts have since received what was late, so they say, by action and score band, how many
of the missing will come and what they will be. A life table over the age of outcomes uses cohorts of every age:

    share that comes = sum over ages of S * came / at risk,   S = product of (1 - came / at risk)

(Kaplan and Meier 1958), and the same sum with what they were (class, amount) in the place of "came". Its uncertainty
is that of leaving out one cohort after the other (the jackknife of Quenouille and Tukey), so that it holds how far
cohorts differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from decisionloop.observe.estimate import Codes, Floats, t_quantile
from decisionloop.observe.label_curve import MINIMUM_COHORTS

NEWEST_COHORTS = 24
"""Cohorts that say what becomes of missing outcomes: the newest ones before the cohort in question."""
SCORE_BANDS = 3
DUE_BANDS = 4
"""Outcomes that fall due in the same quarter of the maturity are alike in how long they have been missing."""
MINIMUM_IN_CELL = 50
"""Missing outcomes of earlier cohorts below which a score band is not told apart from its action."""
MINIMUM_OF_ACTION = 20
"""Missing outcomes of earlier cohorts below which nothing is known of what comes late of an action."""
PARTS = 4
"""What is known of a cell: shares that come as no and as yes, and the amounts that they bring."""


@dataclass(frozen=True, eq=False)
class MissingAtAge:
    """An earlier cohort as it stood at an age: m decisions that had no outcome then, and what has become of them.

    decided   (A,)  decisions by action that should reveal an outcome, with or without one
    action    (m,)  index of the action of each decision whose outcome was missing
    score     (m,)  score that it was decided by; NaN: none
    due       (m,)  share of maturity_days after which its outcome fell due, 0 to 1 (`maturity.due_share`)
    days      (m,)  days after that age when its outcome came; NaN: it has not
    outcome   (m,)  0 or 1 (1 where the outcome has no class); NaN: it has not come
    amount    (m,)  amount; NaN: none
    watched         days after that age that the cohort has been watched for
    """

    decided: Floats
    action: Codes
    score: Floats
    due: Floats
    days: Floats
    outcome: Floats
    amount: Floats
    watched: float

    @property
    def missing_share(self) -> float:
        """Share of its outcomes that had not come at that age."""
        return len(self.action) / max(float(self.decided.sum()), 1.0)


@dataclass(frozen=True, eq=False)
class LateArrivals:
    """What is known of missing outcomes from ``cohorts`` earlier cohorts; of nothing (0 cohorts) nothing.

    share      (C, 4)     of a missing outcome of a cell: chance that it comes as no, as yes; mean amount that it
                          brings as no, as yes (0 where it does not come)
    deviation  (J, C, 4)  how far each earlier cohort was from ``share``
    edges      (B - 1,)   scores between the bands
    is_banded  (A,)       whether an action's cells are told apart by score and due time
    is_known   (A,)       whether anything is known of an action
    missing    (J, A)     share of each action's outcomes that the earlier cohorts missed at that age; NaN: not taken
    """

    share: Floats
    deviation: Floats
    edges: Floats
    is_banded: np.ndarray
    is_known: np.ndarray
    missing: Floats

    @classmethod
    def nothing(cls, actions: int) -> LateArrivals:
        """Nothing is known: no earlier cohort has been watched for longer."""
        none = np.zeros(actions, dtype=bool)
        share = np.zeros((actions * _CELLS, PARTS))
        return cls(share, np.zeros((0, *share.shape)), np.zeros(0), none, none, np.empty((0, actions)))

    @classmethod
    def learn(cls, earlier: Sequence[MissingAtAge], actions: int, tolerance: float) -> LateArrivals:
        """From earlier cohorts; those that missed more than ``tolerance`` beyond the median are not what is usual.

        Fewer than `label_curve.MINIMUM_COHORTS` of them say nothing.
        """
        watched = [one for one in earlier if one.watched > 0 and one.decided.sum() > 0]
        usual = [one for one in watched if one.missing_share <= tolerance + _median_missing(watched)]
        if len(usual) < MINIMUM_COHORTS:
            return cls.nothing(actions)
        score = np.concatenate([one.score for one in usual])
        scored = score[~np.isnan(score)]
        edges = np.quantile(scored, np.arange(1, SCORE_BANDS) / SCORE_BANDS) if scored.size else np.zeros(0)
        is_banded, is_known = _told_apart(usual, edges, actions)
        rough = cls(np.zeros(0), np.zeros(0), edges, is_banded, is_known, _missing_by_action(usual))
        share, deviation = _life_tables(usual, rough, actions * _CELLS)
        return cls(share, deviation, edges, is_banded, is_known, rough.missing)

    @property
    def cohorts(self) -> int:
        """Earlier cohorts that it rests on."""
        return len(self.missing)

    def cell(self, action: Codes, score: Floats, due: Floats) -> Codes:
        """The cell (m,) of decisions with these actions, scores and due times; -1 where nothing is known."""
        fine = action * _CELLS + 1 + _fine(score, due, self.edges)
        return np.where(self.is_known[action], np.where(self.is_banded[action], fine, action * _CELLS), -1)

    def usual_part(self, decided: Floats, missing: Floats) -> Floats:
        """(A,) the part of each action's ``missing`` outcomes that is usual at this age, 1 unless surely less.

        What is missing beyond the usual is not late as the others were: nothing is known of it. ``decided`` and
        ``missing`` (A,) count decisions of this cohort.
        """
        if not self.cohorts:
            return np.zeros(len(decided))
        known = np.maximum((~np.isnan(self.missing)).sum(axis=0), 1)
        usual = np.nansum(self.missing, axis=0) / known
        spread = np.nansum((self.missing - usual) ** 2, axis=0) / np.maximum(known - 1, 1)
        n = np.maximum(decided, 1.0)
        chance = usual * (1 - usual) / n
        wide = t_quantile(0.95, self.cohorts - 1) * np.sqrt(np.maximum(spread, chance) * (1 + 1 / known))
        is_more = missing / n > usual + wide
        return np.where(is_more, usual * n / np.maximum(missing, 1.0), 1.0)

    def half_width(self, gradient: Floats, confidence: float) -> float:
        """Half the interval of ``gradient`` (C, 4) times ``share`` for one more cohort, by Student's t.

        It holds how far cohorts differ from each other and what is not known of their mean.
        """
        if not self.cohorts:
            return 0.0
        of_cohort = (self.deviation * gradient).sum(axis=(1, 2))
        variance = float((of_cohort**2).sum()) / (self.cohorts - 1) * (1 + 1 / self.cohorts)
        return t_quantile(confidence, self.cohorts - 1) * float(np.sqrt(variance))


_CELLS = 1 + (SCORE_BANDS + 1) * DUE_BANDS
"""Of an action: all of it, and each score band (one for no score) by due time."""


def _fine(score: Floats, due: Floats, edges: Floats) -> Codes:
    band = np.where(np.isnan(score), SCORE_BANDS, np.searchsorted(edges, np.nan_to_num(score), side="right"))
    quarter = np.clip(np.ceil(due * DUE_BANDS) - 1, 0, DUE_BANDS - 1).astype(np.int64)
    return np.asarray(band * DUE_BANDS + quarter, dtype=np.int64)


def _median_missing(cohorts: Sequence[MissingAtAge]) -> float:
    return float(np.median([one.missing_share for one in cohorts])) if cohorts else 0.0


def _missing_by_action(cohorts: Sequence[MissingAtAge]) -> Floats:
    rows = np.full((len(cohorts), len(cohorts[0].decided)), np.nan)
    for row, one in zip(rows, cohorts, strict=True):
        missing = np.bincount(one.action, minlength=len(row))
        np.divide(missing, one.decided, out=row, where=one.decided > 0)
    return rows


def _told_apart(cohorts: Sequence[MissingAtAge], edges: Floats, actions: int) -> tuple[np.ndarray, np.ndarray]:
    """Whether each action's bands hold enough to be told apart, and whether the action does (A,)."""
    action = np.concatenate([one.action for one in cohorts])
    fine = np.concatenate([_fine(one.score, one.due, edges) for one in cohorts])
    counts = np.zeros((actions, _CELLS - 1))
    np.add.at(counts, (action, fine), 1)
    is_thin = ((counts > 0) & (counts < MINIMUM_IN_CELL)).any(axis=1)
    return (counts.sum(axis=1) > 0) & ~is_thin, counts.sum(axis=1) >= MINIMUM_OF_ACTION


def _life_tables(cohorts: Sequence[MissingAtAge], known: LateArrivals, cells: int) -> tuple[Floats, Floats]:
    """Shares (C, 4) of all cohorts, and how far the pseudo-values of each are from their mean (J, C, 4)."""
    steps = np.unique(np.concatenate([np.ceil(one.days[~np.isnan(one.days)]) for one in cohorts]))
    came = np.zeros((len(cohorts), cells, len(steps), PARTS))
    risk = np.zeros((len(cohorts), cells, len(steps)))
    for place, one in enumerate(cohorts):
        came[place], risk[place] = _counted(one, known.cell(one.action, one.score, one.due), steps, cells)
    share = _product_limit(came.sum(axis=0), risk.sum(axis=0))
    all_came, all_risk = came.sum(axis=0), risk.sum(axis=0)
    without = np.stack([_product_limit(all_came - c, all_risk - r) for c, r in zip(came, risk, strict=True)])
    return share, (len(cohorts) - 1) * (without.mean(axis=0) - without)


def _counted(one: MissingAtAge, cell: Codes, steps: Floats, cells: int) -> tuple[Floats, Floats]:
    """What came of a cohort in each cell at each step (C, D, 4), and how many were at risk of it (C, D)."""
    came, risk = np.zeros((cells, len(steps), PARTS)), np.zeros((cells, len(steps)))
    is_known, has_come = cell >= 0, ~np.isnan(one.days)
    step = np.where(has_come, np.searchsorted(steps, np.ceil(np.nan_to_num(one.days))), len(steps))
    gone = np.zeros((cells, len(steps) + 1))
    np.add.at(gone, (cell[is_known], step[is_known]), 1)
    at = is_known & has_come
    yes, amount = one.outcome[at], np.nan_to_num(one.amount[at])
    for part, mark in enumerate((1 - yes, yes, (1 - yes) * amount, yes * amount)):
        np.add.at(came[..., part], (cell[at], step[at]), mark)
    left = gone.sum(axis=1, keepdims=True) - np.concatenate([np.zeros((cells, 1)), gone.cumsum(axis=1)[:, :-2]], axis=1)
    is_watched = np.ceil(one.watched) >= steps
    risk[:, is_watched] = left[:, : len(steps)][:, is_watched]
    return came * is_watched[:, None], risk


def _product_limit(came: Floats, risk: Floats) -> Floats:
    """Shares (C, 4) from what came (C, D, 4) and what was at risk (C, D)."""
    hazard = np.divide(came, risk[..., None], out=np.zeros_like(came), where=risk[..., None] > 0)
    stays = np.cumprod(1 - np.minimum(hazard[..., :2].sum(axis=-1), 1.0), axis=1)
    before = np.concatenate([np.ones((len(stays), 1)), stays[:, :-1]], axis=1) if stays.size else stays
    return np.asarray((before[..., None] * hazard).sum(axis=1))
