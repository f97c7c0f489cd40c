"""What has been seen so far of each kind of row and action, as a place between the worst and the best money.

A kind of row is the rules' reason, and within it the band of the place that the model expected. Money differs between
rows (a limit is large or small) while its place between the worst and the best that the outcome makes possible does
not, so places are what is averaged: (money - worst) / (best - worst), weighted by 1 / propensity, because within a kind
rows were not all drawn with the same chance (Hajek 1971). Actions that the rules took and actions that they did not are
kept apart: what the rules grant says nothing of those whom they pass over.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

BANDS = 8
"""Bands of the expected place: within 1/2, 1/4, ... of the best. The last index means that no model spoke."""
MOST_REASONS = 200
"""Reasons that are told apart: the rarer ones are one kind."""
OTHER = ""


@dataclass(frozen=True)
class Cell:
    """Decisions of one kind: ``weight`` is the sum of w = 1 / propensity, ``square`` of w^2, ``gain`` of
    w (money - worst), ``reach`` of w (best - worst), both in currency."""

    action: str
    is_rules: bool
    reason: str
    band: int
    weight: float
    square: float
    gain: float
    reach: float


@dataclass(frozen=True)
class SeenMoney:
    """What has been seen: ``cells`` of decisions with outcomes, and the outcomes that the money lies between.

    ``outcomes``: the pairs (class, amount) whose money spans what is possible, () where nothing tells it yet.
    """

    cells: tuple[Cell, ...] = ()
    outcomes: tuple[tuple[float, float], ...] = ()

    @property
    def is_nothing(self) -> bool:
        """Whether no outcome has been seen at all."""
        return not any(cell.weight > 0 for cell in self.cells)

    @cached_property
    def reasons(self) -> tuple[str, ...]:
        """The reasons that are told apart, those seen most first; the rest is `OTHER`."""
        seen: dict[str, float] = {}
        for cell in self.cells:
            seen[cell.reason] = seen.get(cell.reason, 0.0) + cell.weight
        return tuple(sorted(seen, key=lambda reason: (-seen[reason], reason))[:MOST_REASONS])

    def sums(self, actions: Sequence[str]) -> Floats:
        """Sums (4, 2, A, R + 1, `BANDS` + 1) of weight, square, gain and reach, by whether the rules took the action,
        action, reason (the last one is any other) and band."""
        place = {reason: index for index, reason in enumerate(self.reasons)}
        sums = np.zeros((4, 2, len(actions), len(place) + 1, BANDS + 1))
        for cell in self.cells:
            if cell.action in actions:
                at = int(cell.is_rules), actions.index(cell.action), place.get(cell.reason, len(place)), cell.band
                sums[(slice(None), *at)] += (cell.weight, cell.square, cell.gain, cell.reach)
        return sums


NOTHING_SEEN = SeenMoney()


def together(parts: Iterable[SeenMoney]) -> SeenMoney:
    """What was seen in several cohorts; of the outcomes that money lies between, those of the last that tells them."""
    sums: dict[tuple[str, bool, str, int], Floats] = {}
    outcomes: tuple[tuple[float, float], ...] = ()
    for part in parts:
        outcomes = part.outcomes or outcomes
        for cell in part.cells:
            key = (cell.action, cell.is_rules, cell.reason, cell.band)
            own = np.array([cell.weight, cell.square, cell.gain, cell.reach])
            sums[key] = sums[key] + own if key in sums else own
    return SeenMoney(tuple(Cell(*key, *map(float, sums[key])) for key in sorted(sums)), outcomes)


def band_of(place: Floats) -> npt.NDArray[np.int64]:
    """The band of an expected place between worst (0) and best (1); `BANDS` where there is none."""
    with np.errstate(divide="ignore", invalid="ignore"):
        band = np.clip(np.floor(-np.log2(np.maximum(1.0 - place, 0.0))), 0, BANDS - 1)
    return np.where(np.isnan(place), BANDS, np.nan_to_num(band)).astype(np.int64)
