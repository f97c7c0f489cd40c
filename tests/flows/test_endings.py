"""A run ends in a state whose name says what happened, and its message says it in a sentence."""

from __future__ import annotations

import pytest
from prefect import flow
from prefect.exceptions import CancelledRun

from decisionloop.endings import Told
from decisionloop.errors import BatchHalted
from flows.ending import says

pytestmark = pytest.mark.xdist_group("flows")


@flow(name="answers")
@says("It says: {}", is_answer=True)
def answers(use_case: str) -> str:
    """A flow that refuses, or whose batch is halted."""
    if use_case == "halted":
        raise BatchHalted("small/1", "nulls: turnover", "Mend it.")
    if use_case == "broken":
        raise ZeroDivisionError
    return Told("too little speaks for it.", "Refused")


def test_a_run_says_at_its_end_what_happened(prefect):
    said = answers("asked", return_state=True)
    # Neither green nor red, and no failure: no hook of a failed run is called for it.
    assert (said.type.value, said.name, said.message) == ("CANCELLED", "Refused", "It says: too little speaks for it.")
    with pytest.raises(CancelledRun, match="too little"):
        answers("asked")
    halted = answers("halted", return_state=True)
    assert (halted.name, halted.is_failed()) == ("Halted", True)
    assert halted.message == "batch small/1 halted: nulls: turnover. Mend it."
    with pytest.raises(BatchHalted, match="nulls"):
        answers("halted")
    broken = answers("broken", return_state=True)
    assert (broken.name, broken.is_failed()) == ("Failed", True)
    with pytest.raises(ZeroDivisionError):
        answers("broken")


def test_in_the_run_of_another_flow_a_body_returns_what_it_returns(prefect):
    @flow(name="asks")
    @says()
    def asks(use_case: str) -> str:
        return answers.fn(use_case)

    said = asks("asked", return_state=True)
    assert (said.name, said.message, said.is_completed()) == ("Completed", "too little speaks for it.", True)
    assert said.result() == "too little speaks for it."
