"""Starting the service: its file read, its senders known, its socket bound, and then requests until it is stopped."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from decisionloop.errors import ConfigurationError, UsageError
from decisionloop.service.answer_times import AnswerTimes
from decisionloop.service.app import Service, create_app
from decisionloop.service.configuration import load_service_file
from decisionloop.service.keys import NONE_LEFT, is_loopback
from decisionloop.service.ledger_access import LedgerAccess
from decisionloop.service.log import log_as_json
from decisionloop.service.online import online_use_cases
from decisionloop.service.prefect_deployments import PrefectDeployments
from decisionloop.service.sealing import Sealer
from decisionloop.service.secret_values import known_senders
from decisionloop.service.starting import Starter
from decisionloop.settings import Settings

if TYPE_CHECKING:
    from decisionloop.service.workers import WorkerPlan

LOG = logging.getLogger("decisionloop.service")
BACKLOG = 2_048
NO_KEY = "no API key is configured: this machine alone is answered, and anybody on it may do everything"


def run_service(
    settings: Settings, host: str, port: int, prepare: Callable[[str], None], is_open_without_keys: bool = False
) -> None:
    """Serve until stopped, from as many processes as the settings say; port 0 takes a free one, which the first line
    of the log names.

    ``prepare`` registers the contract and rules of a use case, before it is decided one at a time.
    Raises ConfigurationError for a faulty file, a missing secret, a missing Prefect server or a port that is taken, and
    UsageError for a host that others can reach while there is no API key.
    """
    service = open_service(settings, prepare, is_open_without_keys)
    has_keys = bool(service.keys.every())
    if not has_keys and not is_loopback(host):
        raise UsageError(
            f"without an API key the service listens on this machine only, not on {host}. Make one with "
            "`decisionloop keys make` (docs/service.md says how), or leave --host out."
        )
    log_as_json()
    with _bound(host, port) as listening:
        if why_not := service.access.why_not_ready():  # opened now, so that no request waits for it
            LOG.warning("not ready", extra={"detail": why_not})
        if not has_keys:
            LOG.warning(NONE_LEFT if service.keys.had_any else NO_KEY)
        for one in service.online:
            LOG.info("decided online", extra={"detail": one.use_case.name})
        LOG.info(f"listening on http://{host}:{listening.getsockname()[1]}")
        if settings.service_workers > 1:
            from decisionloop.service.workers import run_workers

            run_workers(service, settings, prepare, listening, settings.service_workers)
        else:
            _run_alone(service, listening)


def _run_alone(service: Service, listening: socket.socket) -> None:
    import uvicorn

    config = uvicorn.Config(
        create_app(service), log_config=None, access_log=False, server_header=False, proxy_headers=False
    )
    uvicorn.Server(config).run([listening])


def open_service(
    settings: Settings,
    prepare: Callable[[str], None],
    is_open_without_keys: bool = False,
    worker: WorkerPlan | None = None,
) -> Service:
    """The service of an installation; nothing is begun yet. Raises ConfigurationError where something is missing.

    ``worker``: what this process is told as one of several, of which none seals or starts anything; None: it is alone.
    """
    file = load_service_file(settings.resolved_service_file())
    senders, access = known_senders(file.senders), LedgerAccess(settings)
    times = AnswerTimes(access)
    known = online_use_cases(settings, prepare, times)
    online, kept = known.found, times if known.found else None
    alone = Service(file, senders, access, None, online, None, is_open_without_keys, kept, unreadable=known.unreadable)
    if worker is not None:
        return replace(alone, starter=worker.bell, secret=worker.secret)
    starter = Starter(access, PrefectDeployments()) if senders else None
    return replace(alone, starter=starter, sealer=Sealer(access, online) if online else None)


def _bound(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), backlog=BACKLOG)
    except OSError as error:
        why = error.strerror or error
        raise ConfigurationError(f"cannot listen on {host}:{port}: {why}. Choose another --port or --host.") from error
