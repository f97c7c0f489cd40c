"""Statements that the driver is given as they are: they say, and fail, as SQLAlchemy's do."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import bindparam, func, select
from sqlalchemy.exc import IntegrityError

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
