"""Exact Shapley values of every row beside the shap package, and whether both are right.

Ours start from the frame, shap from the model's own encoded matrix. shap's check of additivity is switched off, so
that it answers where it is wrong: on categorical splits.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from benchmarks.figures import Figure, Spread
from benchmarks.reference_model import KINDS, ReferenceModel, drawn_rows, reference_model
from benchmarks.scorer_peers import Prepared, ScorerPeers, scorer_peers
from benchmarks.timing import RUNS, Run, Sample, interleaved
from decisionloop.predict.reasons.codes import Reason, ReasonCatalogue, top_reasons

GOAL_OF_SHAP = 30.0
LARGEST_ERROR = 1e-9
REASONS_A_ROW = 3


def measure(is_quick: bool) -> Iterator[Figure]:
    """Rows a CPU second on one thread, and errors, on the numeric and the categorical model."""
    rows, shap_rows = (20_000, 400) if is_quick else (250_000, 2_000)
    models = [reference_model(kind) for kind in KINDS]
    with scorer_peers(models) as peers:
        for model in models:
            shap = peers.prepared("shap", model.kind)
            yield from _speeds(model, peers, shap, rows, shap_rows)
            yield from _errors(model, shap)


def _speeds(model: ReferenceModel, peers: ScorerPeers, shap: Prepared, n: int, n_shap: int) -> Iterator[Figure]:
    frame = drawn_rows(n, model.kind, seed=8)
    scorer = model.scorer.on("auto")
    given, catalogue = scorer.contributions(frame), _catalogue(scorer.features)
    runs: dict[str, Run] = {
        "ours": lambda: scorer.contributions(frame),
        "texts": lambda: top_reasons(given, scorer.features, catalogue, REASONS_A_ROW),
    }
    if not shap.failure:
        runs["shap"] = lambda: peers.process.bulk("shap", model.kind, n_shap)
    with threadpool_limits(1):
        took = interleaved(RUNS, runs)
    ours, texts = took["ours"].cpu.rate(n), took["texts"].cpu.rate(n)
    note = shap.failure or ("" if model.kind == "numeric" else "shap is wrong here")
    name, beside = f"{model.kind}: exact contributions", _rate(took.get("shap"), n_shap)
    yield Figure(name, ours, "rows/CPU s", shap.label, beside, GOAL_OF_SHAP, is_goal_of_ratio=True, note=note)
    yield Figure(f"{model.kind}: {REASONS_A_ROW} reasons a row as text from them", texts, "rows/CPU s")


def _rate(sample: Sample | None, n: int) -> Spread | None:
    return sample.cpu.rate(n) if sample else None


def _catalogue(features: tuple[str, ...]) -> ReasonCatalogue:
    return ReasonCatalogue({name: Reason(name.replace("_", " ")) for name in features})


def _errors(model: ReferenceModel, shap: Prepared) -> Iterator[Figure]:
    margin = model.pipeline.decision_function(model.check)
    ours = model.scorer.contributions(model.check)
    own = float(np.abs(ours.sum(axis=1) + model.scorer.base_margin - margin).max())
    theirs = _shap_additivity(shap, margin)
    name = f"{model.kind}: error of the sum of contributions"
    yield Figure(name, own, "log-odds", shap.label, theirs, LARGEST_ERROR, "lower", note=shap.failure)
    if model.kind == "numeric":
        off = shap.error(ours)
        name = "numeric: largest difference from shap"
        yield Figure(name, off, "log-odds", goal=LARGEST_ERROR, better="lower", note=shap.failure)


def _shap_additivity(shap: Prepared, margin: pd.Series | np.ndarray) -> float | None:
    if shap.answers is None:
        return None
    return float(np.abs(shap.answers.sum(axis=1) + shap.told["expected_margin"] - margin).max())
