"""The environment that flows run in when the command line starts them."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from decisionloop.errors import DecisionLoopError

QUIET = {
    "DO_NOT_TRACK": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_UI_V2_ENABLED": "false",
    # Idle OpenMP threads that spin take the core from whoever works: fits are four times slower without this.
    "OMP_WAIT_POLICY": "passive",
}
# A server that lives as long as one command needs none of the services that watch over many, but time to start.
_TEMPORARY_SERVER = {
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    "PREFECT_SERVER_SERVICES_SCHEDULER_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_LATE_RUNS_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_PAUSE_EXPIRATIONS_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_CANCELLATION_CLEANUP_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_FOREMAN_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_REPOSSESSOR_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_TRIGGERS_ENABLED": "false",
    # No block is saved here. Registering their types, and finding out that it was done, loads every integration: Dask.
    "PREFECT_SERVER_REGISTER_BLOCKS_ON_START": "false",
    "PREFECT_SERVER_MEMOIZE_BLOCK_AUTO_REGISTRATION": "false",
}
# A replay is over when its command ends, and the ledger has the record: writing every event and task run into Prefect's
# SQLite file beside the flow runs makes each turn of the loop wait for locks, 3.0 s instead of 0.75 s.
_UNRECORDED = {
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_EVENT_LOGGER_ENABLED": "false",
    "PREFECT_SERVER_EVENTS_STREAM_OUT_ENABLED": "false",
    "PREFECT_LOGGING_TO_API_ENABLED": "false",
}

# What Prefect has to say before the first step of a run is text, and a log of JSON lines is read by a machine.
_NO_TEXT = {"PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "ERROR"}


def turn_telemetry_off() -> None:
    """Switch off everybody's telemetry, unless the person running this has chosen otherwise."""
    _set_defaults(QUIET)


def use_configured_prefect(is_recorded: bool = True) -> None:
    """Leave Prefect as this machine has it; where it has no server, a temporary one must have the time to start.

    ``is_recorded`` False: a temporary server writes no task run down, for the ledger keeps what was done; it ends with
    the command, and would complain of those that it could not write any more. Must run before prefect is imported, like
    :func:`use_private_prefect`.
    """
    from decisionloop.settings import load_settings  # heavy, and a command may only want its help

    _set_defaults(_TEMPORARY_SERVER)
    if load_settings().log_format == "json":
        _set_defaults(_NO_TEXT)
    if not is_recorded:
        _set_defaults({name: value for name, value in _UNRECORDED.items() if name.startswith("PREFECT_SERVER_")})


def use_private_prefect(home: Path, log_level: str = "ERROR") -> None:
    """Give this process a Prefect of its own below ``home``; must run before prefect is imported."""
    turn_telemetry_off()
    for name in [name for name in os.environ if name.startswith("PREFECT_API")]:
        del os.environ[name]
    os.environ.update(_TEMPORARY_SERVER | _UNRECORDED)
    os.environ["PREFECT_SERVER_ALLOW_EPHEMERAL_MODE"] = "true"
    os.environ["PREFECT_HOME"] = str((home / "prefect").resolve())
    os.environ["PREFECT_LOGGING_LEVEL"] = log_level
    os.environ["PREFECT_SERVER_LOGGING_LEVEL"] = "ERROR"


def _set_defaults(values: Mapping[str, str]) -> None:
    for name, value in values.items():
        os.environ.setdefault(name, value)


def needs_temporary_server() -> bool:
    """Whether Prefect has no server here and would start one by itself. Imports prefect."""
    from prefect.settings import PREFECT_API_URL, PREFECT_SERVER_ALLOW_EPHEMERAL_MODE

    return not PREFECT_API_URL.value() and bool(PREFECT_SERVER_ALLOW_EPHEMERAL_MODE.value())


def _say_without_traceback(record: logging.LogRecord) -> bool:
    """A deliberate refusal says what was wrong, where and the remedy; where it was raised helps nobody."""
    if record.exc_info and isinstance(record.exc_info[1], DecisionLoopError):
        record.exc_info = record.exc_text = None
    return True


@contextmanager
def _refusals_without_traceback() -> Iterator[None]:
    """On the terminal alone: what Prefect's interface shows of a run keeps everything.

    Prefect gives its console to the root logger, and a logging.yml of one's own may give it to another.
    """
    names = (None, "prefect", "prefect.flow_runs", "prefect.task_runs")
    handlers = [one for name in names for one in logging.getLogger(name).handlers]
    consoles = [one for one in handlers if isinstance(one, logging.StreamHandler)]
    for one in consoles:
        one.addFilter(_say_without_traceback)
    try:
        yield
    finally:
        for one in consoles:
            one.removeFilter(_say_without_traceback)


@contextmanager
def brief_flow_runs() -> Iterator[None]:
    """Flow runs of one command: without a heartbeat, and with a server of this process's own where there is no other.

    Joining the heartbeat's thread costs a second a run, and nobody is listening. Raises ConfigurationError where the
    temporary server does not start.
    """
    from prefect.settings import (
        PREFECT_API_SSL_CERT_FILE,
        PREFECT_API_URL,
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
        PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS,
        PREFECT_UI_URL,
        temporary_settings,
    )

    from decisionloop.cli.temporary_server import temporary_server

    with ExitStack() as stack:
        stack.enter_context(_refusals_without_traceback())
        stack.enter_context(temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}))
        if needs_temporary_server():
            server = temporary_server()
            server.wait(PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS.value())
            stack.enter_context(_for_children("PREFECT_API_URL", server.url))
            of_this_server = {
                PREFECT_API_URL: server.url,
                PREFECT_API_SSL_CERT_FILE: str(server.certificates),
                PREFECT_UI_URL: "",  # there is none that a link could lead to
            }
            stack.enter_context(temporary_settings(of_this_server))
        yield


@contextmanager
def _for_children(name: str, value: str) -> Iterator[None]:
    os.environ[name] = value
    try:
        yield
    finally:
        del os.environ[name]
