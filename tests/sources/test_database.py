"""The same tables behind a SQLAlchemy URL give the same rows, whatever the types of their columns."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pandas as pd
import pytest
from sqlalchemy import (
    Column,
    Date,
    DateTime,
    Float,
    Integer,
    MetaData,
    Numeric,
    String,
    Table,
    create_engine,
    insert,
)
from sqlalchemy.types import TypeEngine

from decisionloop.errors import SourceError
from decisionloop.predict.unreadable import UNREADABLE
from decisionloop.sources import database
from decisionloop.sources.layout import Layout

ROWS = [(7, "2026-01-01"), (7, "2026-01-08"), (8, "2026-01-08"), (9, "2026-01-20")]
DUE = "client,due_at\n7,2026-01-08\n8,2026-01-08\n"
OUTCOMES = "client,seen_at,arrived_at,bought\n7,2026-01-12,2026-01-12,1\n"
KEYS: dict[str, TypeEngine[object]] = {"integer": Integer(), "text": String(), "number": Numeric(), "float": Float()}
TIMES: dict[str, TypeEngine[object]] = {
    "with zone": DateTime(timezone=True),
    "without": DateTime(),
    "date": Date(),
    "text": String(),
}


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database."""
    if request.param == "postgresql":
        yield request.getfixturevalue("postgres_url")
        return
    (tmp_path / "past.db").touch()
    yield f"sqlite:///{tmp_path / 'past.db'}"


def fill(url: str, key: TypeEngine[object], time: TypeEngine[object]) -> None:
    engine = create_engine(url)
    table = Table("history", MetaData(), Column("client", key), Column("known_at", time), Column("spend", Integer))
    table.create(engine)

    def stored(moment: str) -> object:
        if isinstance(time, String):
            return f"{moment}T00:00:00Z"
        stamp = pd.Timestamp(moment, tz="UTC" if getattr(time, "timezone", False) else None).to_pydatetime()
        return stamp.date() if isinstance(time, Date) else stamp

    rows = [
        {"client": str(c) if isinstance(key, String) else c, "known_at": stored(t), "spend": i}
        for i, (c, t) in enumerate(ROWS)
    ]
    with engine.begin() as connection:
        connection.execute(insert(table), rows)
    engine.dispose()


def place(url: str) -> dict[str, object]:
    return {"history": {"url": url, "table": "history", "time": "known_at"}}


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("time", TIMES)
def test_every_type_of_column_gives_the_same_rows(opened, tables, at, url, key, time):
    fill(url, KEYS[key], TIMES[time])
    source = opened(tables | place(url), {"due.csv": DUE, "outcomes.csv": OUTCOMES})
    everyone = pd.DataFrame({"client": ["7", "8", "9", "x", "007"]})
    assert source.known(everyone, at("2026-01-08"))["spend"].tolist() == [0, 1, 2]
    assert source.known(everyone, at("2026-01-07T23:59"))["spend"].tolist() == [0]
    assert source.known(everyone[:1], at("2026-02-01"))["spend"].tolist() == [0, 1]
    assert source.known(everyone[:0], at("2026-02-01")).empty
    assert source.newest_time(at("2026-01-19")) == at("2026-01-08")
    assert source.newest_time(at("2025-01-01")) is None
    assert source.known(everyone, at("2026-02-01"))["client"].tolist() == ["7", "7", "8", "9"]


def test_ids_that_a_column_cannot_hold_are_nobody_and_no_fault(opened, tables, at, url):
    fill(url, Integer(), DateTime(timezone=True))
    source = opened(tables | place(url), {"due.csv": DUE, "outcomes.csv": OUTCOMES})
    asked = pd.DataFrame({"client": ["7", "9" * 18, "9" * 19, "-" + "9" * 40]})
    assert source.known(asked, at("2026-02-01"))["client"].tolist() == ["7", "7"]


