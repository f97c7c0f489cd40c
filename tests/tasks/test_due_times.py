"""A hotel's bookings: each outcome falls due at its own arrival, and no news by then is a no. Run by the real tasks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from decisionloop.ledger.batches import batch_id_of, find_batch, latest_detail
from decisionloop.ledger.measured_cohorts import measured_cohorts
from decisionloop.ledger.measurements import measurements_of
from decisionloop.ledger.teaching import teaching_by_batch
from decisionloop.observe.maturity import due_share
from tasks.observe.late_arrivals import late_arrivals_before, missing_at_age
from tasks.readback.cohort import read_cohort
from tasks.readback.mature_decisions import mature_batches, training_window
from tests.engines import ON_ONE
from tests.live_use_case import A_WEEK, CODE, CONTRACT, MONDAY, orders
from tests.small_use_case import Written, written_use_case
from tests.tasks.installation import Installation, run_flow, run_task
from tests.tasks.moment import OnEngine, lived_on_engines

pytestmark = pytest.mark.xdist_group("hotel")

DAY, WEEK = timedelta(days=1), timedelta(days=7)
LONGEST = 20
"""Days until the last arrival of the first week's bookings; those of the second week arrive within ten."""

FEATURES = '''
def features(known, as_of):
    """The last booking."""
    return known.drop_duplicates("customer_id", keep="last")[["customer_id", "spend", "arrives_in"]]
'''
ARRIVAL = {
    "name": "arrives_in",
    "type": "integer",
    "wording": "days until arrival",
    "range": [0, 400],
    "purpose": "It says when the outcome is known.",
    "is_model_input": False,
}
SPEND = {"name": "spend", "type": "number", "wording": "spend", "range": [0, 10000], "purpose": "Who spends comes."}


def bookings() -> pd.DataFrame:
    """Two weeks of bookings that arrive 1 to 20, and 1 to 10, days after the Monday on which they are decided."""
    ordered = orders(2)
    number = np.arange(len(ordered))
    return ordered.assign(arrives_in=1 + number % np.where(number < A_WEEK, LONGEST, 10))


def came(booked: pd.DataFrame) -> pd.DataFrame:
    """One in three comes, and is seen on the day; of the others nobody ever says anything."""
    week = np.arange(len(booked)) // A_WEEK
    decided = pd.Timestamp(MONDAY) + pd.to_timedelta(7 * week, unit="D")
    seen_at = decided + pd.to_timedelta(booked["arrives_in"].to_numpy(), unit="D")
    rows = pd.DataFrame({"customer_id": booked["customer_id"], "decided_at": decided, "seen_at": seen_at})
    return rows.assign(returned=1).iloc[::3]


def write_hotel(folder: Path) -> Written:
    outcome = {
        "window_days": 60,
        "maturity_days": 60,
        "happened_at": None,
        "closed_days": None,
        "due": "arrives_in",
        "absent_means": 0,
    }
    sections: dict[str, object] = {"outcome": outcome, "features": [SPEND, ARRIVAL]}
    tables = {"orders.csv": bookings(), "returns.csv": came(bookings())}
    return written_use_case(folder / "live", CONTRACT, {**CODE, "features.py": FEATURES}, tables, sections)


def decide_two_weeks(_: Written) -> None:
    for monday in (MONDAY, MONDAY + WEEK):
        run_flow("act", "live", run_flow("predict", "live", monday))


@pytest.fixture(scope="module")
def lived_on(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnEngine]:
    """The hotel, with two batches decided."""
    yield from lived_on_engines(request, tmp_path_factory.mktemp("hotel"), write_hotel, decide_two_weeks)


@pytest.fixture(params=["sqlite", "postgresql"])
def hotel(request: pytest.FixtureRequest, lived_on: OnEngine, tmp_path: Path) -> Iterator[Installation]:
    """The hotel, with two batches decided, on either engine."""
    with lived_on(request.param).copied(tmp_path / "life") as moment, moment.work() as installation:
        yield installation


def cohort(hotel: Installation, monday: datetime, known_at: datetime):
    batch = find_batch(hotel.ledger, batch_id_of("live", monday))
    assert batch is not None
    return read_cohort(hotel.workspace, batch, known_at)


def test_every_decision_is_due_at_its_own_arrival(hotel):
    log = cohort(hotel, MONDAY, MONDAY).log
    arrives = bookings().set_index("customer_id")["arrives_in"].reindex(log["entity_id"]).to_numpy()
    assert ((log["due_at"] - log["as_of"]) / pd.Timedelta(days=1)).tolist() == arrives.tolist()


@pytest.mark.parametrize("hotel", ON_ONE, indirect=True)
def test_a_cohort_is_measured_when_its_last_outcome_is_due_and_not_before(hotel):
    assert latest_detail(hotel.ledger, batch_id_of("live", MONDAY), "frozen")["due_days"] == LONGEST
    measured = {}
    for days in (16, 17, 19, 20):
        run_flow("observe", "live", MONDAY + days * DAY)
        measured[days] = set(measured_cohorts(hotel.ledger, "live"))
    first, second = ((MONDAY + week * WEEK).isoformat().replace("+00:00", "Z") for week in (0, 1))
    assert [sorted(measured[days]) for days in (16, 17, 19, 20)] == [[], [second], [second], [first, second]]


