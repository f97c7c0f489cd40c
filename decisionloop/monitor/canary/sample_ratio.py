"""Sample ratio: does a release on trial decide for the share of the entities that was declared?

It decides for whom a hash draws, and the chance stands in the propensity of every action. Where the share is another
one, the draw is broken or rows are lost on the way, and whatever the log says of champion and release is worth nothing.

With a_1 decided and a_0 not of n entities, each drawn with the declared share s, the chance of these counts under a
share that is itself drawn from Beta(K s, K (1 - s)), over their chance under s, is a martingale that starts at 1; it
ever reaches 1 / error with a chance of at most ``error`` (Ville 1939). That is the test of Lindon and Malek, "Anytime-
valid inference for multinomial count data" (NeurIPS 2022), which may be looked at after every entity.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from decisionloop.act.rules_limits import LIMIT
from decisionloop.monitor.canary.looks import TOGETHER, alpha_at
from decisionloop.monitor.compare.windows import EntitySketch

STRENGTH = 50.0
"""K: entities that what is expected of another share is worth. Small, so that it may be any."""


@dataclass(frozen=True)
class Drawn:
    """One batch: of ``eligible`` decisions, which the release could have taken, it took ``decided``; ``share``: the
    declared one."""

    share: float
    eligible: int
    decided: int

    def __add__(self, other: Drawn) -> Drawn:
        """Two batches of one share, or two parts of a batch."""
        return Drawn(self.share, self.eligible + other.eligible, self.decided + other.decided)

    @property
    def expected(self) -> float:
        """How many it should have taken."""
        return self.share * self.eligible

    @property
    def words(self) -> str:
        """A mismatch in a sentence."""
        told = f"It decided {self.decided:,} of {self.eligible:,} decisions ({self.decided / self.eligible:.2%})"
        expected = f"where {self.expected:,.0f} were expected ({self.share:.2%})"
        return f"{told}, {expected}: its draw is broken, or decisions are lost on the way."


def may_be_drawn(role: np.ndarray, fallback_reason: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The decisions (n,) that a release on trial takes or leaves by its draw alone.

    Not those of the holdout, nor what falls back to the rules, nor what it cannot value: ``values`` (n, A) are NaN
    there. A limit that cuts an action cuts it after the draw.
    """
    falls_back = [one is not None and one == one and not str(one).startswith(LIMIT) for one in fallback_reason]
    return np.asarray((role != "holdout") & ~np.array(falls_back, dtype=bool) & ~np.isnan(values).any(axis=1))


def log_evidence(drawn: Drawn, repetition: float = 1.0) -> float:
    """Log of the evidence against the declared share; each entity counts once, and is there ``repetition`` times."""
    from scipy.special import betaln

    decided, others = drawn.decided / repetition, (drawn.eligible - drawn.decided) / repetition
    if drawn.share >= 1:
        return math.inf if others else 0.0
    a, b = STRENGTH * drawn.share, STRENGTH * (1 - drawn.share)
    of_any = float(betaln(a + decided, b + others) - betaln(a, b))
    return of_any - decided * math.log(drawn.share) - others * math.log1p(-drawn.share)


def mismatch(batches: Sequence[tuple[Drawn, EntitySketch | None]], error: float) -> Drawn | None:
    """The counts that surely are not of their share; None where chance may have made them.

    ``batches``: of one release on trial, oldest first; ``error``: of all looks. The last batch is judged alone, and
    with those before it of the same share; each such step has its own part of the error, and so has each batch.
    """
    if not batches:
        return None
    last, _ = batches[-1]
    steps = [list(of_step) for _, of_step in groupby(batches, key=lambda one: one[0].share)]
    whole, repetition = _together(steps[-1][-TOGETHER:])
    if log_evidence(whole, repetition) >= -math.log(alpha_at(error, len(steps))):
        return whole
    return last if log_evidence(last) >= -math.log(alpha_at(error, len(batches))) else None


def _together(step: Sequence[tuple[Drawn, EntitySketch | None]]) -> tuple[Drawn, float]:
    """All batches of a step, and how often an entity is among them; where nobody knows, in each of them."""
    whole, *others = (drawn for drawn, _ in step)
    for one in others:
        whole = whole + one
    sketches = list(_known(step))
    if len(sketches) < len(step):
        return whole, float(len(step))
    entities, *more = sketches
    for sketch in more:
        entities = entities + sketch
    return whole, entities.repetition


def _known(step: Sequence[tuple[Drawn, EntitySketch | None]]) -> Iterator[EntitySketch]:
    return (sketch for _, sketch in step if sketch is not None)
