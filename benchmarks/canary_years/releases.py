"""Releases that are put on trial: what each says of a week's rows, and how long one decision takes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.canary_years.world import CHAMPION, SMALL_TRADE, View, Week, World

Says = Callable[[Week, np.ndarray], np.ndarray]
"""From what a release would say of a week's rows (n,) to what it does say of them on trial."""
USUAL_MS, SLOWER_MS = 2.0, 20.0


def _as_it_would(week: Week, chance: np.ndarray) -> np.ndarray:
    return chance


def _inverted(week: Week, chance: np.ndarray) -> np.ndarray:
    return 1 - chance


def _silent_of_one_trade(week: Week, chance: np.ndarray) -> np.ndarray:
    return np.where(week.frame["trade"] == SMALL_TRADE, np.nan, chance)


def _hard_on_women(week: Week, chance: np.ndarray) -> np.ndarray:
    """Women are asked for half the risk of men."""
    return np.where(week.frame["owner_sex"] == "f", np.minimum(2.2 * chance, 1.0), chance)


def _always_yes(week: Week, chance: np.ndarray) -> np.ndarray:
    return np.minimum(chance, 0.01)


@dataclass(frozen=True)
class Tried:
    """A release on trial: its view, what becomes of that once it is served, and the milliseconds more of a call.

    ``lost``: share of its decisions that are lost on the way to the log.
    """

    name: str
    view: View
    says: Says = _as_it_would
    slower_ms: float = 0.0
    lost: float = 0.0

    def said(self, world: World, week: Week) -> np.ndarray:
        """The chance of a default that it expects of each row (n,), NaN where it says nothing."""
        return self.says(week, world.said(self.view)[week.shops])


SAME = Tried("equal to the champion", CHAMPION)
RETRAINED = Tried("the same retrained", View(CHAMPION.noise, own=0.1))
BETTER = Tried("truly better", View(0.3, own=0.1))
WORSE = Tried("earns less, and nothing else shows it", View(1.6, own=0.3))
HARMLESS = (SAME, RETRAINED)
HARMFUL = (
    Tried("inverted scores", RETRAINED.view, _inverted),
    Tried("20 ms of latency", RETRAINED.view, slower_ms=SLOWER_MS),
    Tried("NaN for one category", RETRAINED.view, _silent_of_one_trade),
    Tried("a cut-off biased against one group", RETRAINED.view, _hard_on_women),
    Tried("always yes", RETRAINED.view, _always_yes),
)
BROKEN_DRAW = Tried("a third of its decisions lost", RETRAINED.view, lost=1 / 3)
