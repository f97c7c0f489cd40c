"""What is wrong in batch after batch, while rules decide anyway, is told once, and that it goes on is said."""

from __future__ import annotations

import pytest

from decisionloop.ledger.alert_events import close_alert
from decisionloop.ledger.alerts import alerts
from decisionloop.ledger.present_alerts import present_alerts
from tests.tasks.installation import UNGUARDED

pytestmark = pytest.mark.xdist_group("loop")


def _alerts(installation, kind):
    return [one for one in alerts(installation.ledger, "small") if one.kind == kind]


def _weeks(installation, first, last):
    for week in range(first, last + 1):
        installation.predict(week)
        installation.act(week)


@pytest.fixture
def all_lend(small):
    """The rules lend to nearly everybody, week after week, and the contract allows few."""
    small.contract(guardrails={"maximum_action_shift": 1.0, "action_share": {"lend": [0.9, 1.0]}})
    return small


def test_an_alert_is_raised_once_while_batch_after_batch_is_outside_a_guardrail(all_lend):
    _weeks(all_lend, 0, 3)
    (told,) = _alerts(all_lend, "guardrail")
    assert (told.severity, told.batch_id) == ("warning", all_lend.batch(0))
    (present,) = [one for one in present_alerts(all_lend.ledger, "small") if one.kind == "guardrail"]
    assert present.message.startswith(told.message)
    assert present.message.endswith(f"It goes on: found in 4 batches so far, the last {all_lend.batch(3)}.")


def test_running_a_batch_again_tells_nothing_again_and_counts_it_once(all_lend):
    _weeks(all_lend, 0, 1)
    _weeks(all_lend, 0, 1)
    (present,) = [one for one in present_alerts(all_lend.ledger, "small") if one.kind == "guardrail"]
    assert "found in 2 batches so far" in present.message


def test_what_somebody_closed_and_goes_on_is_told_again(all_lend):
    _weeks(all_lend, 0, 1)
    (told,) = _alerts(all_lend, "guardrail")
    close_alert(all_lend.ledger, told.alert_id, "head", "should be over")
    _weeks(all_lend, 2, 3)
    assert [one.batch_id for one in _alerts(all_lend, "guardrail")] == [all_lend.batch(0), all_lend.batch(2)]


def test_something_new_beside_what_goes_on_is_told(all_lend):
    _weeks(all_lend, 0, 1)
    shares = {"lend": [0.9, 1.0], "hold": [0.0, 0.01]}
    all_lend.contract(guardrails={"maximum_action_shift": 1.0, "action_share": shares})
    _weeks(all_lend, 2, 3)
    assert [one.batch_id for one in _alerts(all_lend, "guardrail")] == [all_lend.batch(0), all_lend.batch(2)]


def test_what_was_not_found_in_four_batches_is_over(all_lend):
    _weeks(all_lend, 0, 0)
    all_lend.contract(guardrails={**UNGUARDED, "maximum_action_shift": 1.0})
    _weeks(all_lend, 1, 3)
    assert "guardrail" in {one.kind for one in present_alerts(all_lend.ledger, "small")}
    _weeks(all_lend, 4, 4)
    assert "guardrail" not in {one.kind for one in present_alerts(all_lend.ledger, "small")}


def test_a_model_that_cannot_decide_batch_after_batch_is_told_of_once(modelled):
    modelled.contract(guardrails={**UNGUARDED, "action_share": {"lend": [0.0, 0.1]}})
    for week in (3, 4):
        modelled.turn(week)
    (told,) = _alerts(modelled, "guardrail")
    assert (told.severity, told.batch_id) == ("critical", modelled.batch(3))
    (present,) = [one for one in present_alerts(modelled.ledger, "small") if one.kind == "guardrail"]
    assert "The rules decide this batch. It goes on: found in 2 batches so far" in present.message
