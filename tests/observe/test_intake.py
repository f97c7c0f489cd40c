"""Outcomes find their decision, and what is recorded does not depend on when or how often they are read."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisionloop.contract import UseCase
from decisionloop.errors import SourceError
from decisionloop.observe.intake import RECORDED_COLUMNS, Recorded, match_outcomes
from tests.examples import examples

START = pd.Timestamp("2005-06-01", tz="UTC")
AS_OF = START + pd.Timedelta(days=60)
NOTHING_RECORDED = pd.DataFrame({name: [] for name in RECORDED_COLUMNS})
WINDOW_DAYS, MATURITY_DAYS, COVERS_DAYS = 10, 20, 7


def _day(days: float | None) -> pd.Timestamp | None:
    return None if days is None else START + pd.Timedelta(days=days)


@pytest.fixture(scope="session")
def use_case() -> UseCase:
    return _use_case({"class": {"column": "bought", "wording": "bought"}}, "outcome", "outcome")


def _use_case(outcome: dict[str, object], call: str, mail: str) -> UseCase:
    days = {"window_days": WINDOW_DAYS, "maturity_days": MATURITY_DAYS}
    return UseCase.model_validate(
        {
            "name": "offers",
            "version": 1,
            "title": "-",
            "description": "-",
            "entity": {"key": "client_id", "noun": "client"},
            "features": [{"name": "spend", "type": "number", "wording": "-", "purpose": "-"}],
            "outcome": outcome | days,
            "actions": [
                {"name": "nothing", "wording": "-", "is_default": True, "reveals_outcome": False},
                {"name": "call", "wording": "-", "reveals_outcome": True},
                {"name": "mail", "wording": "-", "reveals_outcome": True},
            ],
            "model": {"action_as": "input"},
            "economics": {
                "currency": "EUR",
                "value": {"nothing": "0", "call": call, "mail": mail},
                "explanation": "-",
            },
            "policy": {"exploration": {"kind": "uniform", "share": 0.1}, "holdout_share": 0.0},
            "guardrails": {},
            "data_quality": {"rows": [1, 9], "maximum_age_days": 30},
            "schedule": {"cron": "0 6 * * 1", "covers_days": COVERS_DAYS},
            "actuator": {"kind": "file"},
            "source": {"kind": "custom"},
            "approval": {"owner": "o", "approvers": ["a"]},
        }
    )


def _outcome(observed, outcome_class=1, *, entity="a", decision_id=None, time=None, amount=None, happened=None):
    return {
        "entity_id": entity,
        "decision_time": _day(time),
        "decision_id": decision_id,
        "outcome_class": outcome_class,
        "amount": amount,
        "observed_at": _day(observed),
        "happened_at": _day(happened),
    }


def _outcomes(*rows):
    return pd.DataFrame(list(rows), columns=list(_outcome(0)))


# a is decided on days 0, 7 and 14 (the last reveals nothing), b on day 7
DECISIONS = pd.DataFrame(
    [("a0", "a", 0, "call"), ("a7", "a", 7, "mail"), ("a14", "a", 14, "nothing"), ("b7", "b", 7, "call")],
    columns=["decision_id", "entity_id", "as_of", "action"],
).assign(as_of=lambda frame: frame["as_of"].map(_day))


def _take(use_case, *rows, recorded=NOTHING_RECORDED, decisions=DECISIONS):
    return match_outcomes(_outcomes(*rows), decisions, Recorded(recorded), use_case, AS_OF)


def _nonzero(counts):
    return {name: value for name, value in vars(counts).items() if value and name != "rows_read"}


@pytest.mark.parametrize(
    ("row", "decision_id"),
    [
        (_outcome(8, decision_id="a7"), "a7"),
        (_outcome(9, decision_id="a0", time=7), "a0"),
        (_outcome(9, time=0), "a0"),
        (_outcome(9, time=7), "a7"),
        (_outcome(9, time=0.5), "a7"),
        (_outcome(9, time=6.9, entity="b"), "b7"),
        (_outcome(5), "a0"),
        (_outcome(7), "a0"),
        (_outcome(7.1), "a7"),
        (_outcome(17), "a7"),
        (_outcome(16, entity="b"), "b7"),
        (_outcome(60, decision_id="a0", happened=10), "a0"),
        (_outcome(60, time=7, happened=17), "a7"),
        (_outcome(60, happened=6), "a0"),
        (_outcome(60, happened=17, entity="b"), "b7"),
        (_outcome(9, happened=11, entity="b"), "b7"),
    ],
    ids=[
        "by id",
        "the id goes before the time",
        "at the decision's time",
        "at another decision's time",
        "fell due before the batch",
        "fell due just after the batch before",
        "within the window",
        "on the day of a decision it belongs to the one before",
        "in two windows the later counts",
        "the window's end counts, and a decision that reveals nothing does not",
        "another entity",
        "it happened in the window and is seen late, by id",
        "it happened in the window and is seen late, by time",
        "what counts is the decision before it happened",
        "it happened at the window's end",
        "what is seen has happened, whatever its date says",
    ],
)
def test_an_outcome_finds_its_decision(use_case, row, decision_id):
    intake = _take(use_case, row)
    assert intake.revisions["decision_id"].tolist() == [decision_id]
    assert intake.counts.matched == 1


def test_an_outcome_of_an_action_that_the_contract_no_longer_has_is_taken(use_case):
    dropped = use_case.model_copy(update={"actions": tuple(one for one in use_case.actions if one.name != "call")})
    intake = _take(dropped, _outcome(5, decision_id="a0"))
    assert intake.revisions["decision_id"].tolist() == ["a0"]


@pytest.mark.parametrize(
    ("row", "kind", "reason"),
    [
        (_outcome(5, decision_id="zz"), "unknown", "no decision has its decision_id"),
        (_outcome(5, decision_id="zz", time=0), "unknown", "no decision has its decision_id"),
        (_outcome(30, time=0, entity="zz"), "unknown", "no decision at its decision_time"),
        (_outcome(30, time=0, entity="b"), "unknown", "no decision at its decision_time"),
        (_outcome(30, time=20), "unknown", "no decision at its decision_time"),
        (_outcome(0), "unknown", "revealing action before it"),
        (_outcome(5, entity=None), "unknown", "revealing action before it"),
        (_outcome(9, happened=0, decision_id="b7", entity="b"), "invalid", "before its decision"),
        (_outcome(5, 2, decision_id="a0"), "invalid", "neither 0 nor 1"),
        (_outcome(5, None, decision_id="a0"), "invalid", "neither 0 nor 1"),
        (_outcome(5, "yes", decision_id="zz"), "invalid", "neither 0 nor 1"),
        (_outcome(None, decision_id="a0"), "invalid", "missing or unreadable"),
        (_outcome(61, decision_id="a0"), "invalid", "after the intake's as-of"),
        (_outcome(6, decision_id="a7"), "invalid", "before its decision"),
        (_outcome(20, decision_id="a14"), "invalid", "reveals no outcome"),
        (_outcome(20, time=14), "invalid", "reveals no outcome"),
        (_outcome(20, decision_id="b7"), "invalid", "another entity"),
    ],
)
def test_what_cannot_be_taken_is_counted_with_its_reason(use_case, row, kind, reason):
    intake = _take(use_case, row)
    assert _nonzero(intake.counts) == {kind: 1}
    assert intake.revisions.empty
    (problem,) = intake.problems
    assert problem.startswith(f"1 {kind}: ")
    assert reason in problem


@pytest.mark.parametrize(
    "row",
    [
        _outcome(10.1, decision_id="a0"),
        _outcome(10.1, time=0),
        _outcome(17.1),
        _outcome(60, happened=10.1, decision_id="a0"),
        _outcome(60, happened=17.1, time=7),
        _outcome(60, happened=17.1, entity="b"),
    ],
)
def test_what_happened_after_the_window_is_refused_however_it_was_found(use_case, row):
    """So that a cohort's label does not change its meaning with age."""
    intake = _take(use_case, row)
    assert _nonzero(intake.counts) == {"after_window": 1}
    assert intake.revisions.empty
    assert intake.problems == ("1 after the window: seen after the window of 10 days",)


