"""That a cohort was measured follows from its figures, those of an older ledger too; and what was not is found."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert

from decisionloop.ledger.batches import append_batch_event, time_of_cohort
from decisionloop.ledger.measured_cohorts import LastMeasured, last_measured, unmeasured_batches
from decisionloop.ledger.measurements import Measurement, append_measurements
from decisionloop.ledger.storage.engine import Ledger, create_or_upgrade, open_ledger
from tests.ledger.conftest import AS_OF, USE_CASE, opened_batch
from tests.ledger.older_ledgers import older_ledger, table_of

DAY = timedelta(days=1)
COHORT = f"{AS_OF:%Y-%m-%d}"
MADE = AS_OF + 40 * DAY


def figure(cohort: str = COHORT, monitor: str = "value_rules", as_of: datetime = MADE, **other: object) -> Measurement:
    values: dict[str, object] = {"is_mature": True, **other}
    return Measurement(USE_CASE, None, monitor, "all", cohort, 1.0, 0.5, 1.5, 9, 9.0, as_of=as_of, **values)  # type: ignore[arg-type]


def test_a_cohort_was_measured_when_its_newest_figures_were_made(ledger: Ledger) -> None:
    append_measurements(ledger, [figure(), figure(monitor="value_policy")], MADE + DAY)
    assert last_measured(ledger, USE_CASE) == {COHORT: LastMeasured(MADE, MADE + DAY)}
    append_measurements(ledger, [figure(as_of=MADE + 9 * DAY)], MADE + 5 * DAY)  # no figure knows what is to come
    assert last_measured(ledger, USE_CASE) == {COHORT: LastMeasured(MADE + 5 * DAY, MADE + 5 * DAY)}
    assert last_measured(ledger, "another") == {}


def test_figures_that_are_there_already_measure_nothing_once_more(ledger: Ledger) -> None:
    """Else outcomes that came between two runs as of one time would never be news."""
    append_measurements(ledger, [figure()], MADE + DAY)
    append_measurements(ledger, [figure()], MADE + 3 * DAY)
    assert last_measured(ledger, USE_CASE) == {COHORT: LastMeasured(MADE, MADE + DAY)}
    append_measurements(ledger, [figure(), figure(monitor="value_policy")], MADE + 5 * DAY)
    assert last_measured(ledger, USE_CASE) == {COHORT: LastMeasured(MADE, MADE + 5 * DAY)}


@pytest.mark.parametrize(
    "other",
    [{"is_mature": False}, {"threshold": 0.8}, {"monitor": "feature_worth"}, {"monitor": "pooled_value_rules"}],
    ids=["young", "a check against a limit", "a review of features", "cohorts as one"],
)
def test_what_measures_no_cohort_does_not_say_so(ledger: Ledger, other: dict[str, object]) -> None:
    append_measurements(ledger, [figure(**other)])  # type: ignore[arg-type]
    assert last_measured(ledger, USE_CASE) == {}


def test_decided_batches_that_were_never_measured_are_found(ready: Ledger) -> None:
    weeks = [AS_OF + timedelta(weeks=week) for week in range(4)]
    found = [opened_batch(ready, as_of) for as_of in weeks]
    for one in found[:3]:
        append_batch_event(ready, one.batch_id, "decided", {"decided_by": "rules"})
    append_measurements(ready, [figure(f"{weeks[1]:%Y-%m-%d}")])
    ids = [one.batch_id for one in unmeasured_batches(ready, USE_CASE, weeks[-1])]
    assert ids == [found[0].batch_id, found[2].batch_id]
    assert [one.batch_id for one in unmeasured_batches(ready, USE_CASE, weeks[1])] == [found[0].batch_id]
    append_batch_event(ready, found[0].batch_id, "expired")  # by retention: nothing of it is to be measured any more
    assert [one.batch_id for one in unmeasured_batches(ready, USE_CASE, weeks[-1])] == [found[2].batch_id]


@pytest.fixture(params=["sqlite", "postgresql"])
def older(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a ledger before, with figures of its own and of the first versions."""
    return older_ledger(request, tmp_path, "0023", _fill)


def _fill(connection: Connection) -> None:
    tables = {name: table_of(connection, name) for name in ("use_case_version", "batch", "batch_event", "measurement")}
    contract = {"contract_digest": "c" * 64, "use_case": USE_CASE, "contract_version": 1, "contract_yaml": ""}
    connection.execute(insert(tables["use_case_version"]), [contract | {"recorded_at": MADE}])
    states = {"2024-01-01": "halted", "2024-01-01T03:00:00Z": "expired"}  # neither is measured, so the next one was
    for name in (*states, "2024-01-01T06:00:00Z", "2024-01-01T12:00:00Z", "2024-01-02", "2024-01-02T12:00:00Z"):
        opened = {"batch_id": f"{USE_CASE}/{name}", "use_case": USE_CASE, "as_of": time_of_cohort(name)}
        connection.execute(insert(tables["batch"]), [opened | {"contract_digest": "c" * 64, "opened_at": MADE}])
        event = {"batch_id": opened["batch_id"], "seq": 1, "state": "decided", "detail": "{}", "at": MADE}
        last = event | {"seq": 2, "state": states.get(name, "complete")}
        connection.execute(insert(tables["batch_event"]), [event, last])
    told = [
        figure("2024-01-01"), figure("2024-01-02"), figure("2024-01-02", as_of=MADE + DAY),
        figure("2024-01-03", threshold=1.0), figure("2024-01-04", "pooled_value"), figure("2024-01-05", "featureless"),
    ]  # fmt: skip
    rows = [vars(one) | {"measurement_id": str(n), "recorded_at": MADE + 2 * DAY} for n, one in enumerate(told)]
    connection.execute(insert(tables["measurement"]), rows)


def test_figures_of_an_older_ledger_say_so_and_a_day_names_its_first_batch(older: str) -> None:
    """Else every cohort would be measured, and alarmed of, once more."""
    create_or_upgrade(older).close()
    with open_ledger(older) as ledger:
        made = MADE + 2 * DAY
        assert last_measured(ledger, USE_CASE) == {
            "2024-01-01T06:00:00Z": LastMeasured(MADE, made),
            "2024-01-02": LastMeasured(MADE + DAY, made),
            "2024-01-05": LastMeasured(MADE, made),
        }
        waiting = [one.batch_id for one in unmeasured_batches(ledger, USE_CASE, datetime(2024, 2, 1, tzinfo=UTC))]
        assert waiting == [f"{USE_CASE}/2024-01-01T12:00:00Z", f"{USE_CASE}/2024-01-02T12:00:00Z"]
