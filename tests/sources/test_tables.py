"""Live tables in files: who is due, what was known and what was seen, never anything later than the as-of."""

from __future__ import annotations

import os

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from decisionloop.errors import SourceError
from decisionloop.sources import ReplaySource, Source
from decisionloop.sources.base import OUTCOME_COLUMNS
from tests.examples import examples

HISTORY = """client,known_at,spend
007,2026-01-01,10
007,2026-01-08,20
8,2026-01-08T12:00:00Z,30
9,2026-01-20,40
"""
DUE = """client,due_at
007,2026-01-05
8,2026-01-08
9,2026-01-12
8,2026-01-12
"""
OUTCOMES = """client,decided_at,seen_at,arrived_at,bought
007,2026-01-05,2026-01-09,2026-01-10,1
8,2026-01-08,2026-01-10,2026-01-16,0
8,2026-01-08,2026-01-10,2026-01-16,0
9,2026-01-12,,,
"""
FILES = {"history.csv": HISTORY, "due.csv": DUE, "outcomes.csv": OUTCOMES}


def test_it_is_a_source_but_no_replay(opened, tables):
    source = opened(tables, FILES)
    assert isinstance(source, Source)
    assert not isinstance(source, ReplaySource)
    assert source.calendar() == ()


@pytest.mark.parametrize(
    ("as_of", "expected"),
    [
        ("2026-01-05", ["007"]),
        ("2026-01-08", ["007", "8"]),
        ("2026-01-12", ["8", "9"]),  # 007 fell due exactly seven days before: it belonged to the batch before
        ("2026-01-15", ["8", "9"]),
        ("2026-01-04T23:59", []),
        ("2026-01-19", []),
    ],
)
def test_due_are_those_of_the_days_up_to_the_as_of(opened, tables, at, as_of, expected):
    due = opened(tables, FILES).due(at(as_of), 7)
    assert due.columns.tolist() == ["client"]
    assert due["client"].tolist() == expected


def test_without_a_due_table_history_says_who_is_due(opened, tables, at):
    source = opened(tables | {"due": None}, FILES)
    assert source.due(at("2026-01-08T12:00"), 7)["client"].tolist() == ["007", "8"]


def test_known_is_the_history_of_the_entities_up_to_the_as_of(opened, tables, at):
    source = opened(tables, FILES)
    everyone = pd.DataFrame({"client": ["9", "8", "007"]})
    assert source.known(everyone, at("2026-01-08"))["spend"].tolist() == [10, 20]
    assert source.known(everyone, at("2026-01-08T12:00"))["spend"].tolist() == [10, 20, 30]
    assert source.known(everyone[:1], at("2026-02-01"))["client"].tolist() == ["9"]
    assert source.known(everyone, at("2025-01-01")).empty
    assert source.time_column == "known_at"


def test_the_newest_row_is_anyones(opened, tables, at):
    source = opened(tables, FILES)
    assert source.newest_time(at("2026-01-19")) == at("2026-01-08T12:00")
    assert source.newest_time(at("2025-12-31")) is None


def test_outcomes_are_those_that_had_arrived(opened, tables, at, decisions):
    source = opened(tables, FILES)
    nothing = decisions()
    assert source.outcomes(at("2026-01-09T23:00"), nothing).empty  # seen, but not yet here
    first = source.outcomes(at("2026-01-10"), nothing)
    assert first.columns.tolist() == list(OUTCOME_COLUMNS)
    assert first[["entity_id", "outcome_class"]].to_numpy().tolist() == [["007", 1.0]]
    assert first["observed_at"].tolist() == [at("2026-01-09")]
    assert first[["decision_time", "decision_id", "amount"]].isna().all(axis=None)
    later = source.outcomes(at("2026-01-16"), nothing)
    assert later["entity_id"].tolist() == ["007", "8", "8"]  # repeats are the intake's to count


