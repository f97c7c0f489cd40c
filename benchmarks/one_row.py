"""One decision in process: how long its score, its shadow's score and its exact reasons take.

Ours starts from the row as a mapping. Scikit-learn's pipeline is given a frame of one row, the other peers the
model's own encoded row, all of them made outside of the clock. No cache: every call has another row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmarks.figures import Figure
from benchmarks.reference_model import KINDS, ReferenceModel, drawn_rows, reference_model, second_model
from benchmarks.scorer_peers import RIGHT_WITHIN, Prepared, ScorerPeers, scorer_peers
from benchmarks.timing import RUNS, Latency, interleaved_latencies, latencies
from decisionloop.predict.online.score_cache import ScoreCache
from decisionloop.predict.online.scorer import OnlineScorer
from decisionloop.predict.reasons.codes import Reason, ReasonCatalogue
from decisionloop.predict.scorer.scorer import CompiledScorer

GOAL_OF_PIPELINE, GOAL_OF_COMPILED, GOAL_OF_REASONS = 0.003, 0.5, 50.0
"""A score beside scikit-learn's pipeline and beside compiled peers, a score with its reasons beside one without: shares
of what was measured in the same run, for microseconds say nothing of another machine."""
Row = Mapping[str, float | str | None]


def measure(is_quick: bool) -> Iterator[Figure]:
    """p50 and p99 of single calls; tl2cgen compiles C for half a minute and is left out when quick."""
    calls, peer_calls = (1_000, 100) if is_quick else (5_000, 500)
    models = [reference_model(kind) for kind in KINDS]
    with scorer_peers(models) as peers, threadpool_limits(1):
        for model in models:
            names = ["treelite", "onnx"] if is_quick else ["treelite", "tl2cgen", "onnx"]
            prepared = [peers.prepared(name, model.kind) for name in names]
            expected = model.probability(model.check)
            yield from _errors(model, prepared, expected)
            right = [_judged(one, expected) for one in prepared if _is_within(one.error(expected))]
            yield from _scores(model, peers, right, calls, peer_calls)
    yield from _whole_decisions(reference_model("categorical"), calls)


def _errors(model: ReferenceModel, prepared: list[Prepared], expected: NDArray[np.float64]) -> Iterator[Figure]:
    """Who is right: nobody is faster who is wrong. Ours has to be right on the edges as well."""
    scorer = online(model)
    ours = np.array([scorer.score(row) for row in rows_of(model.check)])
    own = float(np.abs(ours - expected).max())
    yield Figure(f"{model.kind}: largest error of a score", own, "probability", goal=1e-12, better="lower")
    for peer in prepared:
        error, on_edges = peer.error(expected), peer.error_on_edges(expected)
        if peer.failure:
            name = f"{model.kind}: score beside {peer.label}"
            yield Figure(
                name,
                None,
                "µs",
                peer.label,
                goal=GOAL_OF_COMPILED,
                better="lower",
                is_goal_of_ratio=True,
                note=peer.failure,
            )
            continue
        note = "" if _is_within(error) else "wrong, so its speed is not compared"
        yield Figure(f"{model.kind}: largest error of {peer.label}", error, "probability", note=note)
        yield Figure(f"{model.kind}: largest error of {peer.label} at bin edges", on_edges, "probability")


def _is_within(error: float | None) -> bool:
    return error is not None and error <= RIGHT_WITHIN


def _judged(peer: Prepared, expected: NDArray[np.float64]) -> Prepared:
    """The peer, its label saying so where it is right on drawn rows only."""
    if _is_within(peer.error_on_edges(expected)):
        return peer
    return replace(peer, label=f"{peer.label} (wrong at bin edges)")


def _scores(
    model: ReferenceModel, peers: ScorerPeers, right: list[Prepared], calls: int, peer_calls: int
) -> Iterator[Figure]:
    drawn = drawn_rows(calls, model.kind, seed=10)
    scorer, rows = online(model), rows_of(drawn)
    frames = [drawn.iloc[[i]] for i in range(peer_calls)]
    rounds = {
        "ours": lambda: latencies(scorer.score, rows),
        "pipeline": lambda: latencies(model.pipeline.predict_proba, frames),
        **{
            peer.label: lambda name=peer.peer: peers.process.latencies(name, model.kind, peer_calls)  # type: ignore[misc]
            for peer in right
        },
    }
    took = interleaved_latencies(RUNS, rounds)
    labels = {"pipeline": "scikit-learn's pipeline", **{peer.label: peer.label for peer in right}}
    for key, label in labels.items():
        goal = GOAL_OF_PIPELINE if key == "pipeline" else GOAL_OF_COMPILED
        yield _figure(f"{model.kind}: score, p50", took["ours"], label, took[key], goal)
    for key, label in labels.items():
        yield _figure(f"{model.kind}: score, p99", took["ours"], label, took[key])


def _whole_decisions(model: ReferenceModel, calls: int) -> Iterator[Figure]:
    """What a decision needs beside the score: a shadow's score, and the reasons."""
    alone, rows = online(model), rows_of(drawn_rows(calls, model.kind, seed=10))
    shadowed = online(model, shadows={"shadow": second_model(model.kind)})
    took = interleaved_latencies(
        RUNS,
        {
            "score": lambda: latencies(alone.score, rows),
            "shadow": lambda: latencies(lambda row: shadowed.answer(row, has_reasons=False), rows),
            "reasons": lambda: latencies(alone.explain, rows),
        },
    )
    goals = {"shadow": ("score and one shadow", None), "reasons": ("score and reasons", GOAL_OF_REASONS)}
    for key, (name, goal) in goals.items():
        yield _figure(f"{model.kind}: {name}, p50", took[key], "score alone", took["score"], goal)
        yield _figure(f"{model.kind}: {name}, p99", took[key], "score alone", took["score"])


def _figure(name: str, ours: Latency, beside: str, peer: Latency, goal: float | None = None) -> Figure:
    """Microseconds, of the percentile that the name ends with; the goal is one of the ratio."""
    mine, theirs = (ours.p50, peer.p50) if name.endswith("p50") else (ours.p99, peer.p99)
    return Figure(name, mine.times(1e6), "µs", beside, theirs.times(1e6), goal, "lower", is_goal_of_ratio=True)


def online(
    model: ReferenceModel, shadows: Mapping[str, CompiledScorer] | None = None, cache: ScoreCache | None = None
) -> OnlineScorer:
    """The one-row scorer of a model, with three reasons worded like the features."""
    catalogue = ReasonCatalogue({name: Reason(name.replace("_", " ")) for name in model.scorer.features})
    return OnlineScorer(model.scorer, catalogue, shadows=shadows, cache=cache)


def rows_of(frame: pd.DataFrame) -> list[Row]:
    """The rows of a frame as mappings."""
    return cast("list[Row]", frame.to_dict("records"))
