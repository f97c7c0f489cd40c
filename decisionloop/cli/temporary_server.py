"""A Prefect server of this process's own, for a machine that has none: it lives as long as the command.

Prefect would start one by itself, but only where a flow begins, and it loads the whole server into the client's
process as well to do so.
"""

from __future__ import annotations

import atexit
import functools
import os
import socket
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

from decisionloop.errors import ConfigurationError

STOP_SECONDS = 5


class TemporaryServer:
    """A server process that is starting, or has started."""

    def __init__(self) -> None:
        # Whoever connects before the server listens waits in the socket's queue: no port is guessed, none is polled.
        with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
            self.url = f"http://127.0.0.1:{listener.getsockname()[1]}/api"
            self._process = subprocess.Popen(
                [sys.executable, "-m", "decisionloop.cli.prefect_server", str(listener.fileno())],
                env=_environment(),
                pass_fds=(listener.fileno(),),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        self._folder = tempfile.TemporaryDirectory(prefix="decisionloop-prefect-")
        self.certificates = _one_certificate(Path(self._folder.name))
        self._is_ready, self._has_spoken = False, threading.Event()
        threading.Thread(target=self._listen, daemon=True).start()
        atexit.register(self.stop)

    def wait(self, seconds: float) -> None:
        """Return when it answers. Raises ConfigurationError, with the server stopped, where it does not in time."""
        has_spoken = self._has_spoken.wait(seconds)
        if self._is_ready:
            return
        ended = self._how_it_ended() if has_spoken else None
        self.stop()
        happened = f"did not answer within {seconds:g} s" if ended is None else f"ended with {ended}"
        raise ConfigurationError(
            f"Prefect's temporary server {happened}. Its last lines stand above; try again, raise "
            "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS, or set PREFECT_API_URL to a server that runs."
        )

    def stop(self) -> None:
        """Let it finish what it does, for some seconds, and end."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._folder.cleanup()

    def _how_it_ended(self) -> int | None:
        """The exit status of a process that has closed its output: it may not have ended yet."""
        with suppress(subprocess.TimeoutExpired):
            return self._process.wait(STOP_SECONDS)
        return None

    def _listen(self) -> None:
        assert self._process.stdout is not None
        self._is_ready = bool(self._process.stdout.readline())  # "", if it ends before it answers
        self._has_spoken.set()
        for _ in self._process.stdout:
            pass  # a pipe that nobody reads stops who writes


@functools.cache
def temporary_server() -> TemporaryServer:
    """The one of this process, started by the first call; it need not answer yet."""
    return TemporaryServer()


def _environment() -> dict[str, str]:
    """What Prefect itself gives to such a server: this environment, no server above it, and no user interface."""
    kept = {name: value for name, value in os.environ.items() if name != "PREFECT_API_URL"}
    return {**kept, "PREFECT_UI_ENABLED": "false"}


def _one_certificate(folder: Path) -> Path:
    """A bundle with one certificate, for connections that need none.

    Prefect makes some ten clients a turn, and each loads a bundle even where it speaks http to its own machine: 20 to
    40 ms of a core for the usual one of 140 certificates.
    """
    import certifi

    end = "-----END CERTIFICATE-----"
    bundle = folder / "one-certificate.pem"
    bundle.write_text(Path(certifi.where()).read_text(encoding="utf-8").partition(end)[0] + end, encoding="utf-8")
    return bundle
