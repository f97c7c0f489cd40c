"""Several processes that answer on one port, and the one that began them: it seals and starts.

What must be done once an installation, sealing and starting what webhooks ask for, is done by the first process, which
answers nobody. It keeps the others alive (supervisor.py).
"""

from __future__ import annotations

import contextlib
import functools
import logging
import multiprocessing
import os
import secrets
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError
from uvicorn import Config
from uvicorn.config import STARTUP_FAILURE

from decisionloop.errors import ConfigurationError, DecisionLoopError
from decisionloop.service.log import log_as_json
from decisionloop.service.starting import Starter
from decisionloop.service.supervisor import Answering, RollCall, Supervisor
from decisionloop.settings import Settings

if TYPE_CHECKING:
    from decisionloop.service.app import Service

LOG = logging.getLogger("decisionloop.service")
HUNG_SECONDS = 60
"""A worker that says nothing for so long is replaced: it may be busy loading, but not for ever."""


class Bell:
    """How a worker tells the first process that something was stored; one that dies while it rings harms nobody."""

    def __init__(self) -> None:
        self._hears, self._rings = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._rings.setblocking(False)

    def wake(self) -> None:
        """Ring. Where it has been rung many times and nobody listened yet, that is enough."""
        with contextlib.suppress(BlockingIOError):
            self._rings.send(b"!")

    def lead_to(self, starter: Starter) -> None:
        """Wake the starter at every ring, from a thread of its own."""

        def listen() -> None:
            while self._hears.recv(1):
                starter.wake()

        threading.Thread(target=listen, name="bell", daemon=True).start()


@dataclass(frozen=True)
class WorkerPlan:
    """What every worker is made of; it travels to a new process. ``secret`` signs what the live page hands out."""

    settings: Settings
    prepare: Callable[[str], None]
    is_open_without_keys: bool
    bell: Bell
    calls: RollCall
    secret: bytes = field(repr=False)


def run_workers(
    service: Service, settings: Settings, prepare: Callable[[str], None], listening: socket.socket, workers: int
) -> None:
    """Serve from so many processes until stopped. ``service``: that of this process, which answers nobody.

    Raises ConfigurationError where a worker cannot even start.
    """
    for one in service.online:
        _prepared(prepare, one.use_case.name)
    plan = WorkerPlan(settings, prepare, service.is_open_without_keys, Bell(), RollCall(), secrets.token_bytes(32))
    config = Config(
        functools.partial(worker_app, plan),
        factory=True, workers=workers, log_config=None, access_log=False, server_header=False, proxy_headers=False,
        timeout_worker_healthcheck=HUNG_SECONDS,
    )  # fmt: skip
    supervisor = Supervisor(config, [listening], plan.calls)
    with _beside(service, plan.bell):
        supervisor.run()
    if any(one.exitcode == STARTUP_FAILURE for one in supervisor.processes):
        raise ConfigurationError("a worker of the service could not start; its last lines stand above.")
    if supervisor.stopped_by is not None:  # end by the signal, as one process does
        signal.signal(supervisor.stopped_by, signal.SIG_DFL)
        signal.raise_signal(supervisor.stopped_by)


def worker_app(plan: WorkerPlan) -> Answering:
    """The application of one worker, made in its own process."""
    from decisionloop.service.app import create_app
    from decisionloop.service.running import open_service

    log_as_json()
    threading.Thread(target=_end_with_the_first, name="parent", daemon=True).start()
    return Answering(create_app(open_service(plan.settings, plan.prepare, plan.is_open_without_keys, plan)), plan.calls)


def _end_with_the_first() -> None:
    """A worker whose first process was killed would keep the port, and nobody would seal: it ends too."""
    first = multiprocessing.parent_process()
    if first is not None:
        first.join()
        os.kill(os.getpid(), signal.SIGTERM)


def _prepared(prepare: Callable[[str], None], use_case: str) -> None:
    """Put the contract in force once, rather than in every worker at the same time. They try again what fails."""
    try:
        prepare(use_case)
    except (DecisionLoopError, SQLAlchemyError) as error:
        LOG.warning("nobody can be decided yet", extra={"error": type(error).__name__, "detail": use_case})


@contextlib.contextmanager
def _beside(service: Service, bell: Bell) -> Iterator[None]:
    for one in service.once:
        if isinstance(one, Starter):
            bell.lead_to(one)
        one.begin()
    try:
        yield
    finally:
        for one in reversed(service.once):
            one.end()
        service.access.close()
