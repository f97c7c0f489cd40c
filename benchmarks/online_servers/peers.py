"""The servers beside ours: a bare FastAPI endpoint, and the same model behind MLflow and BentoML, as they come."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import joblib

from benchmarks.online_servers.asked import as_mlflow, as_ours, write_requests
from benchmarks.online_servers.ours import KEY, PATH
from benchmarks.online_servers.server import ROOT, Server, free_port, serving
from benchmarks.peers.environment import PeersUnavailable, peers_python
from benchmarks.reference_model import reference_model

ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}
"""One row is no work for several threads: on two cores they would wait for each other, a hundred times as long."""
LOCKS = Path(__file__).parents[1] / "peers"


@contextmanager
def bare(folder: Path, workers: int = 1) -> Iterator[Server]:
    """The bare endpoint, on the same uvicorn and Python as ours."""
    port, requests = free_port(), write_requests(folder / "bare.txt", PATH, as_ours)
    command = [sys.executable, "-m", "benchmarks.online_servers.bare", str(port), str(workers)]
    with serving(command, port, "/ready", requests) as server:
        yield server


@contextmanager
def floor(folder: Path, url: str) -> Iterator[Server]:
    """The bare endpoint with our key, which keeps each body in the database at a URL before it answers it."""
    port, requests = free_port(), write_requests(folder / "floor.txt", PATH, as_ours, KEY)
    command = [sys.executable, "-m", "benchmarks.online_servers.floor", str(port), url]
    with serving(command, port, "/ready", requests) as server:
        yield server


@contextmanager
def mlflow(folder: Path) -> Iterator[Server]:
    """`mlflow models serve` of the champion's pipeline. Raises PeersUnavailable."""
    python = peers_python(LOCKS / "mlflow.lock")
    model = folder / "mlflow-model"
    command = [str(python), "-m", "benchmarks.peers.serving_models", str(_pipeline(folder)), str(model)]
    try:
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    except subprocess.SubprocessError as error:
        raise PeersUnavailable("MLflow could not keep the model") from error
    port, requests = free_port(), write_requests(folder / "mlflow.txt", "/invocations", as_mlflow)
    asked = ["-m", str(model), "-p", str(port), "--env-manager", "local"]
    serve = [str(python), "-m", "mlflow", "models", "serve", *asked]
    with serving(serve, port, "/ping", requests, _beside(python)) as server:
        yield server


@contextmanager
def bentoml(folder: Path) -> Iterator[Server]:
    """`bentoml serve` of the same pipeline. Raises PeersUnavailable."""
    python = peers_python(LOCKS / "bentoml.lock")
    port, requests = free_port(), write_requests(folder / "bentoml.txt", "/decide", as_ours)
    serve = [str(python.with_name("bentoml")), "serve", "benchmarks.peers.bentoml_service:Online", "--port", str(port)]
    environment = {**_beside(python), "PIPELINE": str(_pipeline(folder)), "BENTOML_DO_NOT_TRACK": "True"}
    with serving(serve, port, "/readyz", requests, environment) as server:
        yield server


def _beside(python: Path) -> dict[str, str]:
    """An environment in which the programs beside a Python are found."""
    path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
    return {"PATH": path, "PYTHONPATH": str(ROOT), **ONE_THREAD}


def _pipeline(folder: Path) -> Path:
    file = folder / "pipeline.joblib"
    if not file.exists():
        joblib.dump(reference_model("categorical").pipeline, file)
    return file
