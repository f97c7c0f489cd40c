"""How much each batch could teach, as it was known at a time: an old question gets its answer of then."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pandas as pd

from decisionloop.ledger.decisions import append_decisions, decisions_with_outcomes
from decisionloop.ledger.executions import append_executions, count_executions
from decisionloop.ledger.outcomes import append_outcomes
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.teaching import teaching_by_batch
from tests.ledger.conftest import AS_OF, USE_CASE, BatchRows

DAY = timedelta(days=1)
ACTIONS = ["increase", "hold"]


def tell(ledger: Ledger, batch: BatchRows, places: Sequence[int], revision: int, outcome_class: int, day: int) -> None:
    """Record an outcome of some decisions of a batch, seen on a day."""
    seen = pd.Timestamp(AS_OF + day * DAY)
    rows = pd.DataFrame({"decision_id": batch.decisions["decision_id"].iloc[list(places)]})
    rows = rows.assign(
        revision=revision, outcome_class=float(outcome_class), amount=1.0, observed_at=seen, recorded_at=seen,
        happened_at=None, kind="first" if revision == 1 else "contradiction",
    )  # fmt: skip
    append_outcomes(ledger, rows)


def counted(ledger: Ledger, day: int, revealing: Sequence[str] = ACTIONS, **more: bool) -> list[tuple[int, int, int]]:
    """Outcomes, events and corrections by batch, as known on a day."""
    told = teaching_by_batch(ledger, USE_CASE, (AS_OF, AS_OF), revealing, AS_OF + day * DAY, **more)
    return [(one.outcomes, one.events, one.corrections) for one in told]


def test_what_was_seen_later_teaches_nothing_as_of_an_old_day(ready: Ledger, rows) -> None:
    batch = rows(6)
    with ready.begin() as connection:
        append_decisions(connection, batch.decisions)
    tell(ready, batch, [0, 1, 2], 1, 1, day=10)
    tell(ready, batch, [0], 2, 0, day=20)
    tell(ready, batch, [3], 1, 1, day=30)
    assert [counted(ready, day) for day in (9, 10, 20, 30)] == [[], [(3, 3, 0)], [(3, 2, 1)], [(4, 3, 1)]]
    for day in (10, 20, 30):
        log = decisions_with_outcomes(ready, USE_CASE, AS_OF, AS_OF, AS_OF + day * DAY)
        known = log["outcome_class"].dropna()
        assert [(len(known), known.sum())] == [one[:2] for one in counted(ready, day)]


def test_where_no_news_is_a_no_what_was_seen_later_was_a_no(ready: Ledger, rows) -> None:
    batch = rows(6)
    with ready.begin() as connection:
        append_decisions(connection, batch.decisions)
    tell(ready, batch, [0, 1], 1, 1, day=10)
    told = [counted(ready, day, is_absent_zero=True) for day in (9, 10)]
    assert told == [[(6, 0, 0)], [(6, 2, 0)]]


def test_what_was_said_later_of_what_was_executed_is_not_known_before(ready: Ledger, rows) -> None:
    batch = rows(6)
    with ready.begin() as connection:
        append_decisions(connection, batch.decisions)
    tell(ready, batch, range(6), 1, 1, day=10)
    said = pd.DataFrame({"decision_id": batch.decisions["decision_id"].iloc[[1]]})
    seen = pd.Timestamp(AS_OF + 20 * DAY)
    append_executions(
        ready,
        said.assign(
            revision=1, executed_action="increase", overridden_by="a clerk", override_reason=None, observed_at=seen,
            recorded_at=seen,
        ),
    )  # fmt: skip
    assert [counted(ready, day, ["increase"]) for day in (10, 20)] == [[(3, 3, 0)], [(4, 4, 0)]]
    batch_id = batch.decisions["batch_id"].iloc[0]
    assert [count_executions(ready, [batch_id], AS_OF + day * DAY) for day in (10, 20)] == [{}, {batch_id: 1}]