def test_where_the_contract_knows_when_it_happened_the_refusal_says_so(use_case):
    outcome = use_case.outcome.model_copy(update={"happened_at": "happened_at"})
    knowing = use_case.model_copy(update={"outcome": outcome})
    (problem,) = _take(knowing, _outcome(60, happened=10.1, decision_id="a0")).problems
    assert problem == "1 after the window: happened after the window of 10 days"


def test_closed_days_bound_how_late_an_outcome_may_be_seen(use_case):
    outcome = use_case.outcome.model_copy(update={"closed_days": 40})
    closing = use_case.model_copy(update={"outcome": outcome})
    rows = [_outcome(40, decision_id="a0", happened=5), _outcome(47.1, decision_id="a7", happened=9)]
    intake = _take(closing, *rows)
    assert intake.revisions["decision_id"].tolist() == ["a0"]
    assert "outcome.closed_days" in intake.problems[0]


def test_when_it_happened_is_recorded_with_the_revision_and_nothing_where_nobody_says(use_case):
    rows = [_outcome(30, decision_id="a0", happened=5), _outcome(9, decision_id="a7")]
    revisions = _take(use_case, *rows).revisions
    assert revisions["happened_at"].iloc[0] == _day(5)
    assert pd.isna(revisions["happened_at"].iloc[1])


