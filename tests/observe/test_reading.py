"""What was read before need not be matched again, and whatever was not is: in any order, however late it was loaded."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisionloop.observe.intake import Recorded, match_outcomes
from decisionloop.observe.reading import Reading, oldest_decision, unread
from tests.examples import examples
from tests.observe.test_intake import DECISIONS, NOTHING_RECORDED, ROWS, _day, _outcome, _outcomes, use_case

__all__ = ["use_case"]

EARLIER, NOW = _day(20), _day(60)


def test_of_what_was_read_only_what_is_seen_since_is_left():
    rows = _outcomes(_outcome(5), _outcome(20, entity="b"), _outcome(25))
    left = unread(rows, Reading.of(rows.iloc[::-1], EARLIER))
    assert left["observed_at"].tolist() == [_day(25)]


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: pd.concat([rows, _outcomes(_outcome(4, entity="b"))]),
        lambda rows: rows.iloc[1:],
        lambda rows: rows.assign(outcome_class=[1, 1, 1]),
        lambda rows: rows.assign(happened_at=[_day(4), pd.NaT, pd.NaT]),
    ],
    ids=["loaded late", "gone", "changed in place", "another time"],
)
def test_where_what_was_read_has_changed_everything_is_read_again(change):
    rows = _outcomes(_outcome(5, 0), _outcome(9), _outcome(25))
    assert len(unread(change(rows), Reading.of(rows, EARLIER))) == len(change(rows))


def test_with_a_new_outcome_come_those_of_its_entitys_later_rows():
    """By them one tells whether its row is the one that was decided by."""
    rows = _outcomes(_outcome(5, time=0), _outcome(9, time=5), _outcome(9, entity="b", time=5), _outcome(25, time=3))
    left = unread(rows, Reading.of(rows, EARLIER))
    assert left["decision_time"].tolist() == [_day(5), _day(3)]


def test_the_first_reading_reads_everything():
    rows = _outcomes(_outcome(5), _outcome(25))
    assert len(unread(rows, None)) == 2


@examples(20)
@given(ROWS, st.sampled_from([0, 5, 8, 9, 25, 40]))
def test_two_readings_of_what_is_new_end_like_one_of_everything(use_case, rows, day):
    """The narrow reading is exact: the same latest outcomes, from the decisions that new rows may belong to alone."""
    outcomes, between = _outcomes(*rows), _day(day)
    whole = match_outcomes(outcomes, DECISIONS, Recorded(NOTHING_RECORDED), use_case, NOW).revisions
    had = outcomes[pd.to_datetime(outcomes["observed_at"], utc=True) <= between]
    early = match_outcomes(had, DECISIONS, Recorded(NOTHING_RECORDED), use_case, between).revisions
    new = unread(outcomes, Reading.of(had, between))
    oldest = oldest_decision(new, use_case)
    near = DECISIONS[DECISIONS["as_of"] >= (NOW if oldest is None else oldest)]
    late = match_outcomes(new, near, Recorded(early), use_case, NOW)
    if late.counts.unknown:
        late = match_outcomes(new, DECISIONS, Recorded(early), use_case, NOW)
    together = pd.concat([early, late.revisions]).sort_values(["decision_id", "revision"], ignore_index=True)
    pd.testing.assert_frame_equal(together, whole, check_dtype=False)
