"""A year of monthly challengers: how often any release is promoted that is no better, and how soon a better one is.

Beside each figure stands that of the gate that was before: a first look, and one final look at 90 % after three weeks
in shadow. Both see the same worlds (`gate_years.world`) and the same first look; where nobody is better everybody is
let into shadow, so that errors are looked for and not left to the first look to prevent. A year goes on after a
promotion, with the same champion, so that every challenger of it has its chance to be promoted in error.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.stats import binom

from benchmarks.figures import Figure
from benchmarks.gate_years.gates import Promoted, accumulated, into_shadow, two_looks
from benchmarks.gate_years.world import WORLDS, World

YEARLY_ERROR = 0.05


@dataclass(frozen=True)
class Told:
    """Of many years: whether each promoted anything that is no better, and after how many weeks what is better (inf:
    never; NaN: it did not pass the first look)."""

    erred: list[bool]
    weeks: list[float]

    def add(self, promoted: Promoted, better: int | None, is_in_shadow: bool) -> None:
        """Count a year."""
        self.erred.append(any(month != better for month in promoted))
        self.weeks.append(promoted.get(better, np.inf) if better is not None and is_in_shadow else np.nan)

    def found(self, within: int) -> float:
        """Share of the years in which what is better decides so many weeks after it was trained."""
        return float((np.nan_to_num(self.weeks, nan=np.inf) <= within).mean())


def measure(is_quick: bool) -> Iterator[Figure]:
    """500 years of worlds in which nobody is better, 100 of the others (5 when quick)."""
    for world in WORLDS:
        yield from _figures(world, 5 if is_quick else 500 if world.better is None else 100)


def simulated(world: World, years: int, seed: int = 0) -> tuple[Told, Told]:
    """What the gate that is, and the one that was, made of so many years."""
    now, then = Told([], []), Told([], [])
    for at in range(years):
        year = world.year(np.random.default_rng([seed, at]))
        everybody = list(range(len(year.challengers)))
        months = everybody if world.better is None else into_shadow(year)
        better = year.is_better.index(True) if any(year.is_better) else None
        now.add(accumulated(year, months, YEARLY_ERROR), better, better in months)
        then.add(two_looks(year, months), better, better in months)
    return now, then


def _figures(world: World, years: int) -> Iterator[Figure]:
    now, then = simulated(world, years)
    most = float(binom.ppf(0.999, years, YEARLY_ERROR)) / years
    name, beside = f"{world.name}, {years} years", "two looks"
    wrong = float(np.mean(now.erred)), float(np.mean(then.erred))
    yield Figure(f"a worse one promoted in a year: {name}", wrong[0], "share", beside, wrong[1], most, "lower")
    if world.better is not None:
        for weeks in (8, 13, 26):
            told = f"the better one decides within {weeks} weeks: {name}"
            yield Figure(told, now.found(weeks), "share", beside, then.found(weeks))
