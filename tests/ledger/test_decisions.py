"""Decisions and their actions are appended together, and read back with the latest outcome known at a time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import Connection, func, select

from decisionloop.errors import UsageError
from decisionloop.ledger.decisions import (
    ShadowRun,
    append_decisions,
    append_shadow_run,
    decisions_of_batch,
    decisions_with_outcomes,
    shadow_runs,
)
from decisionloop.ledger.outbox import count_pending, messages_of_batch
from decisionloop.ledger.outcomes import OutcomeIntake, append_intake, append_outcomes, intakes, latest_outcomes
from decisionloop.ledger.schema import decision_group, decision_row
from decisionloop.ledger.storage.engine import Ledger

Rows = Callable[..., Any]
AS_OF = datetime(2005, 7, 8, tzinfo=UTC)
WEEK, MONTH = timedelta(days=7), timedelta(days=31)
BATCH = "credit_line/2005-07-08"
RULES = "credit_line/rules/000000000001"


def log(ledger: Ledger, batch: Any) -> int:
    """Append the rows of a batch in one transaction."""
    with ledger.begin() as connection:
        return append_decisions(connection, batch.decisions)


def revision(batch: Any, places: list[int], number: int, outcome_class: int, months: int) -> pd.DataFrame:
    """The n-th revision of some decisions' outcomes, observed some months after the decision."""
    observed = AS_OF + months * MONTH
    ids = batch.decisions["decision_id"].iloc[places]
    return pd.DataFrame(
        {"decision_id": ids, "revision": number, "outcome_class": outcome_class, "amount": 1.5 * number,
         "observed_at": observed, "recorded_at": observed, "kind": "first" if number == 1 else "contradiction"}
    )  # fmt: skip


def test_a_batch_is_appended_once_and_what_it_sends_is_queued_with_it(ready: Ledger, rows: Rows) -> None:
    assert [log(ready, rows(5)), log(ready, rows(5))] == [5, 0]
    sent = messages_of_batch(ready, BATCH)
    assert sent["decision_id"].tolist() == rows(5).sent_ids
    assert len(sent) == count_pending(ready, "credit_line") == 3
    expected = {"use_case": "credit_line", "action": "increase", "payload": "{}"}
    assert (sent[list(expected)] == pd.Series(expected)).all(axis=None)
    assert sorted(sent["entity_id"]) == ["client-00000", "client-00002", "client-00004"]


def test_decisions_and_actions_are_kept_together_or_not_at_all(ready: Ledger, rows: Rows) -> None:
    """The rows come first: what is wrong with a group that they have in common must undo them."""
    batch = rows(1_200)

    def log_then_stop(connection: Connection) -> None:
        append_decisions(connection, batch.decisions)
        raise RuntimeError("the guard said no")

    for wrong in (batch.decisions.assign(is_sent=None), batch.decisions.assign(latency_ms=np.nan)):
        with pytest.raises(UsageError, match=r"must be known"), ready.begin() as connection:
            append_decisions(connection, wrong)
    with pytest.raises(RuntimeError, match="the guard said no"), ready.begin() as connection:
        log_then_stop(connection)
    assert len(decisions_of_batch(ready, BATCH)) == 0
    assert count_pending(ready, "credit_line") == 0
    with ready.connect() as connection:
        for table in (decision_row, decision_group):
            assert connection.execute(select(func.count()).select_from(table)).scalar_one() == 0


def test_a_role_that_the_ledger_does_not_know_is_refused(ready: Ledger, rows: Rows) -> None:
    batch = rows(2)
    for wrong in (batch.decisions.assign(role="king"), batch.decisions.assign(role="shadow")):
        with pytest.raises(UsageError, match=r"roles (king|shadow) are none"), ready.begin() as connection:
            append_decisions(connection, wrong)


def test_the_decisions_of_a_batch_come_back_as_they_were_in_snapshot_order(ready: Ledger, rows: Rows) -> None:
    batch = rows(50)
    shuffled = batch.decisions.sample(frac=1.0, random_state=1)
    with ready.begin() as connection:
        append_decisions(connection, shuffled)
    found = decisions_of_batch(ready, BATCH)
    expected = batch.decisions[[name for name in found.columns if name in batch.decisions]]
    pd.testing.assert_frame_equal(found[expected.columns], expected, check_dtype=False)
    assert found[["amount", "fallback_reason"]].isna().all(axis=None)


