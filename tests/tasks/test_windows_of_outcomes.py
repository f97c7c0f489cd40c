"""Which outcomes count: what happened in the window, however late it was seen or read, on either engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import select

from decisionloop.ledger.outcomes import OutcomeIntake, intakes
from decisionloop.ledger.schema import outcome
from decisionloop.ledger.storage.frames import read_frame
from tests.engines import ON_ONE
from tests.live_use_case import A_WEEK, MONDAY, orders, returns, write_live
from tests.tasks.installation import Installation, run_flow, run_task, working_in

DAY, WEEK = timedelta(days=1), timedelta(days=7)
Live = Callable[..., Installation]


@pytest.fixture(params=["sqlite", "postgresql"])
def live(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Live]:
    """``live`` with the outcomes that a test gives it, decided on its first two Mondays."""
    url = "" if request.param == "sqlite" else request.getfixturevalue("postgres_url_with_tables")
    with ExitStack() as stack:

        def begin(returned: pd.DataFrame, **sections: object) -> Installation:
            written = write_live(tmp_path / "usecases", orders(2), returned, **sections)
            installation = stack.enter_context(working_in(tmp_path, written, url))
            for monday in (MONDAY, MONDAY + WEEK):
                run_flow("act", "live", run_flow("predict", "live", monday))
            return installation

        yield begin


def read(as_of: datetime) -> str:
    told: str = run_task("tasks.observe.outcomes", "read_outcomes", "live", as_of)
    return told


def books(live: Installation, as_of: datetime) -> OutcomeIntake:
    return next(one for one in intakes(live.ledger, "live") if one.as_of == as_of)


def recorded(live: Installation) -> pd.DataFrame:
    return read_frame(live.ledger, select(outcome).order_by(outcome.c.decision_id, outcome.c.revision))


@pytest.mark.parametrize("live", ON_ONE, indirect=True)
def test_no_pause_drops_what_came_in_time(live):
    """Ten weeks without a turn: the outcomes came meanwhile, five days after each decision."""
    paused = live(returns(orders(2)))
    read(MONDAY + 12 * WEEK)
    counts = books(paused, MONDAY + 12 * WEEK)
    assert (counts.rows_read, counts.first, counts.unknown) == (2 * A_WEEK, 2 * A_WEEK, 0)
    assert recorded(paused)["observed_at"].nunique() == 2


@pytest.mark.parametrize("live", ON_ONE, indirect=True)
def test_what_happened_in_the_window_is_taken_in_however_late_it_was_seen(live):
    late = returns(orders(2)).assign(seen_at=lambda rows: rows["decided_at"] + 100 * DAY)
    seen_late = live(late, outcome={"closed_days": None})
    assert read(MONDAY + 4 * WEEK) == "0 new outcomes"
    assert read(MONDAY + 20 * WEEK) == f"{2 * A_WEEK} new outcomes"
    assert set(recorded(seen_late)["kind"]) == {"late"}
    waited = recorded(seen_late)["observed_at"] - recorded(seen_late)["happened_at"]
    assert set(waited) == {95 * DAY}


@pytest.mark.parametrize("live", ON_ONE, indirect=True)
def test_what_happened_after_the_window_is_refused_with_its_count_so_that_a_label_keeps_its_meaning(live):
    """The same people first told 0 within the week, and came back in the third: no label changes with age."""
    early = returns(orders(2)).assign(returned=0)
    later = early.assign(returned=1, seen_at=early["decided_at"] + 18 * DAY, returned_at=early["decided_at"] + 17 * DAY)
    aged = live(pd.concat([early, later]))
    for week in (1, 2, 5, 9):
        read(MONDAY + week * WEEK)
    assert recorded(aged)["outcome_class"].tolist() == [0] * 2 * A_WEEK
    refused = [one.after_window for one in intakes(aged.ledger, "live")]
    assert sum(refused) == 2 * A_WEEK
    assert "happened after the window of 7 days" in books(aged, MONDAY + 5 * WEEK).detail


@pytest.mark.parametrize("live", ON_ONE, indirect=True)
def test_without_the_time_it_happened_the_time_it_was_seen_stands_in(live):
    late = returns(orders(2), 8)
    refused = live(late, outcome={"happened_at": None})
    read(MONDAY + 5 * WEEK)
    counts = books(refused, MONDAY + 5 * WEEK)
    assert (counts.after_window, counts.matched) == (2 * A_WEEK, 0)
    assert "seen after the window of 7 days" in counts.detail


def test_a_turn_matches_what_is_new_and_a_row_that_was_loaded_late_is_not_lost(live):
    every = returns(orders(2))
    steady = live(every.iloc[1:])
    read(MONDAY + 2 * WEEK)
    assert books(steady, MONDAY + 2 * WEEK).rows_read == 2 * A_WEEK - 1
    read(MONDAY + 3 * WEEK)
    assert books(steady, MONDAY + 3 * WEEK).rows_read == 0
    steady.written.change("returns.csv", lambda had: pd.concat([had, every.iloc[:1].astype(str)]))
    assert read(MONDAY + 4 * WEEK) == "1 new outcomes"
    assert len(recorded(steady)) == 2 * A_WEEK
