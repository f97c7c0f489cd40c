"""A replayed experiment shows an outcome where the loop chose the logged action, and only as often as is fair."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from decisionloop.errors import SourceError
from decisionloop.sources import ReplaySource

BOTH_REVEAL = [
    {"name": "wait", "wording": "do nothing", "is_default": True, "reveals_outcome": True},
    {"name": "offer", "wording": "offer it", "reveals_outcome": True},
]
SECTIONS = {"actions": BOTH_REVEAL, "model": {"action_as": "input"}}
LOG = """client,decided_at,spend,action,propensity,seen_at,bought
a,2026-01-01,10,wait,0.5,2026-01-05,1
b,2026-01-01,90,offer,0.5,2026-01-05,0
a,2026-01-08,20,offer,0.5,2026-01-12,0
"""


def test_an_outcome_is_shown_where_the_loop_chose_the_logged_action(opened, log, at, decisions):
    source = opened(log, {"log.csv": LOG}, **SECTIONS)
    decided = decisions(
        ("a", "2026-01-01", "wait"),
        ("b", "2026-01-01", "wait"),
        ("a", "2026-01-08", "offer"),
        ("c", "2026-01-01", "wait"),
    )
    seen = source.outcomes(at("2026-02-01"), decided)
    assert seen["decision_id"].tolist() == ["d0", "d2"]
    assert seen["outcome_class"].tolist() == [1.0, 0.0]
    assert source.outcomes(at("2026-01-11"), decided)["decision_id"].tolist() == ["d0"]
    assert source.outcomes(at("2026-01-04"), decided).empty


def test_the_least_chance_of_an_action_is_told_where_it_was_likelier_for_some(opened, log):
    assert opened(log, {"log.csv": LOG}, **SECTIONS).least_chances() == {}
    by_action = LOG.replace("wait,0.5", "wait,0.9")
    assert opened(log, {"log.csv": by_action}, **SECTIONS).least_chances() == {}
    by_client = LOG.replace("b,2026-01-01,90,offer,0.5", "b,2026-01-01,90,offer,0.2")
    assert opened(log, {"log.csv": by_client}, **SECTIONS).least_chances() == {"offer": 0.2}


def test_an_action_that_reveals_nothing_reveals_nothing_here_either(opened, log, at, decisions):
    source = opened(log, {"log.csv": LOG})  # the contract says that waiting reveals no outcome
    decided = decisions(("a", "2026-01-01", "wait"), ("b", "2026-01-01", "offer"))
    assert source.outcomes(at("2026-02-01"), decided)["decision_id"].tolist() == ["d1"]


BLANK = """client,decided_at,spend,action,propensity,seen_at,bought
a,2026-01-01,10,wait,0.5,,
b,2026-01-01,90,wait,0.5,2026-01-05,1
a,2026-01-08,20,wait,0.5,2026-01-12,
"""


def test_a_case_that_was_tried_and_told_nobody_anything_is_handed_over_blank_when_it_is_due(opened, log, at, decisions):
    source = opened(log, {"log.csv": BLANK}, **SECTIONS)
    decided = decisions(("a", "2026-01-01", "wait"), ("b", "2026-01-01", "offer"), ("a", "2026-01-08", "wait"))
    due = source.use_case.outcome.maturity_days
    before, after = (source.outcomes(at("2026-01-08") + pd.Timedelta(days=due + day), decided) for day in (-1, 0))
    assert before["decision_id"].tolist() == ["d0"]  # what the draw does not show stays away
    assert after["decision_id"].tolist() == ["d0", "d2"]
    assert after["outcome_class"].isna().all()
    assert source.hidden_truth()["entity_id"].tolist() == ["b"]  # nobody knows what came of the others


def test_the_log_is_also_history_and_calendar_without_what_came_of_it(opened, log, at):
    source = opened(log, {"log.csv": LOG}, **SECTIONS)
    assert isinstance(source, ReplaySource)
    assert source.calendar() == (at("2026-01-01"), at("2026-01-08"))
    due = source.due(at("2026-01-08"), 7)
    assert due["client"].tolist() == ["a"]
    known = source.known(due, at("2026-01-08"))
    assert known.columns.tolist() == ["client", "decided_at", "spend"]
    assert known["spend"].tolist() == [10, 20]


def test_the_truth_names_the_action_that_it_is_of(opened, log):
    truth = opened(log, {"log.csv": LOG}, **SECTIONS).hidden_truth()
    assert truth[["entity_id", "action", "outcome_class"]].to_numpy().tolist() == [
        ["a", "wait", 1.0],
        ["b", "offer", 0.0],
        ["a", "offer", 0.0],
    ]


def experiment(rows: int, seed: int) -> tuple[pd.DataFrame, float]:
    """A log whose propensity depends on ``spend``, and the true mean outcome if everyone got the offer."""
    rng = np.random.default_rng(seed)
    spend = rng.uniform(0, 100, rows)
    chance = np.where(spend > 50, 0.8, 0.2)
    is_offer = rng.random(rows) < chance
    would_buy = 0.2 + 0.6 * (spend > 50)
    frame = pd.DataFrame(
        {
            "client": [f"c{i}" for i in range(rows)],
            "decided_at": "2026-01-01",
            "spend": spend,
            "action": np.where(is_offer, "offer", "wait"),
            "propensity": np.where(is_offer, chance, 1 - chance),
            "seen_at": "2026-01-05",
            "bought": (rng.random(rows) < np.where(is_offer, would_buy, 0.1)).astype(int),
        }
    )
    return frame, float(would_buy.mean())


def test_what_is_shown_is_a_fair_sample_even_of_an_unequal_experiment(opened, log, at):
    frame, truth = experiment(6000, seed=1)
    source = opened(log, {"log.csv": frame}, **SECTIONS)
    decided = pd.DataFrame(
        {"decision_id": frame["client"], "entity_id": frame["client"], "as_of": at("2026-01-01"), "action": "offer"}
    )
    shown = source.outcomes(at("2026-02-01"), decided)["outcome_class"]
    standard_error = shown.std() / np.sqrt(len(shown))
    assert abs(shown.mean() - truth) < 3.5 * standard_error
    naive = frame.loc[frame["action"] == "offer", "bought"]
    assert abs(naive.mean() - truth) > 10 * standard_error  # what showing every match would have said
    assert abs(len(shown) / len(frame) - 0.2) < 0.02  # the smallest propensity


def test_what_is_shown_is_the_same_in_every_run(opened, log, at):
    frame, _ = experiment(500, seed=2)
    decided = pd.DataFrame(
        {"decision_id": frame["client"], "entity_id": frame["client"], "as_of": at("2026-01-01"), "action": "offer"}
    )
    first = opened(log, {"log.csv": frame}, **SECTIONS).outcomes(at("2026-02-01"), decided)
    shuffled = frame.sample(frac=1, random_state=3)
    again = opened(log, {"log.csv": shuffled}, **SECTIONS).outcomes(at("2026-02-01"), decided)
    pd.testing.assert_frame_equal(first, again)


def test_an_equal_experiment_is_shown_whole(opened, log, at):
    frame, _ = experiment(300, seed=4)
    frame["propensity"] = 0.5
    source = opened(log, {"log.csv": frame}, **SECTIONS)
    decided = frame.rename(columns={"client": "entity_id"}).assign(decision_id=frame["client"], as_of=at("2026-01-01"))[
        ["decision_id", "entity_id", "as_of", "action"]
    ]
    assert len(source.outcomes(at("2026-02-01"), decided)) == len(frame)


def test_an_action_is_shown_as_often_as_its_own_least_likely_case(opened, log):
    """Nine in ten waited, an offer went to one in ten, and to fewer of those who spend little."""
    rng, n = np.random.default_rng(5), 6_000
    spend = rng.uniform(0, 100, n)
    chance = np.where(spend > 50, 0.1, 0.05)
    frame = experiment(n, 5)[0].assign(spend=spend)
    is_offer = rng.random(n) < chance
    frame = frame.assign(action=np.where(is_offer, "offer", "wait"), propensity=np.where(is_offer, chance, 1 - chance))
    source = opened(log, {"log.csv": frame}, **SECTIONS)
    assert source.least_chances() == {"offer": 0.05, "wait": 0.9}
    asked = pd.DataFrame({"entity_id": frame["client"], "as_of": pd.Timestamp("2026-01-01", tz="UTC")})
    for action, least in (("wait", 0.9), ("offer", 0.05)):
        shown = source.outcomes(
            pd.Timestamp("2026-02-01", tz="UTC"), asked.assign(decision_id=frame["client"], action=action)
        )
        is_shown = frame["client"].isin(shown["decision_id"]).to_numpy()
        for of in (spend > 50, spend <= 50):
            assert is_shown[of].mean() == pytest.approx(least, abs=4 * np.sqrt(least * (1 - least) / of.sum()))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (r"wait|offer", "waiting", "holds waiting, which the contract does not know"),
        (r"wait|offer", "", "(missing)"),
        (r"0\.5", "0", "no probability of a logged action"),
        (r"0\.5", "1.5", "no probability"),
        (r"0\.5", "half", "'half'"),
        ("propensity,", "p,", "no column propensity"),
        ("2026-01-08", "2026-01-01", "repeat an entity and time"),
        (r"2026-01-0[18]", "next week", "'next week'"),
        (r"2026-01-(05|12)", "later", "column seen_at holds 'later'"),
    ],
)
def test_a_log_that_cannot_be_used_is_refused(opened, log, at, decisions, old, new, expected):
    source = opened(log, {"log.csv": re.sub(old, new, LOG)}, **SECTIONS)
    with pytest.raises(SourceError) as raised:
        source.outcomes(at("2026-02-01"), decisions(("a", "2026-01-01", "wait")))
    assert expected in str(raised.value)
    assert "log.csv" in str(raised.value)
