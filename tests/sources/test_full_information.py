"""A replay with full information shows what the loop's own actions would have shown, and keeps the rest to itself."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from decisionloop.errors import SourceError
from decisionloop.sources import ReplaySource
from tests.examples import examples

HISTORY = "client,known_at,spend\na,2026-01-01,10\nb,2026-01-01,90\na,2026-01-08,20\nb,2026-01-08,80\n"
DUE = "client,due_at\na,2026-01-01\nb,2026-01-01\na,2026-01-08\nb,2026-01-08\n"
OUTCOMES = """client,decided_at,seen_at,bought
a,2026-01-01,2026-01-06,1
b,2026-01-01,2026-01-07,0
a,2026-01-08,2026-01-12,0
b,2026-01-08,2026-01-13,1
"""
FILES = {"history.csv": HISTORY, "due.csv": DUE, "outcomes.csv": OUTCOMES}


def test_it_replays_the_recorded_times(opened, full_information, at):
    source = opened(full_information, FILES)
    assert isinstance(source, ReplaySource)
    assert source.calendar() == (at("2026-01-01"), at("2026-01-08"))


def test_only_revealing_actions_reveal(opened, full_information, at, decisions):
    source = opened(full_information, FILES)
    decided = decisions(("a", "2026-01-01", "offer"), ("b", "2026-01-01", "wait"), ("b", "2026-01-08", "offer"))
    seen = source.outcomes(at("2026-02-01"), decided)
    assert seen["decision_id"].tolist() == ["d0", "d2"]
    assert seen["outcome_class"].tolist() == [1.0, 1.0]
    assert seen["decision_time"].tolist() == [at("2026-01-01"), at("2026-01-08")]
    assert seen["observed_at"].tolist() == [at("2026-01-06"), at("2026-01-13")]


@pytest.mark.parametrize(
    ("as_of", "expected"), [("2026-01-05T23:59", []), ("2026-01-06", ["d0"]), ("2026-01-12", ["d0"])]
)
def test_an_outcome_shows_when_it_was_seen(opened, full_information, at, decisions, as_of, expected):
    source = opened(full_information, FILES)
    decided = decisions(("a", "2026-01-01", "offer"), ("b", "2026-01-08", "offer"))
    assert source.outcomes(at(as_of), decided)["decision_id"].tolist() == expected


def test_what_the_loop_did_not_decide_is_not_shown(opened, full_information, at, decisions):
    source = opened(full_information, FILES)
    assert source.outcomes(at("2026-02-01"), decisions()).empty
    strangers = decisions(("z", "2026-01-01", "offer"), ("a", "2025-12-31", "offer"), ("a", "2026-03-01", "offer"))
    assert source.outcomes(at("2026-04-01"), strangers).empty


def test_a_later_batch_meets_the_latest_case_of_its_window_and_keeps_the_delay(opened, full_information, at, decisions):
    source = opened(full_information, FILES)
    seen = source.outcomes(at("2026-02-01"), decisions(("a", "2026-01-10", "offer")))
    assert seen["outcome_class"].tolist() == [0.0]
    assert seen["observed_at"].tolist() == [at("2026-01-14")]  # four days after the decision, as recorded
    assert source.outcomes(at("2026-01-13"), decisions(("a", "2026-01-10", "offer"))).empty
    # Who fell due exactly covers_days before belongs to the batch before.
    assert source.outcomes(at("2026-02-01"), decisions(("a", "2026-01-15", "offer"))).empty


def test_the_truth_is_whole_and_says_nothing_new_to_the_loop(opened, full_information, at):
    source = opened(full_information, FILES)
    truth = source.hidden_truth()
    assert truth.columns.tolist() == ["entity_id", "as_of", "outcome_class", "amount"]
    told = zip(truth["entity_id"], truth["as_of"].dt.day, truth["outcome_class"], strict=True)
    assert set(told) == {("a", 1, 1.0), ("b", 1, 0.0), ("a", 8, 0.0), ("b", 8, 1.0)}
    known = source.known(pd.DataFrame({"client": ["a", "b"]}), at("2026-02-01"))
    assert "bought" not in known


def test_a_case_without_an_outcome_has_nothing_to_reveal(opened, full_information, at, decisions):
    outcomes = OUTCOMES + "c,2026-01-01,2026-01-05,\nd,2026-01-01,,1\n"
    files = FILES | {"outcomes.csv": outcomes, "due.csv": DUE + "c,2026-01-01\nd,2026-01-01\n"}
    source = opened(full_information, files)
    decided = decisions(("c", "2026-01-01", "offer"), ("d", "2026-01-01", "offer"))
    assert source.outcomes(at("2026-02-01"), decided).empty
    assert set(source.hidden_truth()["entity_id"]) == {"a", "b"}


def test_two_truths_for_one_decision_are_refused(opened, full_information, at, decisions):
    source = opened(full_information, FILES | {"outcomes.csv": OUTCOMES + "a,2026-01-01,2026-01-09,0\n"})
    with pytest.raises(SourceError, match="repeat an entity and time"):
        source.outcomes(at("2026-02-01"), decisions(("a", "2026-01-01", "offer")))


cases = st.lists(
    st.tuples(st.integers(1, 4), st.integers(0, 30), st.integers(1, 20), st.booleans()),
    min_size=1,
    max_size=12,
    unique_by=lambda case: case[:2],
)


@given(cases=cases, as_of=st.integers(0, 60), takes=st.lists(st.booleans(), min_size=20, max_size=20))
@settings(examples(7), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_is_shown_before_its_time_nor_for_another_action(
    opened, full_information, decisions, cases, as_of, takes
):
    start = pd.Timestamp("2026-01-01", tz="UTC")
    frame = pd.DataFrame(cases, columns=["client", "day", "delay", "bought"])
    frame["decided_at"] = start + pd.to_timedelta(frame["day"], unit="D")
    frame["seen_at"] = frame["decided_at"] + pd.to_timedelta(frame["delay"], unit="D")
    frame = frame.assign(due_at=frame["decided_at"], known_at=frame["decided_at"], spend=1)
    source = opened(full_information, {"history.csv": frame, "due.csv": frame, "outcomes.csv": frame})
    now = start + pd.Timedelta(days=as_of)
    decided = pd.concat(
        [source.due(moment, 7).assign(as_of=moment) for moment in source.calendar()], ignore_index=True
    ).rename(columns={"client": "entity_id"})
    decided["decision_id"] = [f"d{i}" for i in range(len(decided))]
    decided["action"] = ["offer" if take else "wait" for take in takes[: len(decided)]]
    seen = source.outcomes(now, decided)
    truth = source.hidden_truth()
    assert len(truth) == len(decided)  # every case is decided once; of several in one window, the latest
    assert set(zip(truth["entity_id"], truth["as_of"], strict=True)) == set(
        zip(decided["entity_id"], decided["as_of"], strict=True)
    )
    assert (seen["observed_at"] <= now).all()
    assert set(seen["decision_id"]) <= set(decided.loc[decided["action"] == "offer", "decision_id"])
    everything = source.outcomes(now + pd.Timedelta(days=100), decided)
    assert len(everything) == (decided["action"] == "offer").sum()
    both = everything.merge(truth, left_on=["entity_id", "decision_time"], right_on=["entity_id", "as_of"])
    assert (both["outcome_class_x"] == both["outcome_class_y"]).all()
