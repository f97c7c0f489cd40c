"""A deliberate refusal is one sentence on the terminal; only a defect shows where it was raised."""

from __future__ import annotations

import asyncio
import io
import logging
import os
import subprocess
import sys

import pytest

from decisionloop.cli.prefect_server import say_nothing_of_leaving

# Prefect sets its console up when it is loaded, on standard error as it is then: a process of its own.
RAISING = """
import logging, prefect.main
from decisionloop.cli.environment import _refusals_without_traceback
from decisionloop.errors import BatchHalted

with _refusals_without_traceback():
    for name in ("prefect.flow_runs", "prefect.task_runs"):
        for error in (BatchHalted("small/2024-01-01", "too few rows", "Ask the source."), ZeroDivisionError("oh")):
            try:
                raise error
            except Exception as raised:
                told = "Encountered exception during execution: %r"
                logging.getLogger(name).exception(told, raised, extra={"flow_run_name": "a", "task_run_name": "b"})
"""


def test_only_a_defect_shows_where_it_was_raised(tmp_path):
    alone = {"PREFECT_HOME": str(tmp_path), "PREFECT_LOGGING_TO_API_ENABLED": "false", "PREFECT_LOGGING_LEVEL": "INFO"}
    command, environment = [sys.executable, "-c", RAISING], {**os.environ, **alone}
    told = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert told.stderr.count("Encountered exception during execution: BatchHalted") == 2
    assert "Ask the source." in told.stderr
    assert told.stderr.count("Traceback") == told.stderr.count("\nZeroDivisionError: oh") == 2


@pytest.mark.parametrize(
    ("error", "is_leaving", "is_said"),
    [
        (asyncio.CancelledError(), True, False),
        (asyncio.CancelledError(), False, True),
        (OSError("the disk is full"), True, True),
    ],
)
def test_a_server_that_leaves_keeps_to_itself_what_it_cancels(error, is_leaving, is_said):
    said = io.StringIO()
    console, root = logging.StreamHandler(said), logging.getLogger()
    root.addHandler(console)
    before = {handler: list(handler.filters) for handler in root.handlers}
    try:
        say_nothing_of_leaving(lambda: is_leaving)
        try:
            raise error
        except BaseException:
            logging.getLogger("prefect.server.services.task_run_recorder").exception("Error flushing 1 events")
    finally:
        root.removeHandler(console)
        for handler, filters in before.items():
            handler.filters[:] = filters
    assert ("Error flushing" in said.getvalue()) == is_said
