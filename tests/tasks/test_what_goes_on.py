"""What is wrong in batch after batch, while rules decide anyway, is told once, and that it goes on is said."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta

import pytest

from decisionloop.ledger.alert_events import close_alert
from decisionloop.ledger.alerts import alerts
from decisionloop.ledger.flags import KILL_SWITCH, NewFlag, put_flag, set_flag
from decisionloop.ledger.going_on import GOES_ON
from decisionloop.ledger.measurements import measurements_of
from decisionloop.ledger.present_alerts import present_alerts
from decisionloop.ledger.releases import standing
from decisionloop.ledger.schema import utc_now
from tasks.predict.freeze import UNDATED
from tasks.predict.unreadable import tell_of_unreadable
from tasks.readback.batch_in_hand import batch_in_hand
from tests.tasks.installation import UNGUARDED

pytestmark = pytest.mark.xdist_group("loop")

ROWS = 600
"""Of each week."""


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


@pytest.fixture
def on_one_side(modelled):
    """A model whose weeks 3 and 5 are above the share of lend that its contract allows, and whose week 4 is below."""
    modelled.contract(guardrails={**UNGUARDED, "action_share": {"lend": [0.4, 0.5]}})
    for week, debt in ((3, 0.5), (4, 9.5), (5, 0.5)):
        modelled.written.set("debt", debt, week)
    return modelled


def _told_in(installation, kind="guardrail"):
    return [one.batch_id for one in _alerts(installation, kind) if one.severity == "critical"]


def test_what_is_critical_goes_on_and_was_closed_is_told_again_whatever_was_told_in_between(on_one_side):
    _weeks(on_one_side, 3, 4)
    first, second = _alerts(on_one_side, "guardrail")
    assert ("largest share" in first.message, "smallest share" in second.message) == (True, True)
    close_alert(on_one_side.ledger, first.alert_id, "head", "should be over")
    _weeks(on_one_side, 5, 5)
    assert _told_in(on_one_side) == [on_one_side.batch(week) for week in (3, 4, 5)]


def test_what_is_still_open_is_not_told_again_because_something_else_was_closed(on_one_side):
    _weeks(on_one_side, 3, 4)
    close_alert(on_one_side.ledger, _alerts(on_one_side, "guardrail")[1].alert_id, "head", "should be over")
    _weeks(on_one_side, 5, 5)
    assert _told_in(on_one_side) == [on_one_side.batch(week) for week in (3, 4)]
    (present,) = [one for one in present_alerts(on_one_side.ledger, "small") if one.kind == "guardrail"]
    assert f"It goes on: found in 2 batches so far, the last {on_one_side.batch(5)}." in present.message


@pytest.mark.parametrize("way", ["turned off", "ended by itself"])
def test_what_is_critical_is_told_anew_once_the_kill_switch_has_ended(on_one_side, way):
    _weeks(on_one_side, 3, 3)
    if way == "turned off":
        set_flag(on_one_side.ledger, "small", KILL_SWITCH, "on", "stop", "anna")
        _weeks(on_one_side, 4, 4)
        set_flag(on_one_side.ledger, "small", KILL_SWITCH, "off", "mended", "anna")
    else:
        soon = utc_now() + timedelta(milliseconds=50)
        put_flag(on_one_side.ledger, NewFlag("small", KILL_SWITCH, "on", "stop", "anna", until=soon))
        while utc_now() <= soon:
            time.sleep(0.01)
    _weeks(on_one_side, 5, 5)
    assert _told_in(on_one_side) == [on_one_side.batch(3), on_one_side.batch(5)]


def test_while_the_kill_switch_has_not_ended_what_goes_on_beside_it_is_told_once(all_lend):
    _weeks(all_lend, 0, 0)
    set_flag(all_lend.ledger, "small", KILL_SWITCH, "on", "stop", "anna")
    set_flag(all_lend.ledger, "small", KILL_SWITCH, "off", "mended", "anna")
    _weeks(all_lend, 1, 2)
    assert [one.batch_id for one in _alerts(all_lend, "guardrail")] == [all_lend.batch(0)]


def test_each_constraint_that_cannot_be_kept_is_told(modelled):
    def constraint(action):
        share = {"kind": "share", "action": action, "minimum": 1.0}
        modelled.contract(guardrails=UNGUARDED, policy={"constraints": [share]})

    for week, action in ((3, "lend"), (4, "hold"), (5, "hold")):
        constraint(action)
        _weeks(modelled, week, week)
    assert _told_in(modelled, "constraint") == [modelled.batch(3), modelled.batch(4)]


def _with_unreadable(installation, rows_of_weeks):
    installation.contract(guardrails=UNGUARDED)
    for week, rows in rows_of_weeks.items():
        installation.written.set("debt", "12x", week, slice(0, rows))
    _weeks(installation, min(rows_of_weeks), max(rows_of_weeks))
    return [one.batch_id for one in _alerts(installation, "validation")]


def test_ten_times_as_many_unreadable_rows_are_told_and_fewer_are_counted(small):
    told = _with_unreadable(small, {0: 2, 1: 18, 2: 20, 3: 30})
    assert told == [small.batch(0), small.batch(2)]
    (present,) = [one for one in present_alerts(small.ledger, "small") if one.kind == "validation"]
    newest = f"the last {small.batch(3)} (cells of debt: 30 of {ROWS} rows)."
    assert present.message.endswith(f"It goes on: found in 2 batches so far, {newest}")


def test_what_a_models_batch_is_handed_over_for_is_that_of_its_release(on_one_side):
    _weeks(on_one_side, 3, 3)
    champion = standing(on_one_side.ledger, "small").champion.release
    (found,) = measurements_of(on_one_side.ledger, "small", GOES_ON)["slice"]
    assert found == f"critical guardrail: largest share of lend, {champion.release_id}"


def test_what_is_critical_is_still_shown_of_a_batch_that_was_begun_anew_and_has_it_again(modelled):
    modelled.written.set("debt", 9.5, 3)
    modelled.predict(3)
    modelled.contract(policy={"holdout_share": 0.06})
    _weeks(modelled, 3, 3)
    assert [one.batch_id for one in present_alerts(modelled.ledger, "small") if one.kind == "drift"] == [
        modelled.batch(3)
    ]


def test_ten_times_as_many_rows_without_a_readable_time_are_told(small):
    for week, undated in enumerate([2, 15, 30]):
        small.predict(week)
        hand = batch_in_hand(small.workspace, small.batch(week))
        tell_of_unreadable(replace(hand, details={"frozen": {UNDATED: undated}}), {}, ROWS - undated)
    assert [one.batch_id for one in _alerts(small, "validation")] == [small.batch(0), small.batch(2)]