def test_problems_name_nobody(use_case):
    rows = [_outcome(5, 2, entity="Erika Mustermann"), _outcome(5, entity="Erika Mustermann")]
    assert "Erika" not in " ".join(_take(use_case, *rows).problems)


def test_late_is_what_was_seen_after_maturity(use_case):
    intake = _take(use_case, _outcome(20, decision_id="a0", happened=9), _outcome(27.1, decision_id="a7", happened=9))
    assert intake.revisions["kind"].tolist() == ["first", "late"]
    assert _nonzero(intake.counts) == {"matched": 2, "first": 1, "late": 1}


def test_late_is_what_was_seen_after_it_was_due_where_rows_fall_due_one_by_one(use_case):
    due = DECISIONS.assign(due_at=[_day(3), _day(27), _day(20), _day(20)])
    rows = [_outcome(9, decision_id="a0"), _outcome(16, decision_id="a7")]
    assert _take(use_case, *rows, decisions=due).revisions["kind"].tolist() == ["late", "first"]


def test_the_same_said_again_is_a_duplicate_and_something_else_a_contradiction(use_case):
    rows = [_outcome(day, c, decision_id="a0") for day, c in ((1, 0), (2, 0), (3, 1), (3, 1), (4, 0))]
    intake = _take(use_case, *rows)
    assert intake.revisions["revision"].tolist() == [1, 2, 3]
    assert intake.revisions["outcome_class"].tolist() == [0, 1, 0]
    assert intake.revisions["kind"].tolist() == ["first", "contradiction", "contradiction"]
    assert intake.revisions["observed_at"].tolist() == [_day(1), _day(3), _day(4)]
    assert _nonzero(intake.counts) == {"matched": 5, "first": 1, "contradictory": 2, "duplicate": 2}


def test_what_is_recorded_counts_when_more_comes(use_case):
    recorded = _take(use_case, _outcome(5, 1, decision_id="a0")).revisions
    again = _take(use_case, _outcome(6, 1, decision_id="a0"), recorded=recorded)
    assert _nonzero(again.counts) == {"matched": 1, "duplicate": 1}
    other = _take(use_case, _outcome(6, 0, decision_id="a0"), recorded=recorded)
    assert other.revisions[["revision", "kind"]].to_numpy().tolist() == [[2, "contradiction"]]
    older = _take(use_case, _outcome(4, 0, decision_id="a0"), recorded=recorded)
    assert older.revisions.empty
    assert _nonzero(older.counts) == {"matched": 1, "contradictory": 1}
    assert "later observation" in older.problems[0]


def test_a_recorded_row_that_is_read_again_counts_nowhere(use_case):
    rows = [_outcome(1, 0, decision_id="a0"), _outcome(3, 1, decision_id="a0"), _outcome(9, 1, decision_id="a7")]
    recorded = _take(use_case, *rows).revisions
    again = _take(use_case, *rows, recorded=recorded)
    assert (again.counts.rows_read, again.problems) == (0, ())
    assert _nonzero(again.counts) == {}
    more = [_outcome(10, 1, decision_id="a7"), _outcome(9, 0, decision_id="a7"), _outcome(5, decision_id="zz")]
    later = _take(use_case, *rows, *rows, *more, recorded=recorded)
    assert later.counts.rows_read == 3
    assert _nonzero(later.counts) == {"matched": 2, "duplicate": 1, "contradictory": 1, "unknown": 1}


