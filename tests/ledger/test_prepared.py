"""Statements that the driver is given as they are: they say, and fail, as SQLAlchemy's do."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import bindparam, func, select
from sqlalchemy.exc import DBAPIError, IntegrityError, InvalidRequestError

from decisionloop.errors import UsageError
from decisionloop.ledger.schema import stream_segment
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.prepared import Prepared
from decisionloop.ledger.stream import Segment

MOMENT = datetime(2026, 1, 12, 9, 30, 0, 1, UTC)
SECRET = "what nobody may read in a log"


def segment(name, moment=MOMENT, rows=3):
    return Segment(name, "small", moment, rows, "{}", '{"of": "€"}', moment)


def kept(ledger):
    return facts.every(ledger, Segment, stream_segment, order_by=[stream_segment.c.segment_id])


def test_what_is_appended_is_read_back_as_it_was_and_what_was_there_is_no_news(ledger):
    assert facts.add(ledger, stream_segment, [segment("a"), segment("b")]) == 2
    assert facts.add(ledger, stream_segment, [segment("b", rows=4), segment("c")]) == 1
    assert facts.add(ledger, stream_segment, [segment("c")]) == 0
    assert kept(ledger) == (segment("a"), segment("b"), segment("c"))


def test_a_moment_of_another_zone_is_kept_in_utc_and_one_of_none_is_refused(ledger):
    elsewhere = MOMENT.astimezone(timezone(timedelta(hours=8)))
    facts.add(ledger, stream_segment, [segment("a", elsewhere)])
    assert kept(ledger) == (segment("a"),)
    with pytest.raises(UsageError, match="zone"):
        facts.add(ledger, stream_segment, [segment("b", MOMENT.replace(tzinfo=None))])


def test_a_failure_is_sqlalchemys_and_tells_nothing_of_what_was_given(ledger):
    with pytest.raises(IntegrityError) as failure, ledger.begin() as connection:
        facts.add(connection, stream_segment, [segment("a", rows=None), segment(SECRET, rows=None)])
    assert SECRET not in str(failure.value)
    assert kept(ledger) == ()


def test_a_value_may_stand_in_several_places(ledger):
    facts.add(ledger, stream_segment, [segment("a"), segment("b", rows=5)])
    of = stream_segment.c.use_case == bindparam("of")
    both = Prepared(
        lambda _: select(
            select(func.count()).where(of).scalar_subquery(),
            select(func.max(stream_segment.c.rows))
            .where(of, stream_segment.c.rows < bindparam("below"))
            .scalar_subquery(),
        )
    )
    with ledger.connect() as connection:
        assert [tuple(row) for row in both.rows(connection, {"of": "small", "below": 5})] == [(2, 3)]
        assert [tuple(row) for row in both.rows(connection, {"of": "another", "below": 5})] == [(0, None)]


@pytest.mark.parametrize("has_written", [False, True])
def test_a_connection_to_read_writes_nothing_whatever_it_was_used_for_before(ledger, has_written):
    if has_written:
        with ledger.begin() as connection:
            facts.add(connection, stream_segment, [segment("a")])
    with pytest.raises(DBAPIError, match=r"readonly database|read-only transaction"), ledger.connect() as connection:
        facts.add(connection, stream_segment, [segment("b")])
    assert kept(ledger) == ((segment("a"),) if has_written else ())


def test_what_is_read_and_written_is_of_the_transaction_that_the_connection_is_in(ledger):
    every = Prepared(lambda _: select(func.count()).select_from(stream_segment))
    with ledger.connect() as connection:
        assert every.rows(connection, {}) == [(0,)]
        assert connection.in_transaction()
    with ledger.engine.connect() as connection:
        connection.execution_options(is_ledger_write=True)
        facts.add(connection, stream_segment, [segment("a")])
        connection.rollback()
        facts.add(connection, stream_segment, [segment("b")])
        connection.commit()
    assert kept(ledger) == (segment("b"),)


def test_after_the_end_of_a_transaction_nothing_is_written_in_its_name(ledger):
    with ledger.begin() as connection:
        connection.get_transaction().rollback()
        with pytest.raises(InvalidRequestError):
            facts.add(connection, stream_segment, [segment("a")])
    assert kept(ledger) == ()