def test_no_question_that_the_loop_asks_of_decisions_reads_them_all(sqlite_ledger: Ledger) -> None:
    batches = "SELECT batch_id FROM batch WHERE use_case = 'x' AND as_of >= '2005' AND as_of <= '2006'"
    questions = ["batch_id = 'b'", f"batch_id IN ({batches})", f"batch_id IN ({batches}) AND entity_id = 'e'"]
    with sqlite_ledger.connect() as connection:
        for where in [*questions, "decision_id = 'd'"]:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN SELECT * FROM decision WHERE {where}").all()
            assert not [step for step in plan if "SCAN" in step.detail], where


def test_every_decision_of_a_span_comes_once_with_its_latest_outcome(ready: Ledger, rows: Rows, opening: Rows) -> None:
    first, second = rows(4), rows(4, AS_OF + WEEK)
    opening(ready, AS_OF + WEEK)
    opening(ready, AS_OF, "another")
    for batch in (first, second, rows(3, AS_OF, "another")):
        log(ready, batch)
    append_outcomes(ready, revision(first, [0, 1], 1, 0, months=1))
    append_outcomes(ready, revision(first, [1], 2, 1, months=2))
    append_outcomes(ready, revision(second, [2], 1, 1, months=1))
    found = decisions_with_outcomes(ready, "credit_line", AS_OF, AS_OF + WEEK)
    assert found["decision_id"].tolist() == [*first.decisions["decision_id"], *second.decisions["decision_id"]]
    assert found["outcome_class"].tolist()[:2] == [0, 1]
    assert found["outcome_revision"].tolist()[:2] == [1, 2]
    assert found["outcome_amount"].tolist()[:2] == [1.5, 3.0]
    assert found["outcome_class"].notna().tolist() == [True, True, False, False, False, False, True, False]
    assert (found["propensity"] == 0.95).all()
    only_first = decisions_with_outcomes(ready, "credit_line", AS_OF, AS_OF)
    assert set(only_first["batch_id"]) == {BATCH}


def test_a_question_about_the_past_does_not_see_what_was_observed_later(ready: Ledger, rows: Rows) -> None:
    batch = rows(3)
    log(ready, batch)
    append_outcomes(ready, revision(batch, [0, 1], 1, 0, months=1))
    append_outcomes(ready, revision(batch, [0], 2, 1, months=2))
    known = [AS_OF, AS_OF + MONTH, AS_OF + 2 * MONTH]
    revisions = [decisions_with_outcomes(ready, "credit_line", AS_OF, AS_OF, at)["outcome_revision"] for at in known]
    assert [numbers.fillna(0).tolist() for numbers in revisions] == [[0, 0, 0], [1, 1, 0], [2, 1, 0]]
    latest = [latest_outcomes(ready, "credit_line", AS_OF, AS_OF, at) for at in known]
    told = [dict(zip(found["decision_id"], found["revision"], strict=True)) for found in latest]
    first, second = batch.decisions["decision_id"].iloc[:2]
    assert told == [{}, {first: 1, second: 1}, {first: 2, second: 1}]


def test_a_revision_that_is_there_is_never_told_otherwise(ready: Ledger, rows: Rows) -> None:
    batch = rows(2)
    log(ready, batch)
    append_outcomes(ready, revision(batch, [0], 1, 0, months=1))
    with pytest.raises(UsageError, match="1 of 2 rows for outcome"):
        append_outcomes(ready, revision(batch, [0, 1], 1, 1, months=1))
    assert latest_outcomes(ready, "credit_line", AS_OF, AS_OF)["outcome_class"].tolist() == [0]


def test_the_books_of_an_intake_are_kept_once(ready: Ledger) -> None:
    counts = {"rows_read": 9, "matched": 8, "first": 4, "late": 1, "duplicate": 2, "contradictory": 1, "unknown": 1}
    for as_of, is_new in ((AS_OF, True), (AS_OF, False), (AS_OF + WEEK, True)):
        assert append_intake(ready, OutcomeIntake("credit_line", as_of, invalid=0, **counts)) is is_new
    found = intakes(ready, "credit_line")
    assert [intake.as_of for intake in found] == [AS_OF, AS_OF + WEEK]
    assert found[0].contradictory == 1


def test_shadow_runs_come_in_the_order_of_their_batches(released: Ledger, opening: Rows) -> None:
    later = opening(released, AS_OF + WEEK).batch_id
    runs = [
        ShadowRun(later, RULES, "failed", "division by zero", 5, 0, 1.5, AS_OF),
        ShadowRun(BATCH, RULES, "ok", None, 5, 0, 1.5, AS_OF + WEEK),
    ]
    for run in (*runs, runs[0]):
        append_shadow_run(released, run)
    assert shadow_runs(released, RULES) == (runs[1], runs[0])
