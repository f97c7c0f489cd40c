"""How the cost of a batch grows with its rows, stage by stage: the slope of log CPU seconds over log rows.

1 is proportional growth, less than 1 a fixed cost that larger batches share.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.figures import Figure
from benchmarks.large_batch.run import Decided


def growth(runs: dict[int, Decided]) -> Iterator[Figure]:
    """The slopes over runs of different numbers of rows, by rows."""
    sizes = sorted(runs)
    span = f"{sizes[0]:,} to {sizes[-1]:,} rows"
    for stage in runs[sizes[-1]].stages:
        taken = [runs[rows].stages[stage] for rows in sizes]
        yield Figure(f"growth of {stage}, {span}", _slope(sizes, taken), "slope", note=_words(taken))
    whole = [runs[rows].cpu for rows in sizes]
    yield Figure(f"growth of the whole, {span}", _slope(sizes, whole), "slope", note=_words(whole))
    if len(sizes) > 2:
        last = f"{sizes[-2]:,} to {sizes[-1]:,} rows"
        yield Figure(f"growth of the whole, {last}", _slope(sizes[-2:], whole[-2:]), "slope")


def _slope(sizes: list[int], taken: list[float]) -> float:
    return float(np.polyfit(np.log(sizes), np.log(taken), 1)[0])


def _words(taken: list[float]) -> str:
    return "CPU s: " + ", ".join(f"{seconds:.2f}" for seconds in taken)
