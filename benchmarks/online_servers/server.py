"""A server as a process with everything that it starts: begun, ready, asked, and its processor time and memory."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

ROOT = Path(__file__).parents[2]
START_SECONDS = 300


@dataclass(frozen=True)
class Load:
    """What a client saw: answers a second, the latencies (milliseconds), the server's processor time a request."""

    rate: float
    p50: float
    p99: float
    cpu_ms: float


@dataclass(frozen=True)
class Server:
    """A running server, and the file of the requests that it takes."""

    port: int
    process: psutil.Process
    requests: Path

    def load(self, connections: int, seconds: float) -> Load:
        """Ask so long from a process of its own (`benchmarks.peers.http_load`)."""
        cpu = self.cpu_seconds
        command = [sys.executable, "-m", "benchmarks.peers.http_load"]
        asked = [str(one) for one in (self.port, connections, seconds, self.requests)]
        told = subprocess.run([*command, *asked], cwd=ROOT, capture_output=True, text=True)
        if told.returncode:
            raise RuntimeError(f"the server on port {self.port} failed its client: {told.stderr[-1_000:]}")
        answer = json.loads(told.stdout)
        p50, p99 = (1_000 * float(one) for one in np.percentile(answer["latencies"], (50, 99)))
        answered = len(answer["latencies"])
        return Load(answered / answer["seconds"], p50, p99, 1_000 * (self.cpu_seconds - cpu) / answered)

    @property
    def family(self) -> list[psutil.Process]:
        """The process and all that it started."""
        return [self.process, *self.process.children(recursive=True)]

    @property
    def cpu_seconds(self) -> float:
        """What all of them have used so far."""
        return sum(one.cpu_times().user + one.cpu_times().system for one in self.family)

    @property
    def memory_bytes(self) -> int:
        """Resident memory of those that answer: what is started to seal and ends is no part of it."""
        found = 0
        for one in self.family:
            with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):  # it has just ended
                found += 0 if "seal" in one.cmdline() else one.memory_info().rss
        return found


@contextmanager
def serving(
    command: Sequence[str], port: int, ready: str, requests: Path, environment: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """Start a server that answers 200 at the path ``ready`` once it is; it ends with everything that it started."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DECISIONLOOP_")}
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**kept, **(environment or {})},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _is_ready(port, ready):
            if process.poll() is not None or time.monotonic() > deadline:
                raise TimeoutError(f"{' '.join(command)} does not answer.")
            time.sleep(0.2)
        yield Server(port, psutil.Process(process.pid), requests)
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End its whole session, of which nobody else is."""
    for one in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, one)
        except ProcessLookupError:
            break
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            continue
        time.sleep(0.5)


def _is_ready(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port
