"""A million rows scored and nothing else, on one core and on two, beside scikit-learn on the same rows.

Scikit-learn's pipeline and ours start from the same frame. "The boosting alone" is given its encoded matrix.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from benchmarks.figures import Figure
from benchmarks.reference_model import ReferenceModel, drawn_rows, reference_model
from benchmarks.timing import RUNS, Sample, interleaved

GOAL_OF_SKLEARN = 3.0
LARGEST_DIFFERENCE = 1e-12


def measure(is_quick: bool) -> Iterator[Figure]:
    """1,000,000 rows (50,000 when quick)."""
    n = 50_000 if is_quick else 1_000_000
    model = reference_model("categorical")
    frame = drawn_rows(n, "categorical", seed=6)
    yield from _speeds(model, frame)
    yield from _two_threads(model, frame)
    for name, rows in ((f"{n:,} rows", frame), ("with rows on the model's bin edges", model.check)):
        yield _difference(name, model, rows)


def _speeds(model: ReferenceModel, frame: pd.DataFrame) -> Iterator[Figure]:
    """Rows a CPU second."""
    n = len(frame)
    fast, plain = model.scorer.on("auto"), model.scorer.on("numpy")
    encoded, codes = model.encoded(frame), fast.codes(frame)
    runs: dict[str, Callable[[], object]] = {
        "ours": lambda: fast.score(frame),
        "pipeline": lambda: model.pipeline.predict_proba(frame),
        "alone": lambda: model.pipeline[-1].predict_proba(encoded),
        "numpy": lambda: plain.score(frame),
        "encoding": lambda: fast.codes(frame),
        "tables": lambda: fast.score_of(codes),
    }
    with threadpool_limits(1):
        speed = {name: sample.cpu.rate(n) for name, sample in interleaved(RUNS, runs).items()}
    name, unit, sklearn = f"{n:,} rows scored", "rows/CPU s", ("scikit-learn's pipeline", speed["pipeline"])
    yield Figure(name, speed["ours"], unit, *sklearn, GOAL_OF_SKLEARN, is_goal_of_ratio=True)
    yield Figure(name, speed["ours"], unit, "scikit-learn's boosting alone", speed["alone"])
    yield Figure(f"{name} by numpy alone", speed["numpy"], unit, *sklearn)
    yield Figure("encoding alone", speed["encoding"], unit, *sklearn)
    yield Figure("tables alone", speed["tables"], unit, "scikit-learn's boosting alone", speed["alone"])


def _two_threads(model: ReferenceModel, frame: pd.DataFrame) -> Iterator[Figure]:
    n, two = len(frame), model.scorer.on("auto", threads=2)
    runs = {"ours": lambda: two.score(frame), "pipeline": lambda: model.pipeline.predict_proba(frame)}
    with threadpool_limits(2):
        took: dict[str, Sample] = interleaved(RUNS, runs)
    name = f"{n:,} rows scored on two threads"
    yield Figure(name, took["ours"].wall, "s", "scikit-learn's pipeline", took["pipeline"].wall, better="lower")


def _difference(name: str, model: ReferenceModel, frame: pd.DataFrame) -> Figure:
    off = float(np.abs(model.scorer.score(frame) - model.probability(frame)).max())
    name = f"largest difference from scikit-learn, {name}"
    return Figure(name, off, "probability", goal=LARGEST_DIFFERENCE, better="lower")
