"""What goes on is told while an alert that people see tells of it: of the same, in about as many rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest

from decisionloop.ledger.alert_events import close_alert
from decisionloop.ledger.alerts import NewAlert, alerts, append_alert
from decisionloop.ledger.batches import append_batch_event, open_batch
from decisionloop.ledger.going_on import Found, is_told, note_found
from decisionloop.ledger.present_alerts import present_alerts
from decisionloop.ledger.storage.engine import Ledger
from tests.ledger.conftest import AS_OF, CONTRACT, USE_CASE

Week = Callable[..., bool]


@pytest.fixture(params=["warning", "critical"])
def week(ready: Ledger, request: pytest.FixtureRequest) -> Week:
    """What is found in the batch of a week, told as the tasks tell it; returns whether an alert was raised."""

    def found_in(number: int, found: Sequence[Found]) -> bool:
        batch = open_batch(ready, USE_CASE, AS_OF + timedelta(days=7 * number), CONTRACT)
        append_batch_event(ready, batch.batch_id, "validated")
        new = NewAlert(request.param, "guardrail", f"{found}", "Mend it.", batch.batch_id)
        note_found(ready, batch, new, found)
        is_known = is_told(ready, batch, new, found, present_alerts(ready, USE_CASE))
        return not is_known and append_alert(ready, USE_CASE, new)

    return found_in


def _rows(*counts: int) -> list[list[Found]]:
    return [[Found("cells of debt", count, 1_000)] for count in counts]


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        ((1, 9, 10, 99, 100), [0, 2, 4]),
        ((100, 499, 500, 1_000), [0, 2]),
        ((600, 10, 900), [0]),
        ((10, 1, 11, 100), [0, 3]),
    ],
)
def test_ten_times_the_share_that_was_told_or_half_of_the_rows_is_new(week: Week, counts, told) -> None:
    assert [number for number, found in enumerate(_rows(*counts)) if week(number, found)] == told


def test_alerts_that_tell_of_one_thing_in_common_are_not_raised_by_turns(week: Week) -> None:
    first, second = [Found("a"), Found("b")], [Found("b"), Found("c")]
    assert [week(number, found) for number, found in enumerate([first, second, first, second])] == [
        True, True, False, False,
    ]  # fmt: skip


@pytest.mark.parametrize("closed", [0, 1])
def test_of_two_things_the_one_whose_alert_was_closed_is_told_again(ready: Ledger, week: Week, closed: int) -> None:
    a, b = [Found("a")], [Found("b")]
    assert [week(0, a), week(1, b)] == [True, True]
    close_alert(ready, alerts(ready, USE_CASE)[closed].alert_id, "head", "should be over")
    assert [week(2, a), week(3, b)] == [closed == 0, closed == 1]


def test_what_was_told_but_was_not_found_in_four_batches_is_told_anew(week: Week) -> None:
    assert [week(number, [Found(name)]) for number, name in enumerate("abbbba")] == [True, True, *[False] * 3, True]


def test_a_killed_run_that_noted_what_it_did_not_tell_leaves_it_to_the_next_batch(ready: Ledger, week: Week) -> None:
    batch = open_batch(ready, USE_CASE, AS_OF, CONTRACT)
    append_batch_event(ready, batch.batch_id, "validated")
    for severity in ("warning", "critical"):
        note_found(ready, batch, NewAlert(severity, "guardrail", "a", "Mend it.", batch.batch_id), [Found("a")])
    assert week(1, [Found("a")])
