"""A deliberate refusal is one sentence on the terminal; only a defect shows where it was raised."""

from __future__ import annotations

import io
import logging

import pytest

from decisionloop.cli.environment import _refusals_without_traceback
from decisionloop.errors import BatchHalted


@pytest.mark.parametrize(
    ("error", "is_shown"),
    [(BatchHalted("small/2024-01-01", "too few rows", "Ask the source."), False), (ZeroDivisionError("oh"), True)],
)
def test_only_a_defect_shows_where_it_was_raised(error, is_shown):
    logger, said = logging.getLogger("prefect.flow_runs"), io.StringIO()
    handler = logging.StreamHandler(said)
    logger.addHandler(handler)
    try:
        with _refusals_without_traceback():
            try:
                raise error
            except type(error):
                logger.exception("Encountered exception during execution")
    finally:
        logger.removeHandler(handler)
    assert "Encountered exception" in said.getvalue()
    assert ("Traceback" in said.getvalue()) == is_shown
