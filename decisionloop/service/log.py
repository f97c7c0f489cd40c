"""Logs for machines: one JSON record a line, whatever a message holds; no body, secret or entity id in any."""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import UTC, datetime

from decisionloop.masking import masked

EXTRA = ("sender", "delivery", "state", "detail", "error", "method", "route", "status", "ms")
"""What a record may say beside its message: nothing else that a library attaches gets out."""

_AS_TEXT = json.JSONEncoder(default=str)


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON. Of an error its type and place: its text may hold what it failed on."""
        told: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        said = record.__dict__
        told |= {name: said[name] for name in EXTRA if name in said}
        if record.levelno > logging.INFO:  # what is said of every request holds no words of anybody's
            told = {name: masked(value) if isinstance(value, str) else value for name, value in told.items()}
        if record.exc_info and record.exc_info[0] is not None:
            told["error"] = record.exc_info[0].__name__
            told["where"] = [f"{one.filename}:{one.lineno}" for one in traceback.extract_tb(record.exc_info[2])[-8:]]
        return _AS_TEXT.encode(told)


def log_as_json(level: int = logging.INFO) -> None:
    """Let every logger of this process write JSON lines to standard error, and nothing else."""
    # Of all of this no line says anything, and to find it out for each takes longer than to write it.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None  # as its own how-to says
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("decisionloop").setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "prefect", "httpx"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    # It would name paths, and so decisions; our own line names the route.
    logging.getLogger("uvicorn.access").disabled = True
