"""Log records of runs as JSON lines, where `DECISIONLOOP_LOG_FORMAT=json`: with run, use case, batch and release.

Records of this project are ids, states and durations. What another library says may quote a row or a password, so of
its warnings and errors only place and type are told; its own log (Prefect's interface has one) holds the text.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from decisionloop.masking import masked

LOG = "decisionloop.loop"
OURS = "decisionloop"
_is_set_up = False


def log_as_json() -> None:
    """Let this process write JSON lines to standard error. Prefect's own log to its server stays as it is."""
    global _is_set_up
    if _is_set_up:
        return
    _is_set_up = True
    import structlog

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[_told, structlog.processors.JSONRenderer(default=str)],
            foreign_pre_chain=[structlog.contextvars.merge_contextvars],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger(OURS).setLevel(logging.INFO)
    for name in ("prefect", *(one for one in logging.root.manager.loggerDict if one.startswith("prefect."))):
        logger = logging.getLogger(name)
        logger.handlers[:] = [one for one in logger.handlers if not isinstance(one, logging.StreamHandler)]
        logger.propagate = True


def say(event: str, **about: object) -> None:
    """Log a record of the loop; nothing unless logs are JSON."""
    if _is_set_up:
        logging.getLogger(LOG).info(event, extra={"about": about})


def bind(**about: str) -> None:
    """Name something in every record from here to the end of the present step, such as its release."""
    if _is_set_up:
        import structlog

        structlog.contextvars.bind_contextvars(**about)


@contextmanager
def bound(**about: str) -> Iterator[None]:
    """Name run, use case and batch in every record of what is done within."""
    if not _is_set_up:
        yield
        return
    import structlog

    before = structlog.contextvars.get_contextvars()
    structlog.contextvars.bind_contextvars(**{key: value for key, value in about.items() if value})
    try:
        yield
    finally:
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(**before)


def _told(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """What a record tells, safe to be kept anywhere."""
    record: logging.LogRecord = event["_record"]
    is_ours = record.name.partition(".")[0] == OURS
    names = ("run", "use_case", "batch", "release", "step")
    told: dict[str, Any] = {
        "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname.lower(),
        "logger": record.name,
        "event": record.getMessage() if is_ours else "another library has something to say; its text is not told here",
        **{name: event[name] for name in names if name in event},
    }
    if is_ours:
        told |= getattr(record, "about", {})
    if not is_ours:
        told["where"] = f"{record.module}:{record.lineno}"
    if record.exc_info and record.exc_info[0] is not None:
        told["error"] = record.exc_info[0].__name__
        told["at_lines"] = [f"{one.filename}:{one.lineno}" for one in traceback.extract_tb(record.exc_info[2])[-8:]]
    return {name: masked(value) if isinstance(value, str) else value for name, value in told.items()}
