"""A cohort is a batch. It is measured again while its outcomes come in, and judged once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import func, select

from decisionloop.errors import UsageError
from decisionloop.ledger.batches import cohort_name
from decisionloop.ledger.decisions import decisions_with_outcomes
from decisionloop.ledger.measured_cohorts import measured_cohorts
from decisionloop.ledger.measurements import Measurement, append_measurements, measurements_of
from decisionloop.ledger.schema import measurement
from decisionloop.report.read.decisions import newest_measurements
from tests.engines import ON_ONE
from tests.live_use_case import A_WEEK, MONDAY, add_orders, order, orders, returns, write_live
from tests.small_use_case import Written
from tests.tasks.installation import Installation, run_flow, run_task
from tests.tasks.moment import OnEngine, lived_on_engines

pytestmark = pytest.mark.xdist_group("one day")

HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)
NOON = MONDAY + timedelta(hours=6)


def write_halves(folder: Path) -> Written:
    ordered = orders(1)
    soon, late = returns(ordered, 5).iloc[::2], returns(ordered, 20).iloc[1::2]
    return write_live(folder, ordered, pd.concat([soon, late]), data_quality={"rows": [1, 1000]})


def decide_at_six_and_noon(written: Written) -> None:
    decide(MONDAY)
    spent = orders(1)["spend"].iloc[:30]
    add_orders(written, *(order(f"noon-{i}", NOON - HOUR, spend) for i, spend in enumerate(spent)))
    decide(NOON)
    written.change("returns.csv", lambda had: pd.concat([had, _returns_of_noon()], ignore_index=True))


@pytest.fixture(scope="module")
def lived_on(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnEngine]:
    """``live`` with a batch at six, whose outcomes come in halves, and one at noon."""
    yield from lived_on_engines(request, tmp_path_factory.mktemp("one day"), write_halves, decide_at_six_and_noon)


@pytest.fixture(params=ON_ONE)
def live(request: pytest.FixtureRequest, lived_on: OnEngine, tmp_path: Path) -> Iterator[Installation]:
    """``live`` with a batch at six, whose outcomes come in halves, and one at noon, on either engine."""
    with lived_on(request.param).copied(tmp_path / "life") as moment, moment.work() as installation:
        yield installation


@pytest.fixture
def on_sqlite(lived_on: OnEngine, tmp_path: Path) -> Iterator[Installation]:
    """``live`` with a batch at six, whose outcomes come in halves, and one at noon."""
    with lived_on("sqlite").copied(tmp_path / "life") as moment, moment.work() as installation:
        yield installation


def _returns_of_noon() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "customer_id": [f"noon-{i}" for i in range(30)],
            "decided_at": pd.Timestamp(NOON),
            "seen_at": pd.Timestamp(NOON) + 3 * DAY,
            "returned": [i % 2 for i in range(30)],
        }
    )


def decide(as_of: datetime, **more: bool) -> None:
    run_flow("act", "live", run_flow("predict", "live", as_of, **more))


def seen(live: Installation, as_of: datetime, cohort: datetime = MONDAY) -> tuple[float, float]:
    """The newest interval of the policy's value, after observing."""
    run_flow("observe", "live", as_of)
    values = measurements_of(live.ledger, "live", "value_policy").set_index("cohort")
    assert values.index.is_unique
    return values.loc[cohort_name(cohort), "low"], values.loc[cohort_name(cohort), "high"]


def rows_with(live: Installation, *where: object) -> int:
    statement = select(func.count()).select_from(measurement).where(*where)
    with live.ledger.connect() as connection:
        return connection.execute(statement).scalar_one()


def test_each_of_two_batches_of_a_day_is_a_cohort_of_its_own(on_sqlite):
    run_flow("observe", "live", MONDAY + WEEK + DAY)
    assert measured_cohorts(on_sqlite.ledger, "live") == {"2024-01-01T06:00:00Z", "2024-01-01T12:00:00Z"}
    rates = measurements_of(on_sqlite.ledger, "live", "outcome_rate").set_index("cohort")["n"]
    assert rates["2024-01-01T12:00:00Z"] <= 30
    assert len(on_sqlite.announced("cohort.measured")) == 2


def test_a_cohort_is_measured_again_when_outcomes_have_come_and_not_else(live):
    at_first = seen(live, MONDAY + 8 * DAY)
    before = rows_with(live, measurement.c.is_mature)
    assert seen(live, MONDAY + 15 * DAY) == at_first
    assert rows_with(live, measurement.c.is_mature) == before
    judged = rows_with(live, measurement.c.is_mature, measurement.c.threshold.is_not(None))
    low, high = seen(live, MONDAY + 21 * DAY)
    assert high - low < at_first[1] - at_first[0]  # more is known
    again = [event["payload"] for event in live.announced("cohort.measured")][2:]
    assert again == [{"cohort": "2024-01-01T06:00:00Z", "is_first": False}]
    told = measurement.c.monitor.not_in(["impact_ratio"])
    assert rows_with(live, measurement.c.is_mature, measurement.c.threshold.is_not(None), told) == judged
    (newest,) = [
        one
        for one in newest_measurements(live.ledger, "live")
        if (one.monitor, one.cohort) == ("value_rules", "2024-01-01T06:00:00Z")
    ]
    assert newest.as_of == MONDAY + 21 * DAY


def test_a_cohort_is_measured_with_what_was_known_at_that_time(on_sqlite, tmp_path):
    run_flow("observe", "live", MONDAY + 6 * DAY)
    for as_of in (MONDAY + 21 * DAY, MONDAY + 8 * DAY):  # a reading of later times came first
        run_task("tasks.observe.outcomes", "read_outcomes", "live", as_of)
    told = seen(on_sqlite, MONDAY + 8 * DAY)
    known = decisions_with_outcomes(on_sqlite.ledger, "live", MONDAY, MONDAY, MONDAY + 8 * DAY)
    assert known["observed_at"].notna().sum() == A_WEEK // 2
    low, high = seen(on_sqlite, MONDAY + 22 * DAY)  # the later reading is news once its time has come
    assert high - low < told[1] - told[0]


def test_an_as_of_to_come_is_refused_before_anything_is_written(on_sqlite):
    before = on_sqlite.tables()
    typing_error = datetime(2142, 1, 8)
    for flow in ("predict", "observe", "learn", "retrain"):
        with pytest.raises(UsageError, match="still to come"):
            run_flow(flow, "live", typing_error)
    assert on_sqlite.tables() == before


def test_a_measurement_of_times_to_come_does_not_stay_the_last(live):
    run_flow("observe", "live", MONDAY + DAY)
    of_2142 = a_figure("2024-01-01T06:00:00Z", datetime(2142, 1, 8, tzinfo=UTC))
    append_measurements(live.ledger, [of_2142], at=MONDAY + 7 * DAY)
    seen(live, MONDAY + 8 * DAY)
    newest = {(one.cohort, one.monitor): one for one in newest_measurements(live.ledger, "live")}
    assert newest["2024-01-01T06:00:00Z", "value_rules"].as_of == MONDAY + 8 * DAY


def a_figure(cohort: str, as_of: datetime) -> Measurement:
    return Measurement(
        use_case="live", release_id=None, monitor="value_rules", slice="all", cohort=cohort, value=None, low=None,
        high=None, n=0, effective_n=None, is_mature=True, as_of=as_of,
    )  # fmt: skip


def test_an_as_of_without_a_zone_is_utc(on_sqlite):
    assert run_flow("predict", "live", datetime(2024, 1, 1, 6)) == "live/2024-01-01T06:00:00Z"
