"""The service as its user starts it: a process of its own, with its logs, that can be killed."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

START_SECONDS = 240


def _answers(child: psutil.Process) -> bool:
    """Whether it is a worker, and not what Python keeps beside them, nor one that is dead."""
    try:
        return "spawn_main" in " ".join(child.cmdline())
    except psutil.Error:
        return False


NOBODY = "http://127.0.0.1:1/api"
"""Where no Prefect server is."""


class ServiceProcess:
    """A running ``decisionloop service`` on a free port, of so many workers; its log goes to ``log``."""

    def __init__(self, log: Path, environment: Mapping[str, str], prefect_url: str = NOBODY, workers: int = 1) -> None:
        self.log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "decisionloop.cli", "service", "--port", "0", "--workers", str(workers)],
                env={**os.environ, **environment, "PREFECT_API_URL": prefect_url},
                stdout=subprocess.DEVNULL,
                stderr=output,
            )
        self.url = self._listening()

    def _listening(self) -> str:
        import httpx

        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            found = re.search(r"listening on (http://[\d.:]+)", self.log.read_text())
            if found:
                try:
                    if httpx.get(f"{found[1]}/health").is_success:
                        return found[1]
                except httpx.TransportError:
                    pass  # bound, and not served yet
            time.sleep(0.1)
        self.process.kill()  # whose workers end with it
        raise AssertionError(f"the service did not start:\n{self.log.read_text()}")

    def records(self) -> list[dict[str, Any]]:
        """Every line of the log, each of which must be a JSON object."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    @property
    def workers(self) -> list[int]:
        """The ids of the processes that answer, where there are several."""
        return [one.pid for one in psutil.Process(self.process.pid).children() if _answers(one)]

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """SIGTERM, as whoever supervises it does; it ends by that signal, after what it has in hand."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(timeout=30) == -signal.SIGTERM, self.log.read_text()