@pytest.mark.parametrize("before", [0, 1])
def test_a_row_that_is_written_over_counts_whatever_it_said_and_as_often_as_it_is(use_case, before):
    recorded = _take(use_case, _outcome(3, before, decision_id="a0")).revisions
    for revision, now in enumerate((1 - before, before, 1 - before), start=2):
        row = _outcome(3, now, decision_id="a0")
        intake = _take(use_case, row, recorded=recorded)
        assert intake.revisions[["revision", "outcome_class", "kind"]].values.tolist() == [
            [revision, now, "contradiction"]
        ]
        assert _nonzero(intake.counts) == {"matched": 1, "contradictory": 1}
        assert "the latest counts" in intake.problems[0]
        recorded = pd.concat([recorded, intake.revisions], ignore_index=True)
        again = _take(use_case, row, recorded=recorded)
        assert (len(again.revisions), again.counts.rows_read) == (0, 0)


def test_an_amount_that_is_written_over_counts_though_it_is_smaller():
    use_case = _use_case({"amount": {"column": "spend_after", "unit": "EUR"}}, "amount", "amount")
    recorded = _take(use_case, _outcome(1, None, decision_id="a0", amount=10.0)).revisions
    intake = _take(use_case, _outcome(1, None, decision_id="a0", amount=2.0), recorded=recorded)
    assert intake.revisions[["revision", "amount"]].values.tolist() == [[2, 2.0]]


def test_of_two_rows_of_the_same_time_that_both_stand_the_larger_counts_and_the_other_is_told(use_case):
    yes, no = (_outcome(3, said, decision_id="a0") for said in (1, 0))
    recorded = _take(use_case, yes).revisions
    intake = _take(use_case, yes, no, recorded=recorded)
    assert intake.revisions.empty
    assert _nonzero(intake.counts) == {"matched": 1, "contradictory": 1}
    assert "another row of the same time" in intake.problems[0]
    gone = _take(use_case, no, recorded=recorded)  # once only one of them stands it counts
    assert gone.revisions["outcome_class"].tolist() == [0]


def test_what_comes_later_follows_what_was_written_over(use_case):
    recorded = _take(use_case, _outcome(3, 1, decision_id="a0")).revisions
    rows = [_outcome(3, 0, decision_id="a0"), _outcome(5, 1, decision_id="a0"), _outcome(2, 1, decision_id="a0")]
    intake = _take(use_case, *rows, recorded=recorded)
    assert intake.revisions[["revision", "outcome_class"]].values.tolist() == [[2, 0], [3, 1]]
    assert _nonzero(intake.counts) == {"matched": 3, "contradictory": 2, "duplicate": 1}


@pytest.mark.parametrize("is_known", [False, True])
@pytest.mark.parametrize("before", [0, 1])
def test_of_what_is_posted_of_the_same_time_the_later_post_counts(use_case, before, is_known):
    rows = [_outcome(3, said, decision_id="a0") for said in (before, 1 - before)]
    posted = _outcomes(*rows).assign(said_at=[_day(4), _day(5)])
    recorded = NOTHING_RECORDED
    if is_known:
        recorded = match_outcomes(posted.head(1), DECISIONS, Recorded(recorded), use_case, AS_OF).revisions
    intake = match_outcomes(posted[::-1], DECISIONS, Recorded(recorded), use_case, AS_OF)
    state = pd.concat([recorded, intake.revisions])
    assert state[["revision", "outcome_class"]].to_numpy().tolist() == [[1, before], [2, 1 - before]]
    again = match_outcomes(posted, DECISIONS, Recorded(state), use_case, AS_OF)
    assert (len(again.revisions), again.counts.rows_read) == (0, 0)


def test_what_is_posted_counts_before_a_row_of_the_table_of_the_same_time(use_case):
    rows = _outcomes(_outcome(3, 1, decision_id="a0"), _outcome(3, 0, decision_id="a0"))
    told = rows.assign(said_at=pd.to_datetime([None, _day(4)], utc=True))
    intake = match_outcomes(told, DECISIONS, Recorded(NOTHING_RECORDED), use_case, AS_OF)
    assert intake.revisions["outcome_class"].tolist() == [1, 0]


