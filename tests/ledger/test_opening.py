"""A ledger opens only when its tables are those of this version, and a new SQLite file gets them by itself."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from decisionloop.errors import ConfigurationError
from decisionloop.ledger.schema import metadata, use_case_version
from decisionloop.ledger.storage.engine import Ledger, create_or_upgrade, open_ledger
from decisionloop.ledger.storage.migrate import alembic_config
from decisionloop.ledger.storage.revision import HEAD_REVISION, KNOWN_REVISIONS, VERSION_TABLE
from decisionloop.ledger.storage.sqlite_connections import Synchronous
from decisionloop.ledger.use_cases import record_use_case
from decisionloop.settings import LedgerTuning
from tests.forked import forked_from


def test_a_new_sqlite_file_and_its_folder_are_made_with_all_tables(tmp_path: Path) -> None:
    with open_ledger(f"sqlite:///{tmp_path}/deep/inside/ledger.db") as ledger, ledger.connect() as connection:
        found = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'")).scalars()
        assert set(metadata.tables) <= set(found)


def test_an_empty_postgresql_database_is_refused_until_it_is_upgraded(postgres_url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"no tables yet.*decisionloop ledger upgrade"):
        open_ledger(postgres_url)
    create_or_upgrade(postgres_url).close()
    open_ledger(postgres_url).close()


def test_upgrading_twice_changes_nothing(ledger: Ledger) -> None:
    url = ledger.engine.url.render_as_string(hide_password=False)
    create_or_upgrade(url).close()
    with ledger.connect() as connection:
        versions = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalars().all()
    assert versions == [HEAD_REVISION]


def test_the_migrations_make_exactly_the_tables_of_the_schema(ledger: Ledger) -> None:
    with ledger.connect() as connection:
        options = {"version_table": VERSION_TABLE, "compare_type": True, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []


def test_text_sorts_by_its_bytes_on_both_engines(ledger: Ledger) -> None:
    for digest in ("b", "a", "B", "é", "_"):
        record_use_case(ledger, "x", digest, 1, "")
    with ledger.connect() as connection:
        statement = select(use_case_version.c.contract_digest).order_by(use_case_version.c.contract_digest)
        assert connection.execute(statement).scalars().all() == ["B", "_", "a", "b", "é"]


def test_the_revisions_named_in_the_code_are_those_of_the_migrations() -> None:
    script = ScriptDirectory.from_config(alembic_config())
    assert script.get_current_head() == HEAD_REVISION
    assert tuple(sorted(step.revision for step in script.walk_revisions())) == KNOWN_REVISIONS


def test_a_ledger_of_a_newer_version_is_refused_by_its_revision(ledger: Ledger) -> None:
    with ledger.begin() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '0099'"))
    url = ledger.engine.url.render_as_string(hide_password=False)
    for open_it in (open_ledger, create_or_upgrade):
        with pytest.raises(ConfigurationError, match=r"0099.*newer version.*Install"):
            open_it(url)


def test_a_sqlite_file_of_something_else_is_refused_untouched(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    with pytest.raises(ConfigurationError, match=r"not a ledger|no tables yet"):
        open_ledger(f"sqlite:///{path}")
    with pytest.raises(ConfigurationError, match="not a ledger of decisionloop"):
        create_or_upgrade(f"sqlite:///{path}")


def test_a_file_that_is_no_database_is_refused_with_its_name(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    path.write_text("these are not the pages that you are looking for" * 100)
    with pytest.raises(ConfigurationError, match=r"notes\.db cannot be opened: file is not a database"):
        open_ledger(f"sqlite:///{path}")


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///:memory:", "mysql://host/db", "postgresql+asyncpg://host/db", "no url at all"]
)
def test_a_url_that_cannot_keep_a_ledger_is_refused_with_the_remedy(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"Set DECISIONLOOP_LEDGER_URL to sqlite:///"):
        open_ledger(url)


def test_what_is_no_url_is_told_without_its_password() -> None:
    with pytest.raises(ConfigurationError, match="is not an SQLAlchemy URL") as caught:
        open_ledger("postgresql//me:secret@db:54x32/ledger")
    assert "secret" not in str(caught.value)


def test_a_server_that_is_not_there_is_a_configuration_error_without_the_password(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be opened") as caught:
        open_ledger(f"postgresql://me:secret@/db?host={tmp_path}&connect_timeout=1")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(("asked", "level"), [("FULL", 2), ("EXTRA", 3)])
def test_every_sqlite_connection_is_durable_and_checks_foreign_keys(
    tmp_path: Path, asked: Synchronous, level: int
) -> None:
    with (
        open_ledger(f"sqlite:///{tmp_path}/l.db", LedgerTuning(synchronous=asked)) as ledger,
        ledger.begin() as connection,
    ):
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("synchronous", "journal_mode", "foreign_keys", "recursive_triggers")
        }
    assert pragmas == {"synchronous": level, "journal_mode": "wal", "foreign_keys": 1, "recursive_triggers": 1}


def test_nothing_can_be_written_through_a_reading_connection(ledger: Ledger) -> None:
    with ledger.connect() as connection, pytest.raises(DBAPIError, match=r"(?i)read-?only"):
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '0000'"))
    with ledger.begin() as connection:  # the same pooled connection writes again
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = version_num"))


def test_processes_that_open_one_new_file_at_once_all_succeed(tmp_path: Path) -> None:
    with forked_from(__name__) as processes, processes.Pool(4) as pool:
        found = pool.map(_open_and_count_tables, [f"sqlite:///{tmp_path}/race.db"] * 4)
    assert found == [len(metadata.tables) + 1] * 4


def _open_and_count_tables(url: str) -> int:
    with open_ledger(url) as ledger, ledger.connect() as connection:
        return connection.execute(text("SELECT count(*) FROM sqlite_master WHERE type = 'table'")).scalar_one()
