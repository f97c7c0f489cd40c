"""What a small batch pays to start: `decisionloop run` on 40 rows, beside a bare Prefect server and Great Expectations.

CPU seconds of the command and of all that it starts. Every run begins with an empty ledger; Prefect's homes have been
used before, so that nobody migrates a database on the clock. The bare server is Prefect's own temporary one, started
as Prefect starts it and stopped when it answers: no flow runs on it, and nothing is checked.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from benchmarks.figures import Figure, Spread
from benchmarks.processes import run_apart
from benchmarks.timing import RUNS, Taken, interleaved
from decisionloop.cli.environment import QUIET
from decisionloop.contract.scaffold import new_use_case

NAME, AS_OF = "vouchers", "2026-01-05"
GOAL_HELP_SECONDS = 0.25
GOAL_CPU_SECONDS = 15.0
GOAL_OF_BARE = 1.2
SERVER_SECONDS = 900
BARE_SERVER = """
from prefect.server.api.server import SubprocessASGIServer
with SubprocessASGIServer():
    pass
"""
GREAT_EXPECTATIONS = "import great_expectations"


@dataclass(frozen=True)
class Place:
    """A folder with one use case; Prefect's homes lie in it, each for one kind of run."""

    folder: Path

    def python(self, *arguments: str) -> Taken:
        """Python with these arguments."""
        return run_apart([sys.executable, *arguments], self.folder, self.environment("bare"))

    def command(self, *words: str, prefect: str = "alone", **more: str) -> Taken:
        """The command line as it is installed, in a home of its own that is empty."""
        home = tempfile.mkdtemp(prefix="home-", dir=self.folder)
        script = str(Path(sys.executable).with_name("decisionloop"))
        return run_apart([script, *words], self.folder, self.environment(prefect, DECISIONLOOP_HOME=home, **more))

    def environment(self, prefect: str, **more: str) -> Mapping[str, str]:
        """This process's, without its settings of Prefect and decisionloop; time enough for a slow server."""
        ours = ("PREFECT_", "DECISIONLOOP_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        patience = {"PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": str(SERVER_SECONDS)}
        return {**kept, **QUIET, **patience, "PREFECT_HOME": str(self.folder / f"prefect-{prefect}"), **more}


def measure(is_quick: bool) -> Iterator[Figure]:
    """Each command in turn, five times after one that is not counted (once when quick)."""
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder))
        new_use_case(place.folder / "usecases", NAME)
        with running_server(place) as url:
            yield from _figures(place, url, 1 if is_quick else RUNS)


def _figures(place: Place, url: str, count: int) -> Iterator[Figure]:
    turn = ("run", NAME, "--as-of", AS_OF)
    runs: dict[str, Callable[[], Taken]] = {
        "help": lambda: place.command("--help"),
        "with": lambda: place.command(*turn, prefect="client", PREFECT_API_URL=url),
        "alone": lambda: place.command(*turn),
        "server": lambda: place.python("-c", BARE_SERVER),
        "checks": lambda: place.python("-c", GREAT_EXPECTATIONS),
    }
    taken = interleaved(count, runs, warm_ups=1)
    helped, server, checks = taken["help"], taken["server"], taken["checks"]
    both = Spread.of(a.cpu + b.cpu for a, b in zip(server.runs, checks.runs, strict=True))
    title, beside = "decisionloop run, 40 rows", "importing Great Expectations"
    note = f"{helped.cpu.median:.2f} CPU s"
    yield Figure("decisionloop --help", helped.wall, "s", goal=GOAL_HELP_SECONDS, better="lower", note=note)
    yield Figure(
        f"{title}, with a running server", taken["with"].cpu, "CPU s", beside, checks.cpu, GOAL_CPU_SECONDS, "lower"
    )
    beside = "a bare Prefect server and importing Great Expectations"
    yield Figure(
        f"{title}, alone", taken["alone"].cpu, "CPU s", beside, both, GOAL_OF_BARE, "lower", is_goal_of_ratio=True
    )
    yield Figure("a bare Prefect server, started and stopped", server.cpu, "CPU s")


@contextmanager
def running_server(place: Place) -> Iterator[str]:
    """A Prefect server as a person starts one; gives its API's URL. Raises RuntimeError where it does not start."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    command = [sys.executable, "-m", "prefect", "server", "start", "--no-ui", "--host", "127.0.0.1", "--port", port]
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, cwd=place.folder, env=place.environment("server"), stdout=quiet, stderr=quiet)
    try:
        url = f"http://127.0.0.1:{port}/api"
        _wait_until_healthy(f"{url}/health", process)
        yield url
    finally:
        process.terminate()
        process.wait()


def _wait_until_healthy(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + SERVER_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urlopen(url, timeout=5):
                return
        except (URLError, TimeoutError):
            time.sleep(0.5)
    raise RuntimeError(f"no Prefect server at {url}")
