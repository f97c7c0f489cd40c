"""Decisions taken apart into groups and rows and told again by the view are the decisions that came in."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from decisionloop.errors import UsageError
from decisionloop.ledger.decision_groups import grouped
from decisionloop.ledger.decisions import append_decisions, decisions_of_batch
from decisionloop.ledger.outbox import messages_of_batch
from decisionloop.ledger.schema import decision, decision_group, decision_row
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.storage.frames import read, read_frame
from tests.examples import examples

Rows = Callable[..., Any]
AS_OF = datetime(2005, 7, 8, tzinfo=UTC)
BATCH = "credit_line/2005-07-08"
_days = itertools.count(1)
each_with_its_fixtures = settings(examples(12), suppress_health_check=[HealthCheck.function_scoped_fixture])
# What groups are made of (few different values, so that rows share them) and what is a row's own.
words = st.sampled_from(["", "a", "b", "é", "a,b", '"', "NULL"])
stories = st.lists(
    st.tuples(
        st.sampled_from(["champion", "baseline", "holdout"]), words, st.none() | words, st.booleans(),
        st.sampled_from([0.0, -0.0, 0.5, np.inf]), st.sampled_from([AS_OF, AS_OF + timedelta(microseconds=1)]),
        st.none() | st.floats(), st.none() | st.floats(), words, st.floats(1e-9, 1.0),
    ),
    min_size=1, max_size=25,
)  # fmt: skip
STORY = (
    "role", "action", "fallback_reason", "is_sent", "latency_ms", "decided_at", "score", "amount", "reason_codes",
    "propensity",
)  # fmt: skip


def told(frame: pd.DataFrame, told_stories: Sequence[tuple[Any, ...]], is_encoded: bool) -> pa.Table:
    """The decisions of a frame, telling these stories; text dictionary-encoded, as the policy hands it over."""
    table = pa.Table.from_pandas(frame.drop(columns=[n for n in STORY if n in frame]), preserve_index=False)
    for name, values in zip(STORY, zip(*told_stories, strict=True), strict=True):
        column = pa.array(values)
        is_text = pa.types.is_string(column.type)
        table = table.append_column(name, column.dictionary_encode() if is_text and is_encoded else column)
    return table


def _plain(table: pa.Table) -> list[dict[str, Any]]:
    """Rows as Python values, NaN as null: neither ledger keeps a NaN."""
    return [
        {name: None if isinstance(value, float) and np.isnan(value) else value for name, value in row.items()}
        for row in table.select(list(decision.c.keys())).to_pylist()
    ]


@each_with_its_fixtures
@given(told_stories=stories, is_encoded=st.booleans(), order=st.randoms(use_true_random=False))
def test_the_view_tells_exactly_what_was_appended(
    ledger: Ledger, rows: Rows, told_stories: list[tuple[Any, ...]], is_encoded: bool, order: Any
) -> None:
    frame = rows(len(told_stories), AS_OF + timedelta(days=next(_days))).decisions
    table = told(frame, told_stories, is_encoded)
    shuffled = table.take(order.sample(range(len(table)), len(table)))
    with ledger.begin() as connection:
        assert append_decisions(connection, shuffled) == len(table)
        assert append_decisions(connection, table) == 0
    batch_id = frame["batch_id"].iloc[0]
    found = read(ledger, select(decision).where(decision.c.batch_id == batch_id).order_by(decision.c.snapshot_row))
    assert _plain(found) == _plain(table)
    sent = table.filter(table["is_sent"].combine_chunks()).to_pandas().sort_values("decision_id")
    queued = messages_of_batch(ledger, batch_id)
    assert queued["decision_id"].tolist() == sent["decision_id"].tolist()
    assert queued["queued_at"].tolist() == sent["decided_at"].tolist()


@each_with_its_fixtures
@given(told_stories=stories, is_encoded=st.booleans())
def test_rows_are_of_one_group_where_they_have_in_common_what_a_group_says(
    rows: Rows, told_stories: list[tuple[Any, ...]], is_encoded: bool
) -> None:
    table = told(rows(len(told_stories)).decisions, told_stories, is_encoded)
    taken_apart = grouped(table)
    groups = taken_apart.groups.to_pandas().set_index("group_id")
    assert groups.index.is_unique
    assert len(groups.drop_duplicates()) == len(groups)
    assert set(taken_apart.rows["group_id"].to_pylist()) == set(groups.index)
    assert (groups.index > 0).all()
    again = grouped(table.take(np.arange(len(table))[::-1]))
    assert again.groups.sort_by("group_id").equals(taken_apart.groups.sort_by("group_id"))
    ids = taken_apart.rows["decision_id"].to_pylist()
    assert ids == sorted(ids)


def test_minus_zero_is_zero(rows: Rows) -> None:
    frames = [rows(2).decisions.assign(latency_ms=[0.0, -0.0], action="hold")[::step] for step in (1, -1)]
    first, again = (grouped(frame.assign(role="champion", decided_at=AS_OF)).groups for frame in frames)
    assert len(first.group_by("latency_ms").aggregate([])) == 1
    assert first.sort_by("group_id").equals(again.sort_by("group_id"))


def test_a_batch_of_one_kind_is_one_group(ready: Ledger, rows: Rows) -> None:
    with ready.begin() as connection:
        append_decisions(connection, rows(500).decisions)
    with ready.connect() as connection:
        assert connection.execute(select(func.count()).select_from(decision_group)).scalar_one() == 2
        assert connection.execute(select(func.count()).select_from(decision_row)).scalar_one() == 500


def test_decisions_that_are_there_stay_as_they_are_and_new_ones_beside_them_are_told(ready: Ledger, rows: Rows) -> None:
    with ready.begin() as connection:
        append_decisions(connection, rows(3).decisions)
    changed = rows(5).decisions.assign(action="other", is_sent=True)
    with ready.begin() as connection:
        assert append_decisions(connection, changed) == 2
    found = decisions_of_batch(ready, BATCH)
    assert found["action"].tolist() == ["increase", "hold", "increase", "other", "other"]
    assert found["is_sent"].tolist() == [True, False, True, True, True]


def test_a_decision_that_comes_twice_in_one_append_is_kept_once(ready: Ledger, rows: Rows) -> None:
    with ready.begin() as connection:
        assert append_decisions(connection, pd.concat([rows(3).decisions] * 2)) == 3
    assert len(decisions_of_batch(ready, BATCH)) == 3


def test_two_batches_that_are_decided_alike_are_told_apart(ready: Ledger, rows: Rows, opening: Rows) -> None:
    week = timedelta(days=7)
    opening(ready, AS_OF + week)
    for batch in (rows(4), rows(6, AS_OF + week)):
        with ready.begin() as connection:
            append_decisions(connection, batch.decisions)
    for as_of, expected in ((AS_OF, rows(4)), (AS_OF + week, rows(6, AS_OF + week))):
        found = decisions_of_batch(ready, expected.decisions["batch_id"].iloc[0])
        assert found["decision_id"].tolist() == expected.decisions["decision_id"].tolist()
        assert set(found["as_of"]) == {as_of}


def test_many_kinds_of_decision_are_numbered_without_mistake(rows: Rows) -> None:
    """So many combinations that their number no longer fits into one integer key at once."""
    n = 4_000
    random = np.random.default_rng(0)
    frame = rows(n).decisions
    for name in ("action", "rules_action", "fallback_reason", "policy_version", "release_id", "contract_digest"):
        frame[name] = random.integers(0, n, n).astype(str)
    frame["latency_ms"] = random.random(n)
    taken_apart = grouped(frame)
    joined = taken_apart.rows.to_pandas().merge(taken_apart.groups.to_pandas(), on="group_id").set_index("decision_id")
    expected = frame.set_index("decision_id").loc[joined.index]
    assert len(taken_apart.groups) == n
    for name in ("action", "rules_action", "fallback_reason", "policy_version", "latency_ms"):
        assert (joined[name] == expected[name]).all(), name


@pytest.mark.parametrize("count", [1, 2, 7, 30])
def test_ranges_of_the_parts_of_a_batch_hold_ids_in_turn(rows: Rows, count: int) -> None:
    """What is appended range by range grows the index of ids at its end, whichever part it comes from."""
    frame = rows(400).decisions
    parts = [grouped(frame.iloc[start::2]) for start in range(2)]
    ranges = [part.ranges(count) for part in parts]
    for part, of_part in zip(parts, ranges, strict=True):
        assert pa.concat_tables(of_part).equals(part.rows)
    together = [sorted(pa.concat_tables(same)["decision_id"].to_pylist()) for same in zip(*ranges, strict=True)]
    assert all(together)
    assert list(itertools.chain(*together)) == sorted(frame["decision_id"])


def test_no_decisions_are_no_error(ready: Ledger, rows: Rows) -> None:
    with ready.begin() as connection:
        assert append_decisions(connection, rows(0).decisions.astype({"score": "float64"})) == 0
    assert read_frame(ready, select(decision.c.decision_id)).empty


def test_a_column_that_decisions_do_not_have_is_refused(rows: Rows) -> None:
    with pytest.raises(UsageError, match=r"decision has no column group_id\. It has decision_id"):
        grouped(rows(2).decisions.assign(group_id=1))
