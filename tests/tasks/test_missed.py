"""Whoever falls due is decided once, or somebody is told: missed runs and late rows are found and made up for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import select

from decisionloop.cli.missed import halted_lines
from decisionloop.cli.status import as_text, status_of
from decisionloop.custody.erase import Asked, erase
from decisionloop.errors import BatchHalted
from decisionloop.ledger.alerts import alerts
from decisionloop.ledger.batches import append_batch_event, batch_id_of, cohort_name
from decisionloop.ledger.decisions import decisions_of_batch
from decisionloop.ledger.measurements import append_measurements
from decisionloop.ledger.missed_due import (
    HaltedBatch,
    due_times_without_batch,
    halted_batches,
    left_undecided,
    missed_figure,
)
from decisionloop.ledger.outcomes import latest_outcomes
from decisionloop.ledger.schema import erasure
from decisionloop.ledger.summary import batch_summary
from decisionloop.schedule import due_times
from tasks.predict.erased import batches_still_due
from tests.engines import ON_ONE
from tests.live_use_case import A_WEEK, EVERYONE, MONDAY, add_orders, order, orders, returns, write_live
from tests.small_use_case import Written
from tests.tasks.installation import Installation, run_flow, run_task
from tests.tasks.moment import OnEngine, lived_on_engines

pytestmark = pytest.mark.xdist_group("missed")

WEEK, HOUR = timedelta(days=7), timedelta(hours=1)


@pytest.fixture(scope="module")
def lived_on(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnEngine]:
    """``live`` with orders of four weeks, whose first batch is decided."""

    def decide_first(_: Written) -> None:
        run_flow("act", "live", run_flow("predict", "live", MONDAY))

    folder = tmp_path_factory.mktemp("missed")
    yield from lived_on_engines(request, folder, lambda where: write_live(where, orders(4)), decide_first)


@pytest.fixture(params=["sqlite", "postgresql"])
def live(request: pytest.FixtureRequest, lived_on: OnEngine, tmp_path: Path) -> Iterator[Installation]:
    """``live`` with orders of four weeks, whose first batch is decided, on either engine."""
    with lived_on(request.param).copied(tmp_path / "life") as moment, moment.work() as installation:
        yield installation


@pytest.fixture
def on_sqlite(lived_on: OnEngine, tmp_path: Path) -> Iterator[Installation]:
    """``live`` with orders of four weeks, whose first batch is decided."""
    with lived_on("sqlite").copied(tmp_path / "life") as moment, moment.work() as installation:
        yield installation


def decide(live: Installation, as_of: datetime, **more: bool) -> list[str]:
    batch_id = run_flow("predict", "live", as_of, **more)
    run_flow("act", "live", batch_id)
    return decided(live, as_of)


def decided(live: Installation, as_of: datetime) -> list[str]:
    return sorted(decisions_of_batch(live.ledger, batch_id_of("live", as_of))["entity_id"])


def week(number: int) -> list[str]:
    """Who falls due in the week that ends on a Monday."""
    return sorted(orders(number + 1)["customer_id"][number * A_WEEK :])


def missed_runs(as_of: datetime, with_halted: bool = False) -> list[datetime]:
    told: list[datetime] = run_task("tasks.predict.missed", "find_missed_runs", "live", as_of, with_halted)
    return told


def missed_alerts(live: Installation) -> list[str]:
    return [f"{one.severity}: {one.message}" for one in alerts(live.ledger, "live") if one.kind == "missed"]


def test_a_missed_run_is_found_told_and_made_up_for_as_of_its_own_time(live):
    decide(live, MONDAY + 2 * WEEK)
    run_flow("observe", "live", MONDAY + 2 * WEEK)
    (told,) = missed_alerts(live)
    assert told.startswith("critical: 40 of 40 of those (customer) who fell due for the run of 2024-01-08T06:00:00Z")
    assert "there was no run: c00040, c00041" in told
    assert left_undecided(live.ledger, "live") == {"2024-01-08T06:00:00Z": 40.0}
    assert "2024-01-08T06:00:00Z: 40 who fell due were never decided" in as_text(status_of(live.workspace))
    assert missed_runs(MONDAY + 2 * WEEK) == [MONDAY + WEEK]
    assert decide(live, MONDAY + WEEK) == week(1)
    assert missed_runs(MONDAY + 3 * WEEK) == []
    run_flow("observe", "live", MONDAY + 2 * WEEK + HOUR)
    assert left_undecided(live.ledger, "live") == {"2024-01-08T06:00:00Z": 0.0}
    assert "never decided" not in "".join(status_of(live.workspace).missed)
    assert len(missed_alerts(live)) == 1


@pytest.mark.parametrize("live", ON_ONE, indirect=True)
def test_a_late_row_is_found_told_and_decided_with_the_next_batch(live):
    decide(live, MONDAY + WEEK)
    add_orders(live.written, order("late", MONDAY + timedelta(days=3)), order("later", MONDAY - HOUR))
    run_flow("observe", "live", MONDAY + WEEK + HOUR)
    first, second = missed_alerts(live)
    assert first.startswith("warning: 1 of 41 ")
    assert {one.rpartition(": ")[2] for one in (first, second)} == {"late", "later"}
    assert missed_runs(MONDAY + 2 * WEEK) == []
    assert decide(live, MONDAY + 2 * WEEK, with_late=True) == sorted([*week(2), "late", "later"])
    summary = batch_summary(live.ledger, batch_id_of("live", MONDAY + 2 * WEEK))
    assert summary.late == 2
    assert "2 were late" in summary.as_text()
    run_flow("observe", "live", MONDAY + 2 * WEEK)
    assert set(left_undecided(live.ledger, "live").values()) == {0.0}
    assert decide(live, MONDAY + 3 * WEEK, with_late=True) == week(3)


def erase_from(live: Installation, entity: str) -> tuple[str, ...]:
    """Erase somebody as the command does; returns the batches among whose people the source still names them."""
    still_due = batches_still_due(live.workspace, entity)
    erase(live.workspace.settings, live.ledger, "live", entity, Asked("asked", "the officer", still_due))
    return still_due


def test_who_was_erased_and_still_stands_in_the_source_is_neither_counted_nor_named_nor_decided_late(live):
    decide(live, MONDAY + WEEK)
    gone = week(1)[3]
    assert erase_from(live, gone) == (batch_id_of("live", MONDAY + WEEK),)
    run_flow("observe", "live", MONDAY + WEEK + HOUR)
    assert missed_alerts(live) == []
    assert set(left_undecided(live.ledger, "live").values()) <= {0.0}
    assert decide(live, MONDAY + 2 * WEEK, with_late=True) == week(2)
    with live.ledger.connect() as connection:
        (detail,) = connection.execute(select(erasure.c.detail)).scalars()
    assert gone not in detail


def test_who_comes_late_beside_somebody_erased_is_counted_and_decided_and_nobody_is_named(live):
    decide(live, MONDAY + WEEK)
    gone = week(1)[3]
    erase_from(live, gone)
    add_orders(live.written, order("late", MONDAY + timedelta(days=3)), order("later", MONDAY + timedelta(days=3)))
    run_flow("observe", "live", MONDAY + WEEK + HOUR)
    (alert,) = missed_alerts(live)
    assert alert.startswith("warning: 2 of 42 ")
    assert gone not in alert
    assert "late" not in alert.rpartition(": ")[2].split(", ")
    assert "nobody is named" in alert
    assert {"late", "later"} <= set(decide(live, MONDAY + 2 * WEEK, with_late=True))


def test_who_was_removed_from_the_source_before_they_were_erased_hides_no_late_row(live):
    decide(live, MONDAY + WEEK)
    gone = week(1)[3]
    live.written.change("orders.csv", lambda had: had[had["customer_id"] != gone])
    assert erase_from(live, gone) == ()
    add_orders(live.written, order("late", MONDAY + timedelta(days=3)))
    run_flow("observe", "live", MONDAY + WEEK + HOUR)
    (alert,) = missed_alerts(live)
    assert alert.startswith("warning: 1 of 40 ")
    assert alert.endswith(": late")


def test_without_being_asked_a_batch_takes_nobody_of_another_week(on_sqlite):
    decide(on_sqlite, MONDAY + WEEK)
    add_orders(on_sqlite.written, order("late", MONDAY + timedelta(days=3)))
    assert decide(on_sqlite, MONDAY + 2 * WEEK) == week(2)


def test_late_rows_alone_make_a_batch_of_this_moment(on_sqlite):
    decide(on_sqlite, MONDAY + WEEK)
    add_orders(on_sqlite.written, order("late", MONDAY + timedelta(days=3)))
    assert decide(on_sqlite, MONDAY + WEEK + HOUR, with_late=True) == ["late"]
    assert on_sqlite.state_of(MONDAY + WEEK + HOUR) == "complete"


def test_every_customer_is_decided_once_however_runs_fail(on_sqlite):
    """A fortnight without runs, a late row in each week, one batch killed in between: then one scheduled turn."""
    run_flow("predict", "live", MONDAY + WEEK)  # killed before it decided
    late = [order("late-0", MONDAY - HOUR), order("late-1", MONDAY + 3 * HOUR)]
    add_orders(on_sqlite.written, *late)
    for moment in missed_runs(MONDAY + 3 * WEEK):
        decide(on_sqlite, moment)
    decide(on_sqlite, MONDAY + 3 * WEEK, with_late=True)
    everyone = pd.concat([pd.Series(decided(on_sqlite, MONDAY + n * WEEK)) for n in range(4)])
    assert sorted(everyone) == sorted([*orders(4)["customer_id"], "late-0", "late-1"])


def test_nobody_is_missed_before_the_due_time_has_passed(on_sqlite):
    run_flow("observe", "live", MONDAY + WEEK - HOUR)
    assert missed_alerts(on_sqlite) == []
    assert missed_runs(MONDAY + WEEK) == []


def test_who_waits_in_a_halted_batch_is_not_missed(on_sqlite):
    on_sqlite.contract(data_quality={"rows": [500, 1000]})
    with pytest.raises(BatchHalted):
        decide(on_sqlite, MONDAY + WEEK)
    assert missed_runs(MONDAY + 2 * WEEK) == []
    assert missed_alerts(on_sqlite) == []
    (alert,) = [one for one in alerts(on_sqlite.ledger, "live") if one.kind == "validation"]
    assert alert.message.startswith("The batch of 2024-01-08T06:00:00Z was halted: ")
    assert "`decisionloop run live --as-of 2024-01-08T06:00:00Z` decides it" in alert.remedy
    told = halted_batches(on_sqlite.ledger, on_sqlite.workspace.use_case, MONDAY + 2 * WEEK)
    assert told == (HaltedBatch(MONDAY + WEEK, A_WEEK),)
    (line,) = halted_lines("live", told)
    assert line.startswith("2024-01-08T06:00:00Z: the batch was halted and its 40 wait")
    assert "`decisionloop run live --as-of 2024-01-08T06:00:00Z` decides them" in line
    on_sqlite.contract(data_quality={"rows": [20, 1000]})
    assert decide(on_sqlite, MONDAY + WEEK) == week(1)
    assert halted_batches(on_sqlite.ledger, on_sqlite.workspace.use_case, MONDAY + 2 * WEEK) == ()


def test_who_catches_up_by_hand_tries_halted_batches_anew_the_oldest_first(live):
    live.contract(data_quality={"rows": [500, 1000]})
    for moment in (MONDAY + 2 * WEEK, MONDAY + WEEK):
        with pytest.raises(BatchHalted):
            decide(live, moment)
    assert missed_runs(MONDAY + 3 * WEEK) == []  # no run of the schedule tries what a check has stopped
    assert missed_runs(MONDAY + 3 * WEEK, with_halted=True) == [MONDAY + WEEK, MONDAY + 2 * WEEK]
    assert missed_runs(MONDAY + 2 * WEEK, with_halted=True) == [MONDAY + WEEK]  # the turn itself decides its own
    lines = halted_lines("live", halted_batches(live.ledger, live.workspace.use_case, MONDAY + 3 * WEEK))
    assert all("`--catch-up` all who wait" in one for one in lines)
    live.contract(data_quality={"rows": [20, 1000]})
    assert decide(live, MONDAY + WEEK) == week(1)
    assert missed_runs(MONDAY + 3 * WEEK, with_halted=True) == [MONDAY + 2 * WEEK]


def test_what_was_halted_for_good_is_not_tried_again(on_sqlite):
    on_sqlite.contract(data_quality={"rows": [500, 1000]})
    with pytest.raises(BatchHalted):
        decide(on_sqlite, MONDAY + WEEK)
    batch_id = batch_id_of("live", MONDAY + WEEK)
    append_batch_event(on_sqlite.ledger, batch_id, "opened", {})
    append_batch_event(on_sqlite.ledger, batch_id, "halted", {"check": "a guard", "is_closed": True})
    assert missed_runs(MONDAY + 2 * WEEK, with_halted=True) == []


def test_who_fell_due_before_the_look_back_is_not_decided_any_more(on_sqlite):
    accepted = timedelta(days=on_sqlite.workspace.use_case.outcome.accepted_days)
    assert missed_runs(MONDAY + 2 * WEEK) == [MONDAY + WEEK]
    assert missed_runs(MONDAY + 2 * WEEK + accepted) == [MONDAY + 3 * WEEK]


def test_due_times_that_nobody_has_looked_for_are_known_from_the_ledger_alone(on_sqlite):
    use_case = on_sqlite.workspace.use_case
    passed = due_times_without_batch(on_sqlite.ledger, use_case, MONDAY + 3 * WEEK - HOUR)
    assert passed == (MONDAY + WEEK, MONDAY + 2 * WEEK)
    told = [line for line in status_of(on_sqlite.workspace).missed if "there was no run" in line]
    assert len(told) == 1
    assert told[0].endswith(". `decisionloop run live --catch-up` makes up for all of them.")


def test_several_missed_times_are_told_with_one_command(on_sqlite):
    decide(on_sqlite, MONDAY + 3 * WEEK)
    run_flow("observe", "live", MONDAY + 3 * WEEK)
    told = status_of(on_sqlite.workspace).missed
    assert (
        "80 who fell due at 2 due times were never decided: 2024-01-08T06:00:00Z (40), 2024-01-15T06:00:00Z (40)."
        in told
    )
    assert sum(line.count("--catch-up") for line in told) == 1


def test_after_a_long_gap_status_says_how_many_due_times_there_were_in_all(on_sqlite):
    """Only those whose outcomes would still count are named, which may be two of a hundred."""
    use_case = on_sqlite.workspace.use_case
    before = len(due_times(use_case.schedule, MONDAY, datetime.now(UTC)))
    told = status_of(on_sqlite.workspace).missed
    named = [line for line in told if "there was no run" in line]
    assert len(named) == 1
    assert named[0].count("T06:00:00Z") < before
    assert [line for line in told if line not in named] == [
        f"{before} due times have passed since the last batch, {cohort_name(MONDAY)}; those that can still be made up "
        "for are named, and of them the last 31 at most."
    ]


def test_due_times_without_a_run_that_left_nobody_are_told_as_that_and_not_passed_over(on_sqlite):
    use_case, now = on_sqlite.workspace.use_case, datetime.now(UTC)
    passed = due_times_without_batch(on_sqlite.ledger, use_case, now)
    assert len(passed) > 1
    append_measurements(on_sqlite.ledger, [missed_figure("live", passed[-1], 0, 0, now)])
    (told,) = [line for line in status_of(on_sqlite.workspace).missed if "there was no run" in line]
    assert ", nor at 1 other, which left nobody." in told
    assert cohort_name(passed[-1]) not in told


def test_a_replay_misses_nobody(small):
    for week in (0, 3):
        small.predict(week)
        small.act(week)
        small.observe(week)
    assert [one for one in alerts(small.ledger, "small") if one.kind == "missed"] == []
    assert status_of(small.workspace).missed == ()


def test_a_source_that_cannot_say_when_somebody_fell_due_has_missed_runs_and_no_late_rows(on_sqlite):
    (on_sqlite.written.folder / "source.py").write_text(EVERYONE)
    on_sqlite.contract(source={"kind": "custom"}, data_quality={"maximum_age_days": 100}, outcome={"happened_at": None})
    decide(on_sqlite, MONDAY + WEEK)
    add_orders(on_sqlite.written, order("new", MONDAY))
    run_flow("observe", "live", MONDAY + WEEK + HOUR)
    assert missed_alerts(on_sqlite) == []
    assert missed_runs(MONDAY + 4 * WEEK) == [MONDAY + 2 * WEEK, MONDAY + 3 * WEEK]


def outcomes_of(live: Installation, as_of: datetime) -> int:
    """How many decisions of a batch have an outcome."""
    return len(latest_outcomes(live.ledger, "live", as_of, as_of))


def test_who_is_decided_late_gets_the_outcome_that_tells_the_time_of_their_row(on_sqlite):
    """Their row lies more than a period before the batch that took them in."""
    decide(on_sqlite, MONDAY + WEEK)
    add_orders(on_sqlite.written, order("late", MONDAY + HOUR))
    assert "late" in decide(on_sqlite, MONDAY + 2 * WEEK, with_late=True)
    told = returns(order("late", MONDAY + 2 * WEEK)).assign(decided_at=pd.Timestamp(MONDAY + HOUR))
    on_sqlite.written.change("returns.csv", lambda had: pd.concat([had, told], ignore_index=True))
    run_flow("observe", "live", MONDAY + 3 * WEEK)
    assert outcomes_of(on_sqlite, MONDAY + 2 * WEEK) == A_WEEK + 1