def test_no_news_is_a_no_once_it_is_due_and_unknown_before(hotel):
    run_task("tasks.observe.outcomes", "read_outcomes", "live", MONDAY + 60 * DAY)
    young, old = cohort(hotel, MONDAY, MONDAY + 5 * DAY).log, cohort(hotel, MONDAY, MONDAY + 60 * DAY).log
    arrives = bookings().set_index("customer_id")["arrives_in"].reindex(young["entity_id"]).to_numpy()
    assert young["outcome_class"].notna().tolist() == (arrives <= 5).tolist()
    happened = came(bookings())["customer_id"]
    assert old["outcome_class"].tolist() == old["entity_id"].isin(happened).astype(float).tolist()
    absent = old[old["outcome_class"] == 0]
    assert set(absent["outcome_kind"]) == {"absent"}
    assert absent["observed_at"].isna().all()  # nothing was seen


@pytest.mark.parametrize("hotel", ON_ONE, indirect=True)
def test_the_rate_of_a_cohort_counts_those_of_whom_nothing_was_heard(hotel):
    run_flow("observe", "live", MONDAY + LONGEST * DAY)
    rates = measurements_of(hotel.ledger, "live", "outcome_rate")
    rate = rates[rates["slice"] == "all"].sort_values("cohort").iloc[0]
    assert rate["value"] == pytest.approx(14 / 40, abs=0.12)  # weighted by propensity
    assert rate["low"] < 0.6


def test_what_is_seen_later_revises_the_no(hotel):
    run_flow("observe", "live", MONDAY + LONGEST * DAY)
    silent = bookings()["customer_id"].iloc[1]
    assert _class_of(hotel, silent) == 0
    late = pd.DataFrame(
        {"customer_id": [silent], "decided_at": [MONDAY], "seen_at": [MONDAY + 25 * DAY], "returned": 1}
    )
    hotel.written.change("returns.csv", lambda had: pd.concat([had, late]))
    run_flow("observe", "live", MONDAY + 30 * DAY)
    assert _class_of(hotel, silent) == 1


@pytest.mark.parametrize("hotel", ON_ONE, indirect=True)
def test_late_arrivals_and_the_cohort_they_are_for_mean_the_same_by_a_due_time(hotel):
    """Who was missing on the fifth day, with the due time that the cohort itself says: a share of the longest wait."""
    run_task("tasks.observe.outcomes", "read_outcomes", "live", MONDAY + 60 * DAY)
    batch = find_batch(hotel.ledger, batch_id_of("live", MONDAY))
    (missed,) = missing_at_age(hotel.workspace, [batch], 5 * DAY, MONDAY + 60 * DAY)
    log = cohort(hotel, MONDAY, MONDAY + 60 * DAY).log
    told = due_share(hotel.workspace.use_case, log)
    arrives = bookings().set_index("customer_id")["arrives_in"].reindex(log["entity_id"]).to_numpy()
    np.testing.assert_allclose(told, arrives / 60)
    seen_by_then = (log["observed_at"] <= MONDAY + 5 * DAY).to_numpy()
    np.testing.assert_allclose(np.sort(missed.due), np.sort(told[~seen_by_then]))
    assert len(np.unique(missed.due)) > 5
    came = ~np.isnan(missed.days)
    np.testing.assert_allclose(60 * missed.due[came], 5 + missed.days[came])  # seen on the day that it was due


@pytest.mark.parametrize("hotel", ON_ONE, indirect=True)
def test_where_no_news_is_a_no_nothing_is_missing_late_or_bounded(hotel):
    run_flow("observe", "live", MONDAY + 60 * DAY)
    told = measurements_of(hotel.ledger, "live")
    assert {"outcome_rate", "value_policy"} <= set(told["monitor"])
    assert told[["missing_n", "to_come_n", "worst", "best"]].isna().all(axis=None)
    assert not {"late_outcome_rate", "late_share"} & set(told["monitor"])
    batch = find_batch(hotel.ledger, batch_id_of("live", MONDAY + WEEK))
    assert late_arrivals_before(hotel.workspace, batch, MONDAY + 60 * DAY).cohorts == 0


def _class_of(hotel: Installation, entity_id: str) -> float:
    log = cohort(hotel, MONDAY, MONDAY + 40 * DAY).log
    return float(log.loc[log["entity_id"] == entity_id, "outcome_class"].iloc[0])


@pytest.mark.parametrize("hotel", ON_ONE, indirect=True)
def test_only_whole_cohorts_teach_and_a_no_teaches_as_well(hotel):
    """Counting in the database and reading back say the same of what no news means."""
    as_of = MONDAY + LONGEST * DAY
    run_task("tasks.observe.outcomes", "read_outcomes", "live", as_of)
    assert training_window(hotel.workspace, as_of - DAY)[1] < MONDAY  # the second is mature, and waits for the first
    since, until = training_window(hotel.workspace, as_of)
    assert until == as_of
    log = mature_batches(hotel.workspace, since, until, as_of, ()).policy_traffic().log
    assert log["outcome_class"].notna().all()
    counted = teaching_by_batch(hotel.ledger, "live", (since, until), ["wait", "voucher"], as_of, is_absent_zero=True)
    assert sum(one.outcomes for one in counted) == len(log)
    assert sum(one.events for one in counted) == log["outcome_class"].sum()
