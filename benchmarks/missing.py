"""Cohorts whose outcomes are late, lost or gone: how often the product's range holds the truth, and how wide it is.

A range is the bounds of a figure where outcomes are missing, its interval elsewhere. Beside it stand how often the
interval of the outcomes that had come held the truth, and the range of an oracle that knows why each is missing.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.figures import Figure
from benchmarks.missing_world.measured import FIGURES, Told, told_of
from benchmarks.missing_world.world import SCENARIOS, Truth

DECISIONS, COHORTS = 1_000, 40
COVERED, WIDTH = 0.93, 1.3


def measure(is_quick: bool) -> Iterator[Figure]:
    """440 cohorts of each scenario, in 11 series of 40 (40 in one series when quick)."""
    truth = Truth.of()
    for scenario in SCENARIOS:
        told = told_of_series(scenario, 1 if is_quick else 11, truth)
        for figure in FIGURES:
            yield from _judged(scenario, figure, [one for one in told if one.figure == figure])


def told_of_series(scenario: str, series: int, truth: Truth) -> list[Told]:
    """Every figure of some series of cohorts."""
    return [one for seed in range(series) for one in told_of(SCENARIOS[scenario], COHORTS, DECISIONS, seed, truth)]


def _judged(scenario: str, figure: str, told: list[Told]) -> Iterator[Figure]:
    name = f"{scenario}, {figure}, {len(told)} cohorts"
    naive = float(np.mean([one.is_naively_covered for one in told]))
    covered = float(np.mean([one.is_covered for one in told]))
    yield Figure(f"{name}: truth held", covered, "share", "by the early outcomes alone", naive, goal=COVERED)
    width = float(np.median([one.relative_width for one in told]))
    yield Figure(f"{name}: median width", width, "of the oracle's", goal=WIDTH, better="lower")