def test_an_amount_is_part_of_what_is_said():
    use_case = _use_case({"amount": {"column": "spend_after", "unit": "EUR"}}, "amount", "amount")
    rows = [
        _outcome(1, None, decision_id="a0", amount=10.0),
        _outcome(2, 7, decision_id="a0", amount=10.0),  # the contract has no class, so none is looked at
        _outcome(3, None, decision_id="a0", amount=12.5),
        _outcome(3, None, decision_id="a7", amount=np.inf),
        _outcome(9, None, decision_id="a7", amount=None),
    ]
    intake = _take(use_case, *rows)
    assert intake.revisions["amount"].tolist() == [10.0, 12.5]
    assert intake.revisions["outcome_class"].isna().all()
    assert _nonzero(intake.counts) == {"matched": 3, "first": 1, "contradictory": 1, "duplicate": 1, "invalid": 2}


def test_nothing_to_read_is_an_empty_intake(use_case):
    for decisions in (DECISIONS, DECISIONS.iloc[:0]):
        intake = _take(use_case, decisions=decisions)
        assert intake.revisions.empty
        assert list(intake.revisions.columns) == [*RECORDED_COLUMNS, "happened_at", "kind"]
        assert _nonzero(intake.counts) == {}
    assert _nonzero(_take(use_case, _outcome(5), decisions=DECISIONS.iloc[:0]).counts) == {"unknown": 1}


def test_a_missing_column_is_named(use_case):
    with pytest.raises(SourceError, match="outcomes lack column observed_at"):
        match_outcomes(_outcomes().drop(columns="observed_at"), DECISIONS, Recorded(NOTHING_RECORDED), use_case, AS_OF)


ROWS = st.lists(
    st.builds(
        _outcome,
        st.sampled_from([8, 9, 8, 9, 25, 40, 7, 0, -1, 61]),
        st.sampled_from([0, 1, 0, 1, 0, 1, 2, None]),
        entity=st.sampled_from(["a", "a", "a", "b", "c"]),
        decision_id=st.sampled_from([None, None, "a7", "a7", "a0", "a14", "b7", "zz"]),
        time=st.sampled_from([None, 7, 6.5, 0]),
        happened=st.sampled_from([None, None, 8, 16, 30, 0]),
    ),
    max_size=16,
)


