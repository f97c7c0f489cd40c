"""What only grows: many small batches in one life, and what each costs by the number of batches before it.

The slope of log CPU seconds and memory of a batch over log batches: 0 is a batch that costs what the first ones did, 1
one that looks at everything that ever was. The first quarter is left out, for windows fill in it; turns that train cost
what a training costs, and are told apart. A machine that becomes slower in the meantime makes a slope of nothing: so
the same small work is done beside every turn, and the turn is told in units of it as well.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks.figures import Figure
from benchmarks.many_batches.life import TURN, TurnTaken, live
from benchmarks.processes import call_apart

BATCHES, QUICK_BATCHES = 200, 40
WARM_UP_SHARE = 0.25
WINDOW = 10
"""So many batches are told by their median: a turn that met a busy machine must not make a slope."""
GOAL = 0.02


def measure(is_quick: bool) -> Iterator[Figure]:
    """200 batches of 300 shops on SQLite, one process (40 when quick, which says little of a slope)."""
    count = QUICK_BATCHES if is_quick else BATCHES
    with tempfile.TemporaryDirectory(prefix="decisionloop-growth-") as home:
        turns = [TurnTaken(**one) for one in call_apart(live, home, count).answer]
    yield from figures_of(turns)


def figures_of(turns: list[TurnTaken]) -> Iterator[Figure]:
    """The slopes of a life, and what a batch took at its beginning and its end."""
    first, many = int(WARM_UP_SHARE * len(turns)), f"{len(turns)} batches"
    plain = [(number, turn) for number, turn in enumerate(turns) if number >= first and not turn.is_trained]
    numbers = [1.0 + number for number, _ in plain]

    def slope(name: str, of: Callable[[TurnTaken], float], goal: float | None = None) -> Figure:
        values = [of(turn) for _, turn in plain]
        ends = f"{np.median(values[:WINDOW]):.4g} to {np.median(values[-WINDOW:]):.4g}"
        told: dict[str, Any] = {} if goal is None else {"goal": goal, "better": "lower"}
        return Figure(f"growth of {name}, {many}", slope_of(numbers, values), "slope", note=ends, **told)

    yield slope("CPU seconds of a batch", lambda turn: turn.cpu, GOAL)
    yield slope("a batch in units of the fixed work beside it", lambda turn: turn.cpu / turn.fixed_work, GOAL)
    yield slope("CPU seconds of the fixed work", lambda turn: turn.fixed_work)
    for flow in (*TURN, "chain"):
        yield slope(f"CPU seconds of {flow}", lambda turn, flow=flow: turn.seconds[flow])  # type: ignore[misc]
    yield slope("memory (bytes)", lambda turn: turn.resident_bytes, GOAL)
    stored = np.diff([turn.stored_bytes for turn in turns])[first:]
    half = len(stored) // 2
    early, late = (float(np.mean(part)) / 1024 for part in (stored[:half], stored[half:]))
    yield Figure(f"stored a batch of the second half, {many}", late, "KiB", "of the first half", early, better="lower")
    trained = [turn.cpu for turn in turns[1:] if turn.is_trained]
    yield Figure("a turn that trains", float(np.median(trained)) if trained else None, "CPU s", note=f"{len(trained)}")


def slope_of(numbers: list[float], values: list[float]) -> float:
    """The slope of log values over log numbers, both taken as medians of windows."""
    windows = max(2, len(numbers) // WINDOW)
    middles = [
        [float(np.median(part)) for part in np.array_split(np.array(column), windows)] for column in (numbers, values)
    ]
    return float(np.polyfit(np.log(middles[0]), np.log(middles[1]), 1)[0])
