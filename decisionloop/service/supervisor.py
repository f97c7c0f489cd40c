"""Who dies or hangs among the processes that answer is replaced; what cannot even start ends them all."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import time
from typing import TYPE_CHECKING

from uvicorn import Config
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess
from uvicorn.supervisors.multiprocess import Process

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

LOG = logging.getLogger("decisionloop.service")
PING_SECONDS = 0.2
"""How long the first process waits for a worker's answer to a ping before it looks after the next one."""

ENDING_SECONDS = 30
"""How long a worker may take to finish what it has in hand once all are to end."""


class RollCall:
    """Which workers have answered: each tells the first process before its first answer, so that it always knows."""

    def __init__(self) -> None:
        self._hears, self._tells = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._hears.setblocking(False)
        self._heard: set[int] = set()

    def tell(self) -> None:
        """Say from a worker that it answers."""
        self._tells.send(str(os.getpid()).encode())

    def has_answered(self, worker: int | None) -> bool:
        """Whether a process of that id has ever said so."""
        with contextlib.suppress(BlockingIOError):
            while told := self._hears.recv(32):
                self._heard.add(int(told))
        return worker in self._heard


class Answering:
    """An ASGI application that says in the roll-call that it answers, once, before it handles its first request."""

    def __init__(self, app: ASGIApp, calls: RollCall) -> None:
        self._app, self._calls, self._has_told = app, calls, False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._has_told and scope["type"] == "http":
            self._has_told = True
            self._calls.tell()
        await self._app(scope, receive, send)


class Supervisor(Multiprocess):
    """uvicorn's, which remembers what stopped it, and which workers have answered.

    uvicorn takes a certain exit code for a worker that could not start, and ends all of them; a worker that has
    answered may end with it as well, as by code of a use case, and is replaced like any other.
    """

    stopped_by: signal.Signals | None = None

    def __init__(self, config: Config, sockets: list[socket.socket], calls: RollCall) -> None:
        super().__init__(config, sockets)
        self._calls = calls
        self._heard: dict[int | None, float] = {}

    def keep_subprocess_alive(self) -> None:
        """Replace every worker that ended or hangs; end all where one could not even start."""
        for place, one in enumerate(self.processes):
            if self.should_exit.is_set():
                return
            if self._is_well(one):
                continue
            one.kill()
            one.join()
            if one.exitcode == STARTUP_FAILURE and not self._calls.has_answered(one.pid):
                self.should_exit.set()
                return
            LOG.warning("a worker ended and is replaced", extra={"detail": str(one.pid)})
            self.processes[place] = Process(self.config, self.sockets)
            self.processes[place].start()

    def _is_well(self, one: Process) -> bool:
        """Whether it lives and has been heard lately; asked briefly, so that the others and signals need not wait."""
        if not one.process.is_alive():
            return False
        now = time.monotonic()
        if one.ping(timeout=PING_SECONDS):
            self._heard[one.pid] = now
        return now - self._heard.setdefault(one.pid, now) < self.config.timeout_worker_healthcheck

    def join_all(self) -> None:
        """Wait until every worker has ended; who does not within a while is killed, so that the port is free again."""
        until = time.monotonic() + ENDING_SECONDS
        for one in self.processes:
            one.process.join(max(0.0, until - time.monotonic()))
            if one.process.is_alive():
                LOG.warning("a worker did not end and is killed", extra={"detail": str(one.pid)})
                one.process.kill()
                one.process.join()

    def handle_int(self) -> None:
        """End, and remember by what."""
        self.stopped_by = signal.SIGINT
        super().handle_int()

    def handle_term(self) -> None:
        """End, and remember by what."""
        self.stopped_by = signal.SIGTERM
        super().handle_term()
