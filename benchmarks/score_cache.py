"""How often rows come back as the same codes, and what scoring them once saves; results never change.

"Repeats": rows of the reference model drawn from a tenth as many different ones. "Credit data": the bundled clients of
June, gradient boosting of May; "coarse": the same with a contract's coarser features (numbers cut to fifths).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from benchmarks.credit_line import Month, read_months
from benchmarks.figures import Figure
from benchmarks.one_row import online, rows_of
from benchmarks.reference_model import drawn_rows, reference_model
from benchmarks.timing import RUNS, interleaved, interleaved_latencies, latencies
from decisionloop.learn.pipelines import InputColumn, gradient_boosting_pipeline
from decisionloop.predict.online.score_cache import ScoreCache, distinct_share
from decisionloop.predict.scorer.compile import compile_pipeline

if TYPE_CHECKING:
    from decisionloop.predict.scorer.scorer import CompiledScorer

CAPACITY = 100_000


def measure(is_quick: bool) -> Iterator[Figure]:
    """Batches on one core, single rows, and the bundled clients."""
    yield from _batches(20_000 if is_quick else 200_000)
    yield from _single_rows(1_000 if is_quick else 5_000)
    yield from _clients()


def _repeated(n: int) -> pd.DataFrame:
    pool = drawn_rows(n // 10, "categorical", seed=11)
    return pool.iloc[np.random.default_rng(12).integers(0, len(pool), n)].reset_index(drop=True)


def _batches(n: int) -> Iterator[Figure]:
    """Scores and contributions of a batch with repeats, beside as many rows that are all different."""
    scorer = reference_model("categorical").scorer.prepare()
    repeated, different = scorer.codes(_repeated(n)), scorer.codes(drawn_rows(n, "categorical", seed=13))
    took = interleaved(
        RUNS,
        {
            "scores": lambda: scorer.score_of(repeated),
            "scores of different": lambda: scorer.score_of(different),
            "contributions": lambda: scorer.contributions_of(repeated),
            "contributions of different": lambda: scorer.contributions_of(different),
        },
    )
    yield Figure(f"repeats, a batch of {n:,}: hit rate", 100 * _hit_rate(repeated), "%")
    for what in ("scores", "contributions"):
        ours, beside = took[what].cpu.rate(n), took[f"{what} of different"].cpu.rate(n)
        yield Figure(f"repeats, a batch of {n:,}: {what}", ours, "rows/CPU s", "different rows", beside)


def _single_rows(calls: int) -> Iterator[Figure]:
    model, cache, first = reference_model("categorical"), ScoreCache(CAPACITY), ScoreCache(CAPACITY)
    rows = rows_of(_repeated(calls))
    alone, cached = online(model), online(model, cache=cache)
    latencies(online(model, cache=first).score, rows)
    yield Figure("repeats, one row: hit rate", 100 * (first.statistics().hit_share or 0.0), "%")
    took = interleaved_latencies(
        RUNS,
        {
            "score": lambda: latencies(alone.score, rows),
            "cached score": lambda: latencies(cached.score, rows),
            "reasons": lambda: latencies(alone.explain, rows),
            "cached reasons": lambda: latencies(cached.explain, rows),
        },
    )
    for what in ("score", "reasons"):
        own, beside = took[f"cached {what}"].p50.times(1e6), took[what].p50.times(1e6)
        yield Figure(f"repeats, one row: {what}, cached, p50", own, "µs", "no cache", beside, better="lower")
    off = max(abs(cached.score(row) - alone.score(row)) for row in rows)
    yield Figure("repeats, one row: largest change by the cache", off, "probability", goal=0.0, better="lower")


def _clients() -> Iterator[Figure]:
    months = read_months()
    for name, may, june in (
        ("credit data", months[5].inputs, months[6].inputs),
        ("credit data, coarse", *_cut(months[5].inputs, months[6].inputs)),
    ):
        scorer = _trained(may, months[5])
        yield Figure(f"{name}, {len(june):,} clients: hit rate", 100 * _hit_rate(scorer.codes(june)), "%")


def _cut(may: pd.DataFrame, june: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Numbers of both months as fifths of May."""
    inner = {name: np.nanquantile(may[name], [0.2, 0.4, 0.6, 0.8]) for name in may}
    return tuple(  # type: ignore[return-value]
        pd.DataFrame({name: np.searchsorted(inner[name], frame[name]).astype(float) for name in frame})
        for frame in (may, june)
    )


def _trained(inputs: pd.DataFrame, month: Month) -> CompiledScorer:
    pipeline = gradient_boosting_pipeline([InputColumn(str(name)) for name in inputs], 0, "class")
    return compile_pipeline(pipeline.fit(inputs, month.arrears), inputs)


def _hit_rate(codes: np.ndarray) -> float:
    """The share of rows whose codes another row had before them."""
    return 1 - (distinct_share(codes) or 0.0)
