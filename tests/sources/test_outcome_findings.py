"""``usecase check`` says from the data which outcomes come late, how different they are, and how many never come."""

from __future__ import annotations

import pandas as pd
import pytest

from decisionloop.contract import UseCaseFolder
from decisionloop.contract.code import load_code
from decisionloop.sources import open_source
from decisionloop.sources.known_outcomes import asked_outcomes
from decisionloop.sources.outcome_findings import outcome_findings

START = pd.Timestamp("2026-01-01", tz="UTC")  # a Thursday, on which the schedule is due
AS_OF = START + pd.Timedelta(days=70)


def _people(weeks: int = 6, a_week: int = 100) -> pd.DataFrame:
    number = pd.Series(range(weeks * a_week))
    due_at = START + pd.to_timedelta(7 * (number // a_week), unit="D")
    return pd.DataFrame(
        {"client": "c" + number.astype(str), "at": due_at, "spend": 10.0 + number % 7, "number": number}
    )


def _said(write, source, people: pd.DataFrame, seen_days: pd.Series, is_yes: pd.Series, **outcome: object) -> list[str]:
    """The findings where each is seen so many days after it was due (NaN: never) and happened within five."""
    seen_at = people["at"] + pd.to_timedelta(seen_days, unit="D")
    happened_at = people["at"] + pd.to_timedelta(seen_days.clip(upper=5), unit="D")
    told = pd.DataFrame({"client": people["client"], "decided_at": people["at"], "bought": is_yes.astype(int)})
    told = told.assign(seen_at=seen_at, arrived_at=seen_at, happened_at=happened_at)[seen_days.notna()]
    files = {
        "history.csv": people[["client", "spend"]].assign(known_at=people["at"]),
        "due.csv": people[["client"]].assign(due_at=people["at"]),
        "outcomes.csv": told,
    }
    bought = {"class": {"column": "bought", "wording": "bought it"}, "window_days": 7, "maturity_days": 7}
    folder = write(source, files, outcome={**bought, **outcome})
    return _found(folder)


def _found(folder: UseCaseFolder) -> list[str]:
    source = open_source(folder)
    return list(
        outcome_findings(folder.use_case, source, asked_outcomes(folder.use_case, load_code(folder), source, AS_OF))
    )


@pytest.fixture(params=["tables", "full_information"])
def source(request: pytest.FixtureRequest) -> dict[str, object]:
    """Live tables without a key but the entity, or a replay."""
    given: dict[str, object] = request.getfixturevalue(request.param)
    return given


def test_outcomes_that_come_in_time_are_no_finding(write, source):
    people = _people()
    days = pd.Series(5.0, people.index)
    assert _said(write, source, people, days, people["number"] % 2 == 0, happened_at="happened_at") == []


def test_what_comes_after_maturity_is_counted_and_compared(write, source):
    """One in ten comes after three weeks; one in five of those is a yes, and one in two of the others."""
    people = _people()
    is_late = people["number"] % 10 == 0
    is_yes = (people["number"] % 2 == 1) | (people["number"] % 50 == 0)
    days = pd.Series(5.0, people.index).mask(is_late, 21.0)
    (said,) = _said(write, source, people, days, is_yes, happened_at="happened_at")
    assert said.startswith("60 of 600 outcomes (10.0%) come after maturity_days; 20% of them are yes against 56%")
    assert "absent_means" in said


def test_without_the_time_it_happened_what_is_seen_after_the_window_is_refused_and_said_so(write, source):
    people = _people()
    days = pd.Series(5.0, people.index).mask(people["number"] % 10 == 0, 21.0)
    said = " ".join(_said(write, source, people, days, people["number"] % 2 == 1))
    assert "60 of 600 outcomes (10.0%) are seen after window_days (7) and are refused" in said
    assert "outcome.happened_at" in said


def test_outcomes_that_never_come_are_counted_unless_that_means_no(write, source):
    people = _people()
    days = pd.Series(5.0, people.index).mask(people["number"] % 4 == 0)
    asked = (write, source, people, days, people["number"] % 2 == 1)
    (said,) = _said(*asked, happened_at="happened_at")
    assert said.startswith("150 of 600 (25.0%) who were due long enough ago have no outcome")
    if source["kind"] == "tables":  # to wait reveals none, and who waited nobody knows here
        assert "of wait none is seen" in said
        assert "minimum_arrived" not in said
    else:
        assert "The contract promises 80% (monitors.minimum_arrived)" in said
        assert said.endswith("lower it below 75%.")
    fewer = days.fillna(5.0).mask(people["number"] % 10 == 0)
    (as_promised,) = _said(write, source, people, fewer, people["number"] % 2 == 1, happened_at="happened_at")
    assert "minimum_arrived" not in as_promised
    assert _said(*asked, happened_at="happened_at", absent_means="0") == []


def test_where_no_news_is_a_zero_a_table_of_yeses_is_no_finding_and_late_ones_need_more_time(write, source):
    """Nobody records a purchase that never was; what comes late was taken as 0 until then."""
    people = _people()
    bought = people["number"] % 4 == 0
    is_late = people["number"] % 40 == 0
    days = pd.Series(5.0, people.index).mask(is_late, 21.0).where(bought)
    asked = {"happened_at": "happened_at", "absent_means": "0"}
    assert _said(write, source, people, days.mask(is_late, 5.0), bought, **asked) == []
    (said,) = _said(write, source, people, days, bought, **asked)
    assert said == "15 of 150 outcomes (10.0%) come after maturity_days and count as 0 until they do: lengthen it."


def test_outcomes_of_one_class_are_a_finding_where_no_news_says_nothing(write, source):
    people = _people()
    days = pd.Series(5.0, people.index)
    (said,) = _said(write, source, people, days, people["number"] >= 0, happened_at="happened_at")
    assert said.startswith("Every outcome is 1.")


def test_due_times_by_row_say_what_is_late(write, tables):
    """Who spends little is due within a day, so that five days are late."""
    people = _people()
    days = pd.Series(5.0, people.index)
    is_yes = people["number"] % 2 == 1
    (said,) = _said(write, tables, people, days, is_yes, happened_at="happened_at", due="where(spend < 12, 1, 7)")
    late = (people["spend"] < 12).sum()
    assert said.startswith(f"{late} of 600 outcomes ({late / 600:.1%}) come after outcome.due")


def test_blank_cases_of_an_experiment_are_counted_by_action(write, log):
    cases = _people().assign(action=["wait", "offer"] * 300, propensity=0.5, bought=0.0)
    cases = cases.assign(bought=cases["bought"].mask(cases["number"] % 10 == 1)).rename(columns={"at": "decided_at"})
    cases = cases.assign(seen_at=cases["decided_at"] + pd.Timedelta(days=5))
    cases.loc[2, "bought"] = 1.0
    both = [
        {"name": "wait", "wording": "do nothing", "is_default": True, "reveals_outcome": True},
        {"name": "offer", "wording": "offer it", "reveals_outcome": True},
    ]
    folder = write(log, {"log.csv": cases.drop(columns="number")}, actions=both, model={"action_as": "input"})
    (said,) = _found(folder)
    assert said.startswith(
        "60 of 600 recorded cases (10.0%) have no outcome (wait: 0 of 300 (0.0%), offer: 60 of 300 (20.0%))."
    )
