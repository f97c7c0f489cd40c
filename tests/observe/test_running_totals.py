"""Where the rows of an outcome are parts, what is recorded is their total: in any order, read in any portions."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisionloop.contract import UseCase
from decisionloop.observe.intake import Intake, Recorded, match_outcomes
from decisionloop.observe.matching import match_decisions
from decisionloop.observe.reading import Reading, oldest_decision, unread
from tests.examples import examples
from tests.observe.test_intake import AS_OF, DECISIONS, NOTHING_RECORDED, _day, _nonzero, _outcome, _outcomes, _use_case

AMOUNT = {"column": "paid", "unit": "EUR", "rows": "sum"}
USE_CASE = _use_case({"amount": AMOUNT}, "amount", "amount")


def _paid(observed, amount, decision_id="a7", **others):
    return _outcome(observed, None, amount=amount, decision_id=decision_id, **others)


def _take(*rows, recorded=NOTHING_RECORDED, use_case: UseCase = USE_CASE, as_of=AS_OF) -> Intake:
    return match_outcomes(_outcomes(*rows), DECISIONS, Recorded(recorded), use_case, as_of)


def _told(intake: Intake) -> list[list[object]]:
    return intake.revisions[["decision_id", "revision", "amount", "observed_at", "kind"]].to_numpy().tolist()


def test_each_row_is_recorded_as_the_total_until_then_and_is_no_contradiction():
    intake = _take(_paid(10, 40.0), _paid(8, 110.0), _paid(9, 110.0), _paid(9, 7.0, "b7", entity="b"))
    assert _told(intake) == [
        ["a7", 1, 110.0, _day(8), "first"],
        ["a7", 2, 220.0, _day(9), "added"],
        ["a7", 3, 260.0, _day(10), "added"],
        ["b7", 1, 7.0, _day(9), "first"],
    ]
    assert _nonzero(intake.counts) == {"matched": 4, "first": 4}
    assert intake.problems == ()


def test_rows_of_one_time_are_one_total_and_a_refund_lowers_it():
    intake = _take(_paid(8, 100.0), _paid(8, -30.0), _paid(9, -70.0))
    assert [one[2] for one in _told(intake)] == [70.0, 0.0]


def test_a_row_that_is_loaded_late_with_an_earlier_time_revises_the_total_from_its_time_on():
    first = _take(_paid(8, 30.0), _paid(10, 100.0)).revisions
    again = _take(_paid(8, 30.0), _paid(10, 100.0), _paid(9, 5.0), recorded=first)
    assert _told(again) == [["a7", 3, 35.0, _day(9), "added"], ["a7", 4, 135.0, _day(10), "added"]]
    both = pd.concat([first, again.revisions])
    assert [_known(both, day).get("a7") for day in (7, 8, 9, 10)] == [None, 30.0, 35.0, 135.0]


def test_a_row_that_is_written_over_revises_the_total():
    first = _take(_paid(8, 30.0), _paid(10, 100.0)).revisions
    assert [one[2] for one in _told(_take(_paid(8, 20.0), _paid(10, 100.0), recorded=first))] == [20.0, 120.0]


def test_what_happens_after_the_window_is_not_added():
    intake = _take(_paid(8, 30.0), _paid(17.1, 100.0), _paid(16, 1.0))
    assert [one[2] for one in _told(intake)] == [30.0, 31.0]
    assert _nonzero(intake.counts) == {"matched": 2, "first": 2, "after_window": 1}


def test_a_copy_counts_once_and_is_a_duplicate():
    rows = _outcomes(_paid(8, 30.0), _paid(8, 30.0), _paid(9, 30.0)).assign(is_copy=[False, True, False])
    intake = match_outcomes(rows, DECISIONS, Recorded(NOTHING_RECORDED), USE_CASE, AS_OF)
    assert [one[2] for one in _told(intake)] == [30.0, 60.0]
    assert _nonzero(intake.counts) == {"matched": 3, "first": 2, "duplicate": 1}


def test_one_yes_is_a_yes():
    use_case = _use_case({"amount": AMOUNT, "class": {"column": "has_paid", "wording": "paid"}}, "amount", "amount")
    rows = [
        _outcome(observed, said, amount=amount, decision_id="a7")
        for observed, said, amount in ((8, 0, None), (9, 1, 50.0), (10, 0, -20.0))
    ]
    told = _take(*rows, use_case=use_case).revisions[["outcome_class", "amount"]].to_numpy().tolist()
    assert told == [[0, 0], [1, 50], [1, 30]]


def test_a_posted_amount_is_refused_and_what_else_is_posted_is_not():
    rows = _outcomes(_paid(8, 30.0), _paid(9, 40.0)).assign(said_at=[pd.NaT, _day(10)])
    intake = match_outcomes(rows, DECISIONS, Recorded(NOTHING_RECORDED), USE_CASE, AS_OF)
    assert [one[2] for one in _told(intake)] == [30.0]
    assert "outcome.amount.rows: sum" in intake.of_row[1].why


def test_what_was_refused_before_is_not_told_again_beside_a_new_row_of_the_same_entity():
    rows = _outcomes(_paid(8, 30.0), _paid(18, 9.0), _paid(5, 1.0, "zz"), _paid(16, 12.0))
    recorded = match_outcomes(rows[:3], DECISIONS, Recorded(NOTHING_RECORDED), USE_CASE, AS_OF).revisions
    late = rows.assign(observed_at=[*rows["observed_at"][:3], _day(40)], happened_at=[None, None, None, _day(16)])
    new = unread(late, Reading.of(late, _day(30)), are_rows_added=True)
    intake = match_outcomes(new, DECISIONS, Recorded(recorded), USE_CASE, AS_OF)
    assert _told(intake) == [["a7", 2, 42.0, _day(40), "added"]]
    assert (intake.counts.rows_read, _nonzero(intake.counts)) == (1, {"matched": 1, "late": 1})
    assert len(intake.of_row) == len(new)


PARTS = st.lists(
    st.builds(
        _outcome,
        st.sampled_from([8, 9, 10, 16, 25, 40, 7, 61]),
        st.none(),
        entity=st.sampled_from(["a", "a", "b", "c"]),
        decision_id=st.sampled_from([None, None, "a7", "a0", "b7", "zz"]),
        amount=st.integers(-4000, 9000).map(lambda cents: cents / 100),
        happened=st.sampled_from([None, 8, 9, 16, 30]),
    ),
    max_size=14,
)


def _totals(outcomes: pd.DataFrame, as_of: pd.Timestamp) -> dict[str, float]:
    """The sum of all rows of each decision that belong to it."""
    decision = match_decisions(outcomes, DECISIONS, USE_CASE, as_of).decision
    found = outcomes["amount"][decision >= 0].groupby(DECISIONS["decision_id"].to_numpy()[decision[decision >= 0]])
    return {str(name): pytest.approx(total, abs=1e-9) for name, total in found.sum().items()}


def _known(revisions: pd.DataFrame, day: float) -> dict[str, float]:
    """What a look at a day finds: of what was seen by then the last revision."""
    return _state(revisions[revisions["observed_at"] <= _day(day)])


def _state(revisions: pd.DataFrame) -> dict[str, float]:
    return revisions.sort_values("revision").groupby("decision_id")["amount"].last().to_dict()


@examples(30)
@given(PARTS, st.randoms(use_true_random=False))
def test_the_last_revision_is_the_total_whatever_the_order_of_rows(rows, random):
    shuffled = list(rows)
    random.shuffle(shuffled)
    one, other = _take(*rows), _take(*shuffled)
    assert _state(one.revisions) == _totals(_outcomes(*rows), AS_OF)
    pd.testing.assert_frame_equal(one.revisions, other.revisions)
    assert one.counts == other.counts
    again = _take(*rows, recorded=one.revisions)
    assert again.revisions.empty


@examples(30)
@given(PARTS, st.integers(0, 14), st.sampled_from([8, 10, 16, 25, 40]))
def test_rows_that_come_late_and_in_portions_end_at_the_total(rows, cut, day):
    """Read on ``day`` what is there until ``cut``, then what was added, of earlier times as well."""
    had, every, between = _outcomes(*rows[:cut]), _outcomes(*rows), _day(day)
    shown = had[had["observed_at"] <= between]
    early = match_outcomes(shown, DECISIONS, Recorded(NOTHING_RECORDED), USE_CASE, between).revisions
    assert _state(early) == _totals(shown, between)
    new = unread(every, Reading.of(shown, between), are_rows_added=True)
    oldest = oldest_decision(new, USE_CASE)
    near = DECISIONS[DECISIONS["as_of"] >= (AS_OF if oldest is None else oldest)]
    late = match_outcomes(new, near, Recorded(early), USE_CASE, AS_OF)
    if late.counts.unknown:
        late = match_outcomes(new, DECISIONS, Recorded(early), USE_CASE, AS_OF)
    together = pd.concat([early, late.revisions])
    assert not together.duplicated(["decision_id", "revision"]).any()
    assert _state(together) == _totals(every, AS_OF)
    for day_after in (8, 9, 10, 16, 25, 40, 60):
        assert _known(together, day_after) == _totals(every[every["observed_at"] <= _day(day_after)], AS_OF)
    again = match_outcomes(every, DECISIONS, Recorded(together), USE_CASE, AS_OF)
    assert again.revisions.empty
