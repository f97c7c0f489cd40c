"""What runs in the peers' environment (nothing of decisionloop is imported here).

Started with a folder that holds, for each model, ``<model>.joblib`` (the trained HistGradientBoostingClassifier) and
``<model>.npz``: ``rows`` (n, F) its input as float64 and ``check`` (m, F) rows to be right on, both also as ``own_…``:
scikit-learn moves categories to the front inside of the model, and shap and skl2onnx look at the features in that
order. Reads one JSON object a line: `task` and its arguments; answers with one each, `failure` in it where it failed.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

Predict = Callable[[np.ndarray], np.ndarray]
"""(n, F) float64 to probabilities (n,), or to contributions (n, F)."""


class Worker:
    """Peers by name, made at first use, and the models and rows of a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.model = cache(self._model)
        self.rows = cache(self._rows)
        self.peer = cache(self._peer)

    def prepare(self, peer: str, model: str) -> dict[str, Any]:
        """Make a peer; its answers to the rows to check go to ``<peer>-<model>.npy``."""
        start = time.perf_counter()
        predict, extra = self.peer(peer, model)
        answers = self._folder / f"{peer}-{model}.npy"
        np.save(answers, predict(self.rows(peer, model, "check")))
        version = metadata.version("onnxruntime" if peer == "onnx" else peer)
        return {"answers": str(answers), "version": version, "seconds": time.perf_counter() - start, **extra}

    def latencies(self, peer: str, model: str, calls: int) -> dict[str, Any]:
        """Seconds of `calls` single calls with one row each."""
        predict, _ = self.peer(peer, model)
        X = self.rows(peer, model, "rows")
        clock, seconds = time.perf_counter_ns, []
        for row in (X[i : i + 1] for i in np.arange(calls) % len(X)):
            start = clock()
            predict(row)
            seconds.append((clock() - start) / 1e9)
        return {"seconds": seconds}

    def bulk(self, peer: str, model: str, rows: int) -> dict[str, Any]:
        """Wall and CPU seconds of one call with `rows` rows."""
        predict, _ = self.peer(peer, model)
        known = self.rows(peer, model, "rows")
        X = np.resize(known, (rows, known.shape[1]))
        wall, cpu = time.perf_counter(), time.process_time()
        predict(X)
        return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}

    def load(self, peer: str, model: str) -> dict[str, Any]:
        """Seconds from the file's bytes to something that predicts."""
        assert peer == "onnx"
        start = time.perf_counter()
        _session(Path(self.peer(peer, model)[1]["file"]).read_bytes())
        return {"wall": time.perf_counter() - start, "cpu": 0.0}

    def _model(self, name: str) -> Any:
        import joblib

        return joblib.load(self._folder / f"{name}.joblib")

    def _rows(self, peer: str, model: str, name: str) -> np.ndarray:
        with np.load(self._folder / f"{model}.npz") as stored:
            return stored[f"own_{name}" if peer in ("onnx", "shap") else name]

    def _peer(self, peer: str, model: str) -> tuple[Predict, dict[str, Any]]:
        make = {"treelite": _treelite, "tl2cgen": _tl2cgen, "onnx": _onnx, "shap": _shap}[peer]
        return make(self.model(model), self._folder / f"{model}.{peer}")


def _treelite(model: Any, path: Path) -> tuple[Predict, dict[str, Any]]:
    import treelite

    forest = treelite.sklearn.import_model(model)
    return lambda X: treelite.gtil.predict(forest, X, nthread=1).ravel(), {}


def _tl2cgen(model: Any, path: Path) -> tuple[Predict, dict[str, Any]]:
    """C code that a C compiler makes a library of."""
    import tl2cgen
    import treelite

    library = path.with_suffix(".so")
    forest = treelite.sklearn.import_model(model)
    tl2cgen.export_lib(forest, toolchain="gcc", libpath=str(library), params={"parallel_comp": 4}, nthread=2)
    predictor = tl2cgen.Predictor(str(library), nthread=1)
    return lambda X: predictor.predict(tl2cgen.DMatrix(X, dtype="float64")).ravel(), {}


def _onnx(model: Any, path: Path) -> tuple[Predict, dict[str, Any]]:
    """float32: with double inputs ONNX Runtime refuses what skl2onnx makes of this model."""
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType

    inputs = [("X", FloatTensorType([None, model.n_features_in_]))]
    converted = to_onnx(model, initial_types=inputs, options={id(model): {"zipmap": False}}).SerializeToString()
    path.write_bytes(converted)
    session = _session(converted)

    def predict(X: np.ndarray) -> np.ndarray:
        return session.run(["probabilities"], {"X": X.astype(np.float32)})[0][:, 1]

    return predict, {"file": str(path), "bytes": len(converted)}


def _session(converted: bytes) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(converted, options, providers=["CPUExecutionProvider"])


def _shap(model: Any, path: Path) -> tuple[Predict, dict[str, Any]]:
    """Path-dependent, as ours; its own check of additivity is off, so that it does not refuse its wrong answers."""
    import shap

    explainer = shap.TreeExplainer(model, feature_perturbation="tree_path_dependent")
    expected = float(np.ravel(explainer.expected_value)[0])
    return lambda X: explainer.shap_values(X, check_additivity=False), {"expected_margin": expected}


def serve(worker: object) -> None:
    """Answer every line of standard input with what the worker's method of that name returns."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is not an answer
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            told = getattr(worker, asked.pop("task"))(**asked)
        except Exception as error:  # whatever a peer raises is told, and is the other side's to judge
            told = {"failure": f"{type(error).__name__}: {str(error)[:300]}"}
        print(json.dumps(told), file=answers, flush=True)


if __name__ == "__main__":
    serve(Worker(Path(sys.argv[1])))
