"""A script can tell what happened by the exit code, a person by the message: what was wrong, where, and the remedy."""

from __future__ import annotations

import errno
import sqlite3

import pytest
from sqlalchemy import create_engine, text

from decisionloop import errors

UNKNOWN = [
    ("run", "nobody", "--as-of", "2026-01-05"),
    ("status", "nobody"),
    ("story", "nobody"),
    ("demo", "nobody"),
    ("kill-switch", "nobody", "on", "--reason", "a test", "--by", "me"),
    ("usecase", "check", "usecases/nobody"),
]


@pytest.mark.parametrize("words", UNKNOWN, ids=lambda words: words[0])
def test_an_unknown_use_case_is_2(cli, words):
    told = cli(*words)
    assert told.exit_code == 2
    assert told.out == ""
    assert "nobody" in told.err
    assert "decisionloop usecase new" in told.err
    assert "Traceback" not in told.err


@pytest.mark.parametrize("as_of", ["yesterday", "2005-13-01", "08/07/2005"])
def test_an_as_of_that_is_no_time_is_2(cli, vouchers, as_of):
    told = cli("run", "vouchers", "--as-of", as_of)
    assert told.exit_code == 2
    assert repr(as_of) in told.err
    assert "Write it as 2005-07-08" in told.err


def test_a_faulty_contract_is_2_before_anything_starts(cli, vouchers, home):
    contract = vouchers / "usecase.yaml"
    contract.write_text(contract.read_text().replace("covers_days: 7", "covers_days: -7"))
    told = cli("run", "vouchers", "--as-of", "2026-01-05")
    assert told.exit_code == 2
    assert "schedule.covers_days" in told.err
    assert not list(home.iterdir())


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (errors.DecisionLoopError("no. Do this."), 3),
        (errors.ConfigurationError("no. Do this."), 4),
        (errors.SourceError("no. Do this."), 5),
        (errors.IntegrityError("no. Do this."), 6),
        (errors.CompileError("no. Do this."), 7),
        (errors.DeliveryError("no. Do this."), 8),
        (errors.ApprovalAwaited("no. Do this."), 9),
        (errors.DeploymentStopped("parity", "no. Do this."), 3),
        (errors.BatchHalted("vouchers/2026-01-05", "row_count: 0 rows", "Do this."), 1),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_a_deliberate_error_has_its_own_code_and_no_traceback(cli, monkeypatch, error, exit_code):
    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr("decisionloop.cli.status.show_status", refuse)
    told = cli("status")
    assert (told.exit_code, told.out, told.err) == (exit_code, "", f"decisionloop: {error}\n")


def test_a_defect_is_not_mistaken_for_a_halted_batch(cli, monkeypatch):
    monkeypatch.setattr("decisionloop.cli.status.show_status", lambda *_: 1 / 0)
    told = cli("status")
    assert told.exit_code == 70
    assert "ZeroDivisionError" in told.err


def _write_to_sqlite(pragma: str) -> None:
    """Write to a database of SQLite that will not have it, as the ledger does: through SQLAlchemy."""
    with create_engine("sqlite://").connect() as connection:
        connection.execute(text("CREATE TABLE full_ (words TEXT)"))
        connection.execute(text(f"PRAGMA {pragma}"))
        connection.execute(text("INSERT INTO full_ VALUES (hex(randomblob(100000)))"))


def _raise(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize(
    ("fail", "why"),
    [
        (lambda *_: _write_to_sqlite("max_page_count = 2"), "the disk of the ledger is full"),
        (lambda *_: _write_to_sqlite("query_only = 1"), "the ledger's file or folder is read-only"),
        (lambda *_: _raise(OSError(errno.ENOSPC, "No space left on device", "a.parquet")), "the disk is full"),
        (lambda *_: _raise(OSError(errno.EROFS, "Read-only file system", "a.parquet")), "the file system is read-only"),
    ],
    ids=["full ledger", "read-only ledger", "full disk", "read-only files"],
)
def test_a_place_that_cannot_be_written_is_4_and_no_defect(cli, monkeypatch, fail, why):
    monkeypatch.setattr("decisionloop.cli.status.show_status", fail)
    told = cli("status")
    assert told.exit_code == 4
    assert told.err.startswith(f"decisionloop: {why} (")
    assert "Make room or let it be written" in told.err
    assert "Traceback" not in told.err


def test_another_fault_of_the_database_stays_a_defect(cli, monkeypatch):
    monkeypatch.setattr("decisionloop.cli.status.show_status", lambda *_: _raise(sqlite3.OperationalError("no such")))
    assert cli("status").exit_code == 70


def test_an_interruption_is_130(cli, monkeypatch):
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("decisionloop.cli.status.show_status", interrupt)
    assert cli("status").exit_code == 130


@pytest.mark.parametrize(
    ("name", "value"),
    [("SQLITE_SYNCHRONOUS", "OFF"), ("DELIVERY_TIMEOUT_SECONDS", "-1"), ("IS_DATA_DOCS_BUILT", "perhaps")],
)
@pytest.mark.parametrize("command", ["status", "doctor"])
def test_a_wrong_setting_is_4_and_named_by_its_variable(cli, monkeypatch, command, name, value):
    monkeypatch.setenv(f"DECISIONLOOP_{name}", value)
    told = cli(command)
    assert told.exit_code == 4
    assert f"DECISIONLOOP_{name}" in told.err
    assert "docs/settings.md" in told.err
    assert "Traceback" not in told.err