def test_a_column_of_uuids_is_asked_for_the_rows_of_a_few(opened, tables, at, postgres_url, monkeypatch):
    ids = [uuid4() for _ in range(3)]
    engine = create_engine(postgres_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE history (client uuid, known_at timestamptz, spend int)")
        rows = ", ".join(f"('{one}', '2026-01-08Z', {place})" for place, one in enumerate(ids))
        connection.exec_driver_sql(f"INSERT INTO history VALUES {rows}")
    engine.dispose()
    source = opened(tables | place(postgres_url), {"due.csv": DUE, "outcomes.csv": OUTCOMES})
    read = []
    applied = Layout.applied
    monkeypatch.setattr(
        Layout, "applied", lambda own, frame, *rest, **how: read.append(len(frame)) or applied(own, frame, *rest, **how)
    )
    asked = pd.DataFrame({"client": [str(ids[1]), "no uuid"]})
    assert source.known(asked, at("2026-02-01"))["spend"].tolist() == [1]
    assert read == [1]


def test_many_ids_go_in_several_queries(opened, tables, at, url, monkeypatch):
    monkeypatch.setattr(database, "MOST_IDS_A_QUERY", 2)
    fill(url, Integer(), DateTime(timezone=True))
    source = opened(tables | place(url), {"due.csv": DUE, "outcomes.csv": OUTCOMES})
    everyone = pd.DataFrame({"client": [str(i) for i in range(11)]})
    assert len(source.known(everyone, at("2026-02-01"))) == len(ROWS)


def test_outcomes_and_due_may_be_in_a_database_too(opened, tables, at, decisions, url):
    engine = create_engine(url)
    frame = pd.DataFrame(
        {"client": ["7"], "due_at": pd.to_datetime(["2026-01-05"], utc=True), "bought": [True]}
    ).assign(seen_at=lambda f: f["due_at"], arrived_at=lambda f: f["due_at"])
    frame.to_sql("cases", engine, index=False)
    engine.dispose()
    due = {"url": url, "table": "cases", "time": "due_at"}
    spec = tables | {"history": due, "due": due, "outcomes": due | {"time": "arrived_at"}}
    source = opened(spec, {})
    assert source.due(at("2026-01-06"), 7)["client"].tolist() == ["7"]
    assert source.outcomes(at("2026-01-06"), decisions())["outcome_class"].tolist() == [1.0]
    assert source.outcomes(at("2026-01-04"), decisions()).empty


def test_a_table_in_a_schema_is_found(opened, tables, at, postgres_url):
    engine = create_engine(postgres_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE SCHEMA past")
        connection.exec_driver_sql("CREATE TABLE past.history AS SELECT 7 AS client, now() AS known_at, 1 AS spend")
    engine.dispose()
    history = {"url": postgres_url, "table": "past.history", "time": "known_at"}
    source = opened(tables | {"history": history}, {"due.csv": DUE, "outcomes.csv": OUTCOMES})
    assert source.newest_time(pd.Timestamp.now("UTC") + pd.Timedelta(days=1)) is not None


def test_a_relative_sqlite_file_is_looked_for_in_the_folder(write, tables, at):
    from decisionloop.sources import open_source

    folder = write(tables | place("sqlite:///past.db"), {"due.csv": DUE, "outcomes.csv": OUTCOMES})
    with pytest.raises(SourceError, match=r"no database .*parcels/past\.db"):
        open_source(folder).newest_time(at("2026-02-01"))
    assert not (folder.folder / "past.db").exists()
    (folder.folder / "past.db").touch()
    fill(f"sqlite:///{folder.folder / 'past.db'}", Integer(), String())
    assert open_source(folder).newest_time(at("2026-01-02")) == at("2026-01-01")


@pytest.mark.parametrize(
    ("url", "table", "expected"),
    [
        ("postgresql+psycopg://nobody@127.0.0.1:1/none", "history", "table history of postgresql"),
        ("sqlite:///past.db", "nowhere", "NoSuchTableError"),
        ("carrier://pigeon", "history", "NoSuchModuleError"),
        ("not a url", "history", "not a database URL"),
    ],
)
def test_a_database_that_cannot_be_read_is_named(write, tables, at, url, table, expected, monkeypatch):
    from decisionloop.sources import open_source

    files = {"due.csv": DUE, "outcomes.csv": OUTCOMES, "past.db": ""}
    folder = write(tables | {"history": {"url": url, "table": table, "time": "known_at"}}, files)
    monkeypatch.setenv("PGPASSWORD", "secret")
    with pytest.raises(SourceError, match=expected) as raised:
        open_source(folder).newest_time(at("2026-02-01"))
    assert "secret" not in str(raised.value)


def test_a_missing_column_is_named(opened, tables, at, url):
    fill(url, Integer(), DateTime())
    spec = tables | {"history": {"url": url, "table": "history", "time": "statement_at"}}
    source = opened(spec, {"due.csv": DUE, "outcomes.csv": OUTCOMES})
    with pytest.raises(SourceError, match=r"no column statement_at \(it has: client, known_at, spend\)"):
        source.newest_time(at("2026-02-01"))


def test_dates_that_python_cannot_hold_are_their_rows_trouble(opened, tables, at, postgres_url):
    engine = create_engine(postgres_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE history (client text, known_at timestamptz, spend int, ends date)")
        connection.exec_driver_sql(
            "INSERT INTO history VALUES ('7', '2026-01-01Z', 0, 'infinity'), ('8', '2026-01-01Z', 1, '20024-01-01'), "
            "('9', '-infinity', 2, '2026-01-01'), ('9', '2026-01-01Z', 3, '2026-01-01'), ('9', '20026-01-01Z', 4, NULL)"
        )
    engine.dispose()
    source = opened(tables | place(postgres_url), {"due.csv": DUE, "outcomes.csv": OUTCOMES})
    known = source.known(pd.DataFrame({"client": ["7", "8", "9"]}), at("2026-01-08"))
    assert known["spend"].tolist() == [0, 1, 3, 2]
    assert known[UNREADABLE].tolist() == ["", "ends\n", "", "known_at\n"]
    assert known["ends"].isna().tolist() == [True, True, False, False]
