"""Rows by the thousand arrive whole and unchanged, once, and only if the caller's transaction does."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, literal, null, select

from decisionloop.errors import UsageError
from decisionloop.ledger.decisions import append_decisions
from decisionloop.ledger.schema import decision, decision_row, expectation_result, outcome
from decisionloop.ledger.storage.bulk import WORTH_LITERALS_ROWS, append
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.storage.frames import read, read_frame
from tests.examples import examples

Rows = Callable[..., Any]
Story = tuple[str, str | None, float | None, float | None, datetime]
AS_OF = datetime(2005, 7, 8, tzinfo=UTC)
NASTY = [
    '"',
    "'",
    "''",
    "",
    " ",
    "\n",
    "\r\n",
    "\t",
    "\\",
    "\\N",
    "\\.",
    "\\\\",
    ",",
    ";",
    "%",
    "%s",
    "%(x)s",
    ":x",
    "NULL",
    "null",
    "NaN",
    "é",
    "雪",
    "\U0001f600",
    "\u2028",
    '{"a": "b,c"}',
    "a\n\\.\nb",
    "\x01",
    "$1",
    "?",
]
_characters = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
texts = st.one_of(st.sampled_from(NASTY), st.text(_characters))
numbers = st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True))
times = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))
# What is asked for is written out in the statement, and SQLite reads decimals of extreme exponents a bit off.
asked_numbers = st.just(0.0) | st.floats(1e-200, 1e200) | st.floats(-1e200, -1e-200)
stories = st.lists(st.tuples(texts, st.none() | texts, numbers, numbers, times), min_size=1, max_size=12)
each_with_its_fixtures = settings(examples(12), suppress_health_check=[HealthCheck.function_scoped_fixture])
_days = itertools.count(1)


def told(frame: pd.DataFrame, told_stories: Sequence[Story]) -> pa.Table:
    """The decisions of a frame, telling these stories."""
    text, maybe_text, number, maybe_number, time = (list(column) for column in zip(*told_stories, strict=True))
    columns = {
        "action_values": pa.array(text, pa.string()),
        "fallback_reason": pa.array(maybe_text, pa.string()),
        "score": pa.array(number, pa.float64()),
        "amount": pa.array(maybe_number, pa.float64()),
        "decided_at": pa.array(time, pa.timestamp("us", tz="UTC")),
    }
    kept = frame.drop(columns=[name for name in columns if name in frame])
    table = pa.Table.from_pandas(kept, preserve_index=False)
    for name, values in columns.items():
        table = table.append_column(name, values)
    return table


@each_with_its_fixtures
@given(told_stories=stories, is_repeated=st.booleans())
def test_any_text_number_and_time_comes_back_as_it_was(
    ledger: Ledger, rows: Rows, told_stories: list[Story], is_repeated: bool
) -> None:
    """Few rows are handed over one by one; what a thousand rows say alike travels as a literal."""
    all_stories = told_stories[:1] * WORTH_LITERALS_ROWS if is_repeated else told_stories
    frame = rows(len(all_stories), AS_OF + timedelta(days=next(_days))).decisions
    with ledger.begin() as connection:
        assert append_decisions(connection, told(frame, all_stories)) == len(frame)
    names = ("action_values", "fallback_reason", "score", "amount", "decided_at")
    statement = select(*(decision.c[name] for name in names)).order_by(decision.c.snapshot_row)
    statement = statement.where(decision.c.batch_id == frame["batch_id"].iloc[0])
    expected = [tuple(_null_if_nan(value) for value in story) for story in all_stories]
    with ledger.connect() as connection:
        assert [tuple(row) for row in connection.execute(statement)] == expected
    assert [tuple(row.values()) for row in read(ledger, statement).to_pylist()] == expected


@each_with_its_fixtures
@given(text=texts, number=asked_numbers, time=times)
def test_what_is_asked_for_reaches_the_database_unchanged(
    ledger: Ledger, rows: Rows, text: str, number: float, time: datetime
) -> None:
    frame = rows(1, AS_OF + timedelta(days=next(_days))).decisions
    with ledger.begin() as connection:
        append_decisions(connection, told(frame, [(text, None, number, None, time)]))
    of_batch = decision.c.batch_id == frame["batch_id"].iloc[0]
    same = (decision.c.action_values == text, decision.c.score == number, decision.c.decided_at == time)
    found = select(decision.c.decision_id).where(of_batch)
    assert len(read(ledger, found.where(*same))) == 1
    assert len(read(ledger, found.where(decision.c.action_values.in_([text])))) == 1
    assert len(read(ledger, found.where(decision.c.decided_at < time))) == 0


def _null_if_nan(value: object) -> object:
    return None if isinstance(value, float) and math.isnan(value) else value


@pytest.mark.parametrize("number", [math.inf, -math.inf, 0.1, 5e-324, 1.7976931348623157e308, -0.0])
def test_a_number_that_every_row_repeats_is_kept_exactly(ready: Ledger, rows: Rows, number: float) -> None:
    with ready.begin() as connection:
        append(connection, decision_row, rows(WORTH_LITERALS_ROWS).narrow.assign(score=number))
    assert set(read_frame(ready, select(decision_row.c.score))["score"]) == {number}


@pytest.mark.parametrize("n", [1, 7, 2_500])
def test_appending_the_same_rows_again_adds_none(ready: Ledger, rows: Rows, n: int) -> None:
    batch = rows(n)
    for expected in (n, 0):
        with ready.begin() as connection:
            assert append(connection, decision_row, batch.narrow) == expected
    assert read_frame(ready, select(func.count()).select_from(decision_row)).iloc[0, 0] == n


def test_only_the_new_rows_of_an_overlap_are_counted_and_the_first_stay(ready: Ledger, rows: Rows) -> None:
    with ready.begin() as connection:
        append(connection, decision_row, rows(3).narrow)
    changed = rows(5).narrow.assign(entity_id="other")
    with ready.begin() as connection:
        assert append(connection, decision_row, changed) == 2
    found = read_frame(ready, select(decision_row.c.entity_id).order_by(decision_row.c.snapshot_row))
    assert found["entity_id"].tolist() == ["client-00000", "client-00001", "client-00002", "other", "other"]


def test_a_row_that_comes_twice_in_one_append_is_kept_once(ready: Ledger, rows: Rows) -> None:
    twice = pd.concat([rows(3).narrow] * 2)
    with ready.begin() as connection:
        assert append(connection, decision_row, twice) == 3


def test_asked_to_fail_on_conflict_it_says_how_many_and_nothing_is_kept(ready: Ledger, rows: Rows) -> None:
    with ready.begin() as connection:
        append(connection, decision_row, rows(2).narrow, on_conflict="fail")
    with pytest.raises(UsageError, match="2 of 5 rows for decision_row"), ready.begin() as connection:
        append(connection, decision_row, rows(5).narrow, on_conflict="fail")
    assert len(read(ready, select(decision_row))) == 2


def test_several_appends_share_the_callers_transaction(ready: Ledger, rows: Rows) -> None:
    def append_then_stop() -> None:
        with ready.begin() as connection:
            append(connection, decision_row, rows(1_500).narrow)
            append(connection, outcome, _outcome_of(rows(1_500)))
            append(connection, decision_row, rows(1_600).narrow)
            raise RuntimeError("the guard said no")

    with pytest.raises(RuntimeError, match="the guard said no"):
        append_then_stop()
    assert len(read(ready, select(decision_row))) == 0
    assert len(read(ready, select(outcome))) == 0


def test_no_rows_are_no_error(ready: Ledger, rows: Rows) -> None:
    with ready.begin() as connection:
        assert append(connection, decision_row, rows(0).narrow.astype({"score": "float64"})) == 0


def test_integers_beyond_a_float_and_missing_ones_are_kept_exactly(ready: Ledger) -> None:
    counts = [2**53 + 1, None, 0]
    results = pa.table(
        {
            "result_id": ["a", "b", "c"], "batch_id": ["credit_line/2005-07-08"] * 3, "attempt": [1, 1, 1],
            "expectation": ["e"] * 3, "severity": ["warning"] * 3, "is_success": [True, False, True],
            "unexpected_count": counts, "remedy": ["r"] * 3,
        }
    )  # fmt: skip
    with ready.begin() as connection:
        assert append(connection, expectation_result, results) == 3
    found = read(ready, select(expectation_result).order_by(expectation_result.c.result_id))
    assert found["unexpected_count"].to_pylist() == counts
    assert found["is_success"].to_pylist() == [True, False, True]
    assert found["observed"].to_pylist() == [None] * 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda frame: frame.assign(colour="blue"), "decision has no column colour. It has decision_id"),
        (lambda frame: frame.drop(columns="action"), "decision_group.action must be known for every row"),
        (lambda frame: frame.assign(propensity=[0.5, np.nan, 0.5]), "decision_row.propensity must be known .* 1 of 3"),
        (lambda frame: frame.assign(score="high"), "decision_row.score holds values that are no double"),
        (lambda frame: frame.assign(snapshot_row=0.5), "decision_row.snapshot_row holds values that are no int64"),
        (
            lambda frame: frame.assign(as_of=pd.Timestamp("2005-07-08")),
            "decision_group.as_of holds times without a time",
        ),
        (lambda frame: frame.assign(action="a\0b"), "decision_group.action holds text with a NUL"),
    ],
)
def test_rows_that_do_not_fit_are_refused_with_column_and_remedy(
    ready: Ledger, rows: Rows, change: Callable[[pd.DataFrame], pd.DataFrame], message: str
) -> None:
    with pytest.raises(UsageError, match=message), ready.begin() as connection:
        append_decisions(connection, change(rows(3).decisions))


def test_a_column_that_a_table_does_not_have_is_refused(ready: Ledger, rows: Rows) -> None:
    with (
        pytest.raises(UsageError, match=r"decision_row has no column colour\. It has decision_id"),
        ready.begin() as connection,
    ):
        append(connection, decision_row, rows(3).narrow.assign(colour="blue"))


def test_times_of_other_zones_are_kept_as_the_same_instant(ready: Ledger, rows: Rows) -> None:
    taipei = timezone(timedelta(hours=8))
    local = datetime(2005, 7, 8, 14, 30, tzinfo=taipei)
    with ready.begin() as connection:
        append_decisions(connection, rows(1).decisions.assign(decided_at=local))
    with ready.connect() as connection:
        found = connection.execute(select(decision.c.decided_at)).scalar_one()
    assert found == local
    assert found.tzinfo is UTC


def test_a_naive_time_is_refused_where_it_is_bound(ready: Ledger) -> None:
    with (
        ready.connect() as connection,
        pytest.raises(Exception, match=r"without a timezone\. Pass timezone-aware"),
    ):
        connection.execute(select(decision).where(decision.c.as_of == datetime(2005, 7, 8)))


def test_an_empty_result_has_the_types_of_the_schema(ledger: Ledger) -> None:
    statement = select(decision.c.as_of, decision.c.score, decision.c.action, decision.c.snapshot_row)
    found = read_frame(ledger, statement)
    assert [str(kind) for kind in found.dtypes] == ["datetime64[us, UTC]", "float64", "str", "int64"]


def test_columns_that_begin_with_a_thousand_nulls_keep_their_types(ready: Ledger, rows: Rows) -> None:
    n = 70_000  # more than ADBC looks at
    frame = rows(n).decisions.assign(score=np.nan, fallback_reason=None)
    frame.loc[n - 1, ["score", "fallback_reason"]] = [0.25, "missing: utilisation"]
    with ready.begin() as connection:
        append_decisions(connection, frame)
    statement = select(decision.c.score, decision.c.fallback_reason).order_by(decision.c.snapshot_row)
    found = read_frame(ready, statement)
    assert found["score"].notna().sum() == 1
    assert found.iloc[-1].tolist() == [0.25, "missing: utilisation"]


def test_columns_of_one_name_are_told_apart_in_a_join(ready: Ledger, rows: Rows) -> None:
    with ready.begin() as connection:
        append_decisions(connection, rows(2).decisions)
        append(connection, outcome, _outcome_of(rows(2)))
    joined = select(decision.c.amount, outcome.c.amount).join(outcome, outcome.c.decision_id == decision.c.decision_id)
    found = read(ready, joined)
    assert found.column_names == ["amount", "amount_1"]
    assert found.num_rows == 2


def test_an_expression_without_a_type_is_refused(ready: Ledger) -> None:
    with pytest.raises(UsageError, match=r"no known type\. Wrap it"):
        read(ready, select(null().label("nothing")))


def test_reading_sees_what_was_committed_and_leaves_an_open_transaction_alone(ready: Ledger, rows: Rows) -> None:
    with ready.begin() as connection:
        append_decisions(connection, rows(2).decisions)
        assert len(read(ready, select(decision))) == 0
        append(connection, outcome, _outcome_of(rows(1)))
    assert len(read(ready, select(decision))) == 2
    assert read(ready, select(func.sum(decision.c.propensity), literal("x").label("x"))).num_rows == 1


def _outcome_of(batch: Any) -> pd.DataFrame:
    ids = batch.decisions[["decision_id"]]
    return ids.assign(revision=1, outcome_class=1, observed_at=AS_OF, recorded_at=AS_OF, kind="first")
