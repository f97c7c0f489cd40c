"""The loop does not notice which database keeps its ledger."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import Connection, Engine, event, make_url, text

from decisionloop.errors import ConfigurationError
from decisionloop.ledger.releases import shadows
from decisionloop.ledger.verdicts import verdicts

pytestmark = pytest.mark.xdist_group("loop")


@contextmanager
def _gone_before(server: Engine, url: str, statement: str) -> Iterator[None]:
    """The database at ``url`` cuts everybody off and lets nobody in, from just before a statement on."""
    name = make_url(url).database

    def cut(connection: Connection, _cursor: object, told: str, *_others: object) -> None:
        if statement in told and connection.engine.url.database == name:
            with server.connect() as administrator:
                administrator.execute(text(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false'))
                cut_off = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name")
                administrator.execute(cut_off, {"name": name})

    event.listen(Engine, "before_cursor_execute", cut)
    try:
        yield
    finally:
        event.remove(Engine, "before_cursor_execute", cut)
        with server.connect() as administrator:
            administrator.execute(text(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true'))


def _cut_off_in_the_middle(small: Any, server: Engine, url: str, statement: str) -> None:
    with _gone_before(server, url, statement), pytest.raises(ConfigurationError, match="does not answer") as told:
        small.turn(1)
    assert told.value.exit_code == 4
    said = "".join(traceback.format_exception(told.value, chain=True))
    assert "run it again: what is in the ledger is not done twice" in said
    assert "[SQL:" not in said
    assert "parameters:" not in said


def test_on_postgresql_the_loop_decides_and_learns_as_on_sqlite(
    small, fast_mlflow, postgres_server, postgres_url_with_tables, monkeypatch, restored
):
    """Although the database goes away in the middle of a batch: the next run goes on."""
    monkeypatch.setenv("DECISIONLOOP_LEDGER_RETRY_SECONDS", "0")
    monkeypatch.setenv("DECISIONLOOP_LEDGER_URL", postgres_url_with_tables)
    assert not small.ledger.is_sqlite
    small.turn(0)
    _cut_off_in_the_middle(small, postgres_server, postgres_url_with_tables, "decision_group")
    small.turn(1)
    with restored("shadowed") as on_sqlite:
        assert on_sqlite.ledger.is_sqlite
        expected = [on_sqlite.decisions(week) for week in (0, 1)]
        sent, learnt = on_sqlite.sent(), shadows(on_sqlite.ledger, "small")
        looks = [(v.challenger_id, v.decision) for v in verdicts(on_sqlite.ledger, "small")]
    for week in (0, 1):
        pd.testing.assert_frame_equal(small.decisions(week), expected[week])
    assert small.sent() == sent
    assert [s.release_id for s in shadows(small.ledger, "small")] == [s.release_id for s in learnt]
    assert [(v.challenger_id, v.decision) for v in verdicts(small.ledger, "small")] == looks
