"""A process in the peers' environment that is asked, one line of JSON each, to prepare a peer and to time it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.environment import PeersUnavailable
from benchmarks.surroundings import ROOT
from benchmarks.timing import Taken


class PeerProcess:
    """The peers' side; see worker.py for what it does. Every question raises PeersUnavailable where it fails."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ask(self, task: str, **arguments: object) -> dict[str, Any]:
        """Let it do a task and return what it tells."""
        if self._process.stdin is None or self._process.stdout is None or self._process.poll() is not None:
            raise PeersUnavailable(f"the peers' process has ended with {self._process.returncode}")
        print(json.dumps({"task": task, **arguments}), file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        if not line:
            raise PeersUnavailable(f"the peers' process ended during {task} {arguments}")
        told: dict[str, Any] = json.loads(line)
        if "failure" in told:
            raise PeersUnavailable(f"{task} {arguments} failed: {told['failure']}")
        return told

    def latencies(self, peer: str, model: str, calls: int) -> NDArray[np.float64]:
        """Seconds of single calls with one row each."""
        return np.array(self.ask("latencies", peer=peer, model=model, calls=calls)["seconds"])

    def bulk(self, peer: str, model: str, rows: int) -> Taken:
        """One call with many rows, on one thread."""
        told = self.ask("bulk", peer=peer, model=model, rows=rows)
        return Taken(told["wall"], told["cpu"])


@contextmanager
def peer_process(python: Path, folder: Path, worker: str = "worker") -> Iterator[PeerProcess]:
    """A running `worker` under a peers' `python` that finds its models and rows in `folder` (see worker.py)."""
    threads = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMBA")}
    process = subprocess.Popen(
        [str(python), "-m", f"benchmarks.peers.{worker}", str(folder)],
        cwd=ROOT,
        env={**os.environ, **threads},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield PeerProcess(process)
    finally:
        process.terminate()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()
