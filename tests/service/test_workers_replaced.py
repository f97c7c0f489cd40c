"""A worker that has answered is replaced, whatever it ends with; one that cannot start ends the service."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil
import pytest

ROOT = Path(__file__).parents[2]
BEGIN = """
import functools, socket, sys
from uvicorn import Config
from decisionloop.service import supervisor
from decisionloop.service.supervisor import RollCall, Supervisor
from tests.service import dying_app
listening, calls = socket.socket(fileno=int(sys.argv[1])), RollCall()
app = functools.partial(getattr(dying_app, sys.argv[2]), calls)
config = Config(app, factory=True, workers=2, log_level="error", timeout_worker_healthcheck=60)
supervisor.ENDING_SECONDS = int(sys.argv[3])
Supervisor(config, [listening], calls).run()
"""


def begun(listening: socket.socket, app: str, ending_seconds: int = 30) -> subprocess.Popen[bytes]:
    """Two workers of an application on a socket, which may take so long to end."""
    command = [sys.executable, "-c", BEGIN, str(listening.fileno()), app, str(ending_seconds)]
    return subprocess.Popen(command, cwd=ROOT, pass_fds=[listening.fileno()], stderr=subprocess.DEVNULL)


def answering(port: int, seconds: float = 60) -> int:
    """Which process answers, as soon as one does."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return int(httpx.get(f"http://127.0.0.1:{port}/", timeout=5).text)
        except httpx.HTTPError:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_code_that_ends_a_worker_does_not_end_the_others():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port, first = listening.getsockname()[1], begun(listening, "app")
        try:
            answering(port)
            for _ in range(3):  # at once, and more often than there are workers: one that came in another's place, too
                with pytest.raises(httpx.HTTPError):
                    httpx.get(f"http://127.0.0.1:{port}/end", timeout=60)
                assert answering(port) > 0
            assert first.poll() is None
        finally:
            first.terminate()
            first.wait(timeout=30)


def test_a_worker_that_hangs_does_not_keep_the_others_from_ending():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        first = begun(listening, "app", ending_seconds=1)
        os.kill(answering(listening.getsockname()[1]), signal.SIGSTOP)
        children = psutil.Process(first.pid).children()
        first.terminate()
        first.wait(timeout=60)
        psutil.wait_procs(children, timeout=10)
        assert not [one for one in children if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


def test_what_cannot_start_ends():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        ended = begun(listening, "nothing")
        ended.wait(timeout=60)
