"""PostgreSQL is read by connections that stay open: few, idle between reads, replaced when the server closed them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, text

from decisionloop.ledger.flags import MLFLOW_ALIASES, set_flag
from decisionloop.ledger.schema import flag
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.storage.frames import read

OTHERS = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


def _names(ledger: Ledger) -> list[str]:
    return sorted(read(ledger, select(flag.c.use_case))["use_case"].to_pylist())


@pytest.fixture
def others(postgresql_ledger: Ledger):
    """Asks for a column of every connection to the ledger other than the one that asks."""

    def ask(column: str) -> list[object]:
        with postgresql_ledger.engine.connect() as connection:
            return list(connection.execute(text(f"SELECT {column} {OTHERS}")).scalars())

    return ask


def test_reads_share_a_connection_that_waits_in_no_transaction_and_sees_every_commit(postgresql_ledger, others):
    seen = set()
    for number in range(3):
        set_flag(postgresql_ledger, f"use case {number}", MLFLOW_ALIASES, "{}", "", "test")
        assert _names(postgresql_ledger) == [f"use case {n}" for n in range(number + 1)]
        seen |= set(others("pid"))
    assert len(seen) == 1
    assert others("state") == ["idle"]


def test_what_the_server_has_closed_is_replaced(postgresql_ledger, others):
    set_flag(postgresql_ledger, "credit_line", MLFLOW_ALIASES, "{}", "", "test")
    _names(postgresql_ledger)
    (before,) = others("pid")
    assert others("pg_terminate_backend(pid, 5000)") == [True]
    assert _names(postgresql_ledger) == ["credit_line"]
    assert others("pid") != [before]


def test_threads_read_at_once(postgresql_ledger):
    set_flag(postgresql_ledger, "credit_line", MLFLOW_ALIASES, "{}", "", "test")
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(lambda _: _names(postgresql_ledger), range(40))) == [["credit_line"]] * 40


def test_a_statement_that_fails_spoils_no_later_one(postgresql_ledger):
    set_flag(postgresql_ledger, "credit_line", MLFLOW_ALIASES, "{}", "", "test")
    with pytest.raises(Exception, match="division by zero"):
        read(postgresql_ledger, select((flag.c.seq // (flag.c.seq - flag.c.seq)).label("n")))
    assert _names(postgresql_ledger) == ["credit_line"]


def test_a_closed_ledger_leaves_none_open_and_can_be_read_again(postgresql_ledger, others):
    _names(postgresql_ledger)
    postgresql_ledger.close()
    assert others("pid") == []
    assert _names(postgresql_ledger) == []