def test_outcome_columns_may_name_decisions(opened, tables, at, decisions):
    outcomes = "kunde,id,decided_at,seen_at,bought\n007,d0,2026-01-05,2026-01-09,1\n8,,,2026-01-10,0\n"
    columns = {"entity": "kunde", "decision_time": "decided_at", "decision_id": "id", "outcome_time": "seen_at"}
    place = {"path": "outcomes.csv", "time": "seen_at"}
    source = opened(tables | {"outcome_columns": columns, "outcomes": place}, FILES | {"outcomes.csv": outcomes})
    found = source.outcomes(at("2026-02-01"), decisions())
    assert found["entity_id"].tolist() == ["007", "8"]
    assert found["decision_id"].fillna("").tolist() == ["d0", ""]
    assert found["decision_time"].tolist() == [at("2026-01-05"), pd.NaT]


def test_an_amount_is_read_beside_the_class(opened, tables, at, decisions):
    outcome = {
        "class": {"column": "bought", "wording": "bought"},
        "amount": {"column": "value", "unit": "EUR"},
        "window_days": 7,
        "maturity_days": 7,
    }
    files = FILES | {"outcomes.csv": "client,seen_at,arrived_at,bought,value\n8,2026-01-10,2026-01-10,yes,12.5\n"}
    found = opened(tables, files, outcome=outcome).outcomes(at("2026-02-01"), decisions())
    assert found[["outcome_class", "amount"]].to_numpy().tolist() == [[1.0, 12.5]]


moments = st.integers(0, 40).map(lambda day: pd.Timestamp("2026-01-01", tz="UTC") + pd.Timedelta(days=day))
rows = st.lists(st.tuples(st.integers(1, 3), moments, moments), max_size=15, unique_by=lambda row: row[:2])


