"""Who waits for a decision, who is decided together, and who is decided while a large request is."""

import pytest

from decisionloop.ledger.schema import utc_now
from decisionloop.stream.asked import Asked, AskedRow, Busy
from decisionloop.stream.waiting import LARGE_ROWS, MOST_WAITING, Waiting


def asked(*entities, moment=None):
    return Asked([AskedRow(one, {}) for one in entities], moment, None, "")


def large(name="large"):
    return asked(*(f"{name}-{i}" for i in range(LARGE_ROWS + 1)))


def waiting_of(*requests):
    waiting = Waiting()
    for one in requests:
        waiting.add(one)
    return waiting


def test_those_who_wait_for_different_entities_are_decided_together():
    first, second, same = asked("a"), asked("b", "c"), asked("a")
    waiting = waiting_of(first, second, same)
    assert waiting.next() == [first, second]
    assert waiting.next() == [same]


def test_a_moment_of_its_own_and_a_large_request_stand_alone():
    as_of, many, last = asked("a", moment=utc_now()), large(), asked("b")
    waiting = waiting_of(as_of, many, last)
    assert [waiting.next() for _ in range(3)] == [[as_of], [many], [last]]


def test_meanwhile_nobody_large_is_decided_and_nobody_is_waited_for():
    many, small, more = large("x"), asked("a"), asked("b")
    waiting = waiting_of(many, small, more)
    assert waiting.meanwhile() == [small, more]
    assert waiting.meanwhile() == []
    assert waiting.next() == [many]


def test_who_gave_up_is_not_decided():
    gone, left = asked("a"), asked("b")
    waiting = waiting_of(gone, left)
    gone.told.cancel()
    assert waiting.next() == [left]


def test_past_the_queue_nobody_is_let_in_until_somebody_was_taken_out():
    waiting = waiting_of(*(asked(f"e{i}") for i in range(MOST_WAITING)))
    with pytest.raises(Busy):
        waiting.add(asked("one more"))
    waiting.next()
    waiting.add(asked("one more"))


def test_at_the_end_those_who_wait_are_still_decided_and_nobody_else_comes():
    last = asked("a")
    waiting = waiting_of(last)
    waiting.end()
    with pytest.raises(Busy):
        waiting.add(asked("b"))
    assert waiting.next() == [last]
    assert waiting.next() is None


def test_who_is_called_goes_on_without_anybody():
    waiting = Waiting()
    waiting.call()
    assert waiting.next() == []
