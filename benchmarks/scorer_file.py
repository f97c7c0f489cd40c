"""The scorer as a file: how large it is and how fast it is ready, beside the same model as joblib, skops and ONNX."""

from __future__ import annotations

import io
from collections.abc import Iterator

import joblib
import skops.io

from benchmarks.figures import Figure, Spread
from benchmarks.reference_model import drawn_rows, reference_model
from benchmarks.scorer_peers import Prepared, scorer_peers
from benchmarks.timing import Run, Taken, interleaved
from decisionloop.predict.scorer.scorer import CompiledScorer

GOAL_BYTES = 150_000
GOAL_SECONDS = 0.005


def measure(is_quick: bool) -> Iterator[Figure]:
    """200 trees with 31 leaves, 4 of 20 features categories."""
    model = reference_model("categorical")
    dumped, packed = _joblib(model.pipeline, 0), _joblib(model.pipeline, 3)
    ours, stored = model.scorer.to_bytes(), skops.io.dumps(model.pipeline)
    trusted = skops.io.get_untrusted_types(data=stored)
    row = drawn_rows(1, "categorical", seed=9)
    runs: dict[str, Run] = {
        "ours": lambda: CompiledScorer.from_bytes(ours),
        "first": lambda: CompiledScorer.from_bytes(ours).score(row),
        "joblib": lambda: joblib.load(io.BytesIO(dumped)),
        "packed": lambda: joblib.load(io.BytesIO(packed)),
        "skops": lambda: skops.io.loads(stored, trusted=trusted),
    }
    with scorer_peers([model]) as peers:
        onnx = peers.prepared("onnx", "categorical")
        if not onnx.failure:
            runs["onnx"] = lambda: Taken(**peers.process.ask("load", peer="onnx", model="categorical"))
        took = interleaved(20 if is_quick else 50, runs, warm_ups=1)
    sizes = {"joblib": len(dumped), "packed": len(packed), "skops": len(stored), "onnx": onnx.told.get("bytes")}
    labels = {
        "joblib": f"joblib {joblib.__version__}",
        "packed": "joblib, compressed",
        "skops": f"skops {skops.__version__}",
        "onnx": _label(onnx),
    }
    for peer, label in labels.items():
        size = None if sizes[peer] is None else len(ours)
        yield Figure("size of the file", size, "bytes", label, sizes[peer], GOAL_BYTES, "lower")
    for peer, label in labels.items():
        beside: Spread | None = took[peer].wall.times(1e3) if peer in took else None
        loaded = took["ours"].wall.times(1e3) if beside else None
        yield Figure("from bytes to a scorer", loaded, "ms", label, beside, GOAL_SECONDS * 1e3, "lower")
    yield Figure("from bytes to the first score", took["first"].wall.times(1e3), "ms", better="lower")


def _joblib(pipeline: object, compress: int) -> bytes:
    dumped = io.BytesIO()
    joblib.dump(pipeline, dumped, compress=compress)
    return dumped.getvalue()


def _label(onnx: Prepared) -> str:
    return f"{onnx.label} ({onnx.failure})" if onnx.failure else f"{onnx.label} (wrong on this model)"