@examples(20)
@given(ROWS, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(use_case, rows, random):
    shuffled = list(rows)
    random.shuffle(shuffled)
    one, other = _take(use_case, *rows), _take(use_case, *shuffled)
    pd.testing.assert_frame_equal(one.revisions, other.revisions)
    assert one.counts == other.counts
    assert sorted(one.problems) == sorted(other.problems)


def test_a_known_time_of_happening_wins_over_none_in_any_order(use_case):
    unknown, known = _outcome(8, 0), _outcome(8, 0, happened=8)
    for rows in ([unknown, known], [known, unknown]):
        assert list(_take(use_case, *rows).revisions["happened_at"]) == [_day(8)]


@examples(20)
@given(ROWS)
def test_reading_twice_adds_nothing(use_case, rows):
    first = _take(use_case, *rows)
    latest = first.revisions.groupby("decision_id", as_index=False).last()
    for recorded in (first.revisions, latest):
        again = _take(use_case, *rows, recorded=recorded)
        assert again.revisions.empty
        repeated = again.counts.duplicate + again.counts.contradictory
        assert again.counts.matched == repeated <= first.counts.matched - len(recorded)


@examples(20)
@given(ROWS, st.integers(0, 14))
def test_an_earlier_reading_of_a_part_does_not_change_the_state(use_case, rows, cut):
    """A source says everything again, so what was a mere repetition then still stands against what comes now."""
    whole = _take(use_case, *rows).revisions
    for part in (rows[:cut], rows[cut:]):
        early = _take(use_case, *part).revisions
        late = _take(use_case, *rows, recorded=early).revisions
        together = pd.concat([early, late])
        assert not together.duplicated(["decision_id", "revision"]).any()
        latest = together.sort_values("revision").groupby("decision_id")["outcome_class"].last()
        assert latest.to_dict() == whole.groupby("decision_id")["outcome_class"].last().to_dict()


@examples(20)
@given(ROWS)
def test_every_row_is_counted_once(use_case, rows):
    counts = _take(use_case, *rows).counts
    refused = counts.unknown + counts.invalid + counts.after_window
    assert counts.rows_read == len(rows) == counts.matched + refused
    assert counts.matched == counts.first + counts.late + counts.duplicate + counts.contradictory


@examples(20)
@given(ROWS)
def test_what_is_taken_in_happened_in_the_window_of_its_decision(use_case, rows):
    taken = _take(use_case, *rows).revisions
    as_of = taken["decision_id"].map(DECISIONS.set_index("decision_id")["as_of"])
    waited = (taken["happened_at"].fillna(taken["observed_at"]).clip(upper=taken["observed_at"]) - as_of).dt.days
    assert waited.between(0, WINDOW_DAYS).all()


@pytest.mark.parametrize(("seen", "becomes"), [(5.0, 7.0), (7.0, 7.0), (8.0, 8.0)])
def test_who_answered_another_system_before_the_batch_that_logs_its_decision_is_not_lost(use_case, seen, becomes):
    """It decided on day 3, the batch of day 7 logs that; an answer of day 5 is known from the batch on."""
    observing = use_case.model_copy(update={"mode": "observe"})
    outcomes = pd.DataFrame(
        {
            "entity_id": ["a"],
            "decision_time": [_day(3)],
            "decision_id": pd.Series([None], dtype="str"),
            "outcome_class": [1.0],
            "amount": [np.nan],
            "observed_at": [_day(seen)],
            "happened_at": [_day(seen)],
        }
    )
    decisions = pd.DataFrame({"decision_id": ["d"], "entity_id": ["a"], "as_of": [_day(7)], "action": ["call"]})
    intake = match_outcomes(outcomes, decisions, Recorded(NOTHING_RECORDED), observing, AS_OF)
    assert (intake.counts.matched, intake.counts.invalid) == (1, 0)
    (row,) = intake.revisions.itertuples()
    assert pd.Timestamp(row.observed_at).tz_localize(None) == _day(becomes).tz_localize(None)


def test_an_answer_from_before_the_other_system_decided_is_still_refused(use_case):
    observing = use_case.model_copy(update={"mode": "observe"})
    decisions = pd.DataFrame({"decision_id": ["d"], "entity_id": ["a"], "as_of": [_day(17)], "action": ["call"]})
    outcomes = pd.DataFrame(
        {
            "entity_id": ["a"],
            "decision_time": [pd.NaT],
            "decision_id": ["d"],
            "outcome_class": [1.0],
            "amount": [np.nan],
            "observed_at": [_day(3)],
        }
    )
    intake = match_outcomes(outcomes, decisions, Recorded(NOTHING_RECORDED), observing, AS_OF)
    assert intake.counts.invalid == 1


@pytest.mark.parametrize(("class_", "amount", "taken"), [(0, None, (0.0, 0.0)), (1, 5.0, (1.0, 5.0)), (1, None, None)])
def test_nothing_came_of_a_no_beside_which_no_amount_is_written(class_, amount, taken):
    both = {"class": {"column": "won", "wording": "won"}, "amount": {"column": "value", "unit": "EUR"}}
    taken_in = _take(_use_case(both, "amount", "amount"), _outcome(9, class_, time=7, amount=amount))
    rows = [tuple(row) for row in taken_in.revisions[["outcome_class", "amount"]].to_numpy()]
    assert rows == ([] if taken is None else [taken])
    assert taken_in.counts.invalid == (taken is None)


@pytest.mark.parametrize("is_later_first", [False, True])
def test_of_two_rows_that_one_batch_decides_the_outcome_of_the_later_one_counts(use_case, is_later_first):
    rows = [_outcome(12, 0, time=3), _outcome(9, 1, time=5)]
    taken = _take(use_case, *(rows[::-1] if is_later_first else rows))
    assert taken.revisions[["decision_id", "outcome_class"]].to_numpy().tolist() == [["a7", 1.0]]
    assert taken.problems == ("1 invalid: its decision was made by a later row",)
