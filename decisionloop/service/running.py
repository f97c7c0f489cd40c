"""Starting the service: its file read, its senders known, its socket bound, and then requests until it is stopped."""

from __future__ import annotations

import logging
import socket

from decisionloop.errors import ConfigurationError, UsageError
from decisionloop.service.app import Service, create_app
from decisionloop.service.configuration import load_service_file
from decisionloop.service.keys import is_loopback
from decisionloop.service.ledger_access import LedgerAccess
from decisionloop.service.log import log_as_json
from decisionloop.service.prefect_deployments import PrefectDeployments
from decisionloop.service.secret_values import known_senders
from decisionloop.service.starting import Starter
from decisionloop.settings import Settings

LOG = logging.getLogger("decisionloop.service")
BACKLOG = 2_048


def run_service(settings: Settings, host: str, port: int) -> None:
    """Serve until stopped; port 0 takes a free one, which the first line of the log names.

    Raises ConfigurationError for a faulty file, a missing secret, a missing Prefect server or a port that is taken, and
    UsageError for a host that others can reach while there is no API key.
    """
    import uvicorn

    service = open_service(settings)
    has_keys = bool(service.file.keys)
    if not has_keys and not is_loopback(host):
        raise UsageError(
            f"without an API key the service listens on this machine only, not on {host}. Add a key to "
            "DECISIONLOOP_SERVICE_FILE (docs/webhooks.md says how), or leave --host out."
        )
    log_as_json()
    with _bound(host, port) as listening:
        if why_not := service.access.why_not_ready():  # opened now, so that no request waits for it
            LOG.warning("not ready", extra={"detail": why_not})
        if not has_keys:
            LOG.warning("no API key is configured: this machine alone is answered, and anybody on it may read")
        LOG.info(f"listening on http://{host}:{listening.getsockname()[1]}")
        config = uvicorn.Config(
            create_app(service), log_config=None, access_log=False, server_header=False, proxy_headers=False
        )
        uvicorn.Server(config).run([listening])


def open_service(settings: Settings) -> Service:
    """The service of an installation; nothing is begun yet. Raises ConfigurationError where something is missing."""
    file = load_service_file(settings.resolved_service_file())
    senders, access = known_senders(file.senders), LedgerAccess(settings)
    starter = Starter(access, PrefectDeployments()) if senders else None
    return Service(file, senders, access, starter)


def _bound(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), backlog=BACKLOG)
    except OSError as error:
        why = error.strerror or error
        raise ConfigurationError(f"cannot listen on {host}:{port}: {why}. Choose another --port or --host.") from error
