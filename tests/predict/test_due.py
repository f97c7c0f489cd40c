"""Spans of time, and who of those that are due in one is left to decide."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from decisionloop.predict.due import MOMENT, HeldBatch, Span, length_of, split_due

START = datetime(2024, 1, 1, tzinfo=UTC)
HOURS = st.integers(0, 60)


def span(after: int, until: int) -> Span:
    return Span(START + timedelta(hours=after), START + timedelta(hours=until))


@st.composite
def spans(draw):
    after = draw(HOURS)
    return span(after, after + draw(st.integers(1, 30)))


def holds(one: Span, hour: int) -> bool:
    return one.after < START + timedelta(hours=hour) <= one.until


@given(spans(), st.lists(spans(), max_size=4))
def test_what_is_left_of_a_span_is_what_no_other_covers(whole, others):
    left = whole.less(others)
    for hour in range(100):
        expected = holds(whole, hour) and not any(holds(one, hour) for one in others)
        assert any(holds(part, hour) for part in left) == expected
    assert list(left) == sorted(left)
    assert length_of(left) <= whole.length


@given(st.integers(1, 400 * 86_400 * 10**6))
def test_a_source_is_never_asked_for_more_than_the_span(microseconds):
    one = Span(START - timedelta(microseconds=microseconds), START)
    after = pd.Timestamp(START) - pd.Timedelta(days=one.days)
    assert one.after < after < one.after + MOMENT  # times are whole microseconds: it asks for those of the span


OCCURRENCES = st.dictionaries(st.sampled_from("abcdef"), st.sets(st.integers(1, 90), min_size=1, max_size=4))


@given(spans(), OCCURRENCES, st.lists(st.tuples(spans(), st.sets(st.sampled_from("abcdef"))), max_size=3))
def test_an_entity_is_left_exactly_where_it_fell_due_outside_of_what_decided_it(whole, occurrences, decided):
    def ask(part: Span) -> pd.Series:
        return pd.Series([e for e, hours in occurrences.items() if any(holds(part, h) for h in hours)], dtype="str")

    held = [HeldBatch(f"b{i}", one, pd.Series(sorted(e), dtype="str")) for i, (one, e) in enumerate(decided)]
    split = split_due(ask(whole), whole, held, ask)
    for entity in ask(whole):
        mine = [one for one, entities in decided if entity in entities]
        open_ones = [h for h in occurrences[entity] if holds(whole, h) and not any(holds(one, h) for one in mine)]
        assert (entity in set(split.left)) == bool(open_ones)
    assert split.decided_before == len(ask(whole)) - len(split.left)


def test_who_was_decided_in_several_batches_is_counted_in_the_last_of_them():
    everyone = pd.Series(["a", "b"], dtype="str")
    held = [HeldBatch("first", span(0, 10), everyone), HeldBatch("second", span(5, 20), everyone[:1])]
    told = split_due(everyone, span(2, 9), held, lambda part: everyone[:0])
    assert told.decided_in == (("first", 1), ("second", 1))


def test_a_source_that_takes_no_notice_of_spans_is_believed_by_halves():
    everyone = pd.Series(["a", "b", "c"], dtype="str")
    for hours, is_left in ((1, False), (12, False), (13, True), (24, True)):
        held = [HeldBatch("before", span(0, 24), everyone)]
        told = split_due(everyone, span(hours, 24 + hours), held, lambda part: everyone)
        assert (len(told.left) == 3) == is_left
