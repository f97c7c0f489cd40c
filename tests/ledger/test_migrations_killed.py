"""Migrating at the worst moment: killed at each step, from each released schema; and while other versions work."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Connection, Engine, create_engine, event, text

from decisionloop.errors import ConfigurationError
from decisionloop.ledger.flags import MLFLOW_ALIASES, set_flag
from decisionloop.ledger.storage import revision
from decisionloop.ledger.storage.engine import Ledger, create_or_upgrade, open_ledger
from decisionloop.ledger.storage.migrate import alembic_config
from decisionloop.ledger.storage.revision import KNOWN_REVISIONS, VERSION_TABLE
from tests.engines import ON_ONE
from tests.forked import forked_from
from tests.postgres_database import EMPTY, database_from

LAST = KNOWN_REVISIONS[-2:]
CHANGES = ("CREATE", "ALTER", "DROP", "INSERT", "UPDATE")
BOTH = (False, True)
"""Killed at a step's first statement, and at its end."""
ENGINES = ("sqlite", "postgresql")
CHANGES_NOTHING_ON_SQLITE = ("0023",)
"""Steps without a first statement: nothing of SQLite is changed."""
OF_POSTGRESQL = (
    "SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns "
    "WHERE table_schema = 'public'",
    "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
    "WHERE connamespace = 'public'::regnamespace",
    "SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
    "SELECT viewname, definition FROM pg_views WHERE schemaname = 'public'",
)


def schema_of(url: str) -> list[tuple[object, ...]]:
    """Everything that a database's schema says, in one order."""
    engine = create_engine(url)
    is_sqlite = engine.dialect.name == "sqlite"
    statements = ("SELECT type, name, tbl_name, sql FROM sqlite_master",) if is_sqlite else OF_POSTGRESQL
    with engine.connect() as connection:
        found = [(one, *row) for one in statements for row in connection.execute(text(one)).tuples()]
    engine.dispose()
    return sorted(found, key=repr)


def upgrade_and_die(url: str, step: str, is_at_end: bool) -> None:
    """Migrate, and be killed within that step: at its first statement, or when it has been done."""
    before, present = KNOWN_REVISIONS[KNOWN_REVISIONS.index(step) - 1], [_revision(url)]

    @event.listens_for(Engine, "after_cursor_execute")
    def _(_connection: Connection, _cursor: object, statement: str, *_others: object) -> None:
        if statement.startswith(f"UPDATE {VERSION_TABLE}"):
            present[0] = KNOWN_REVISIONS[KNOWN_REVISIONS.index(present[0]) + 1]
            is_there = is_at_end and present[0] == step
        else:
            is_there = not is_at_end and present[0] == before and statement.lstrip().startswith(CHANGES)
        if is_there:
            os.kill(os.getpid(), signal.SIGKILL)

    create_or_upgrade(url)


def _revision(url: str) -> str:
    engine = create_engine(url)
    with engine.connect() as connection:
        found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar_one()
    engine.dispose()
    return str(found)


def _at(url: str, begun: str) -> None:
    """Make the tables of a released revision."""
    engine = create_engine(url)
    with engine.begin() as connection:
        command.upgrade(alembic_config(connection), begun)
    engine.dispose()


@contextmanager
def _released(request: pytest.FixtureRequest, engine: str, begun: str, folder: Path) -> Iterator[tuple[str, str]]:
    """The URLs of a database at a released revision, and of one that was made by this version."""
    if engine == "sqlite":
        url, fresh = f"sqlite:///{folder}/old.db", f"sqlite:///{request.getfixturevalue('sqlite_template')}"
        _at(url, begun)
        yield url, fresh
        return
    server = request.getfixturevalue("postgres_server")
    fresh = server.url.set(database=request.getfixturevalue("postgres_template"))
    with database_from(server, EMPTY) as url:
        _at(url, begun)
        yield url, fresh.render_as_string(hide_password=False)


def _killed_at_each(url: str, fresh: str, begun: str, steps: tuple[str, ...], ends: tuple[bool, ...] = BOTH) -> None:
    unchanged = CHANGES_NOTHING_ON_SQLITE if url.startswith("sqlite") else ()
    with forked_from(__name__) as processes:
        for step in steps:
            for is_at_end in ends if step not in unchanged else (True,):
                process = processes.Process(target=upgrade_and_die, args=(url, step, is_at_end))
                process.start()
                process.join(60)
                assert process.exitcode == -signal.SIGKILL, (step, is_at_end)
                assert _revision(url) == begun, "it was done whole or not at all"
    create_or_upgrade(url).close()
    assert schema_of(url) == schema_of(fresh)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_migration_that_is_killed_at_any_step_is_done_by_the_next(
    request: pytest.FixtureRequest, engine: str, tmp_path: Path
) -> None:
    begun = LAST[0] if engine == "postgresql" else KNOWN_REVISIONS[-3]
    steps = tuple(one for one in KNOWN_REVISIONS if one > begun)
    with _released(request, engine, begun, tmp_path) as (url, fresh):
        _killed_at_each(url, fresh, begun, steps, BOTH if engine == "sqlite" else (True,))


@pytest.mark.exhaustive
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("begun", KNOWN_REVISIONS[:-1])
def test_so_is_one_from_each_released_schema(
    request: pytest.FixtureRequest, engine: str, begun: str, tmp_path: Path
) -> None:
    with _released(request, engine, begun, tmp_path) as (url, fresh):
        _killed_at_each(url, fresh, begun, tuple(one for one in KNOWN_REVISIONS if one > begun))


@contextmanager
def _older() -> Iterator[None]:
    """This process is of the version before: it knows every revision but the last."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(revision, "HEAD_REVISION", LAST[0])
        patch.setattr(revision, "KNOWN_REVISIONS", KNOWN_REVISIONS[:-1])
        patch.setattr(revision, "LOOK_SECONDS", 0.0)
        yield


def test_an_older_version_does_not_begin_on_a_newer_ledger(ledger: Ledger) -> None:
    url = ledger.engine.url.render_as_string(hide_password=False)
    with _older(), pytest.raises(ConfigurationError, match=rf"{LAST[1]}, which a newer version.*Install"):
        open_ledger(url)


@pytest.mark.parametrize("engine", ON_ONE)
def test_a_newer_version_says_how_an_older_ledger_is_migrated(
    request: pytest.FixtureRequest, engine: str, tmp_path: Path
) -> None:
    with _released(request, engine, LAST[0], tmp_path) as (url, _):
        with pytest.raises(ConfigurationError, match=rf"is at revision {LAST[0]}.*decisionloop ledger upgrade"):
            open_ledger(url)
        assert _revision(url) == LAST[0]


@pytest.mark.parametrize("engine", ENGINES)
def test_who_works_while_it_is_migrated_writes_nothing_more_by_the_older_rules(
    request: pytest.FixtureRequest, engine: str, tmp_path: Path
) -> None:
    with _released(request, engine, LAST[0], tmp_path) as (url, _):
        with _older():
            working = open_ledger(url)
            with working.begin() as connection:
                connection.execute(text("SELECT 1"))
        create_or_upgrade(url).close()
        with _older(), working, pytest.raises(ConfigurationError, match="which a newer version of decisionloop wrote"):
            set_flag(working, "one", MLFLOW_ALIASES, "{}", "", "an older version")
        with open_ledger(url) as ledger:
            assert set_flag(ledger, "one", MLFLOW_ALIASES, "{}", "", "this version").seq == 1