@given(rows=rows, as_of=moments)
@settings(examples(10), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_later_than_the_as_of_is_handed_over(opened, tables, decisions, rows, as_of):
    frame = pd.DataFrame(rows, columns=["client", "known_at", "arrived_at"]).assign(spend=1, bought=1)
    frame["due_at"] = frame["seen_at"] = frame["known_at"]
    source = opened(tables, {"history.csv": frame, "due.csv": frame, "outcomes.csv": frame})
    history = source.known(pd.DataFrame({"client": ["1", "2", "3"]}), as_of)
    assert len(history) == (frame["known_at"] <= as_of).sum()
    assert (history["known_at"] <= as_of).all()
    seen = source.outcomes(as_of, decisions())
    assert len(seen) == ((frame["seen_at"] <= as_of) & (frame["arrived_at"] <= as_of)).sum()
    assert (seen["observed_at"] <= as_of).all()


def test_what_an_outcome_says_is_hidden_from_features_of_the_same_table(opened, tables, at):
    log = "client,known_at,spend,seen_at,bought\n007,2026-01-05,10,2026-01-09,1\n"
    place = {"path": "log.csv", "time": "known_at"}
    spec = tables | {"history": place, "due": None, "outcomes": {"path": "log.csv", "time": "seen_at"}}
    known = opened(spec, {"log.csv": log}).known(pd.DataFrame({"client": ["007"]}), at("2026-02-01"))
    assert known.columns.tolist() == ["client", "known_at", "spend"]


@pytest.mark.parametrize("suffix", ["csv", "csv.gz", "parquet"])
def test_files_of_every_kind_are_read_by_glob(opened, tables, at, suffix):
    frame = pd.DataFrame({"client": ["007"], "known_at": ["2026-01-01"], "spend": [1]})
    files = {f"h/part-{i}.{suffix}": frame.assign(known_at=f"2026-01-0{i}") for i in (1, 2)}
    spec = tables | {"history": {"path": f"h/part-*.{suffix}", "time": "known_at"}, "due": None}
    source = opened(spec, FILES | files)
    assert len(source.known(pd.DataFrame({"client": ["007"]}), at("2026-02-01"))) == 2


def test_a_parquet_file_of_numbers_means_the_same_ids(opened, tables, at):
    frame = pd.DataFrame({"client": [8.0], "known_at": [pd.Timestamp("2026-01-01")], "spend": [1]})
    spec = tables | {"history": {"path": "h.parquet", "time": "known_at"}}
    source = opened(spec, FILES | {"h.parquet": frame})
    assert source.known(source.due(at("2026-01-12"), 7), at("2026-01-12"))["client"].tolist() == ["8"]


def test_a_file_that_changed_is_read_again(write, tables, at):
    from decisionloop.sources import open_source

    folder = write(tables, FILES)
    source = open_source(folder)
    assert len(source.due(at("2026-01-05"), 7)) == 1
    file = folder.folder / "due.csv"
    file.write_text(DUE + "10,2026-01-05\n")
    os.utime(file, ns=(1, 1))  # whatever the resolution of the file system's clock
    assert source.due(at("2026-01-05"), 7)["client"].tolist() == ["007", "10"]


def test_a_file_that_was_delivered_twice_counts_once(opened, tables, at, decisions):
    """The loop is not locked by what tells nothing new; a missing value is like another."""
    history = FILES["history.csv"] + "9,2026-01-01,\n"
    files = FILES | {"history.csv": history}
    twice = {name: text + text.partition("\n")[2] for name, text in files.items()}
    once, again = (
        [source.due(at("2026-02-01"), 99), source.known(source.due(at("2026-02-01"), 99), at("2026-02-01"))]
        for source in (opened(tables, files), opened(tables, twice))
    )
    for expected, found in zip(once, again, strict=True):
        pd.testing.assert_frame_equal(found.reset_index(drop=True), expected.reset_index(drop=True))


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("history.csv", None, "no file matches .*history.csv"),
        ("history.csv", "", "cannot be read: EmptyDataError"),
        ("history.csv", "client,known_at,spend\n1,2026-01-01,1,1,1\n2,2,2,2,2,2\n", "cannot be read|not a time"),
        ("history.csv", "client,spend\n1,1\n", "no column known_at .it has: client, spend"),
        ("history.csv", "kunde,known_at\n1,2026-01-01\n", "no column client"),
        ("history.csv", "client,known_at\n1,yesterday\n", "column known_at holds 'yesterday' in row 1"),
        ("history.csv", "client,known_at\n,2026-01-01\n", "without an entity id"),
        ("history.csv", "client,known_at,spend\n1,2026-01-01,1\n1,2026-01-01,2\n", "client 1, known_at 2026-01-01"),
        ("due.csv", "client,due_at,x\n1,2026-01-01,a\n1,2026-01-01,b\n", "repeat an entity and time"),
        ("due.csv", "client,due_at\n1,\n", "holds nothing in row 1"),
        ("outcomes.csv", "client,seen_at,bought\n1,2026-01-01,1\n", "no column arrived_at"),
        ("outcomes.csv", "client,seen_at,arrived_at\n1,2026-01-01,2026-01-01\n", "no column bought"),
        (
            "outcomes.csv",
            "client,seen_at,arrived_at,bought\n" + "1,2026-01-01,2026-01-01,maybe\n" * 2,
            "'maybe' in row 1",
        ),
        (
            "outcomes.csv",
            "client,seen_at,arrived_at,bought\n" + "1,then,2026-01-01,1\n" * 2,
            "column seen_at holds 'then'",
        ),
    ],
)
def test_what_cannot_be_read_is_named_with_its_place_and_a_remedy(opened, tables, at, decisions, path, text, expected):
    files = {name: content for name, content in (FILES | {path: text}).items() if content is not None}
    source = opened(tables, files)

    def read() -> None:
        source.due(at("2026-02-01"), 99)
        source.known(pd.DataFrame({"client": ["1"]}), at("2026-02-01"))
        source.outcomes(at("2026-02-01"), decisions())

    with pytest.raises(SourceError, match=expected) as raised:
        read()
    assert path in str(raised.value)
    assert raised.value.exit_code == 5
    assert str(raised.value).rstrip().endswith(".") or "Z" in str(raised.value)


@pytest.mark.parametrize(
    ("path", "content", "expected"),
    [
        ("broken.parquet", b"not parquet", "broken.parquet cannot be read"),
        ("latin.csv", "client,known_at,spend\nM\u00fcller,2026-01-01,1\n".encode("latin-1"), "UnicodeDecodeError"),
        ("history.xlsx", b"x", "neither CSV"),
    ],
)
def test_a_broken_file_is_named(write, tables, at, path, content, expected):
    from decisionloop.sources import open_source

    folder = write(tables | {"history": {"path": path, "time": "known_at"}}, FILES)
    (folder.folder / path).write_bytes(content)
    with pytest.raises(SourceError, match=expected):
        open_source(folder).newest_time(at("2026-02-01"))
