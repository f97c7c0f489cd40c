"""Whoever writes again and again does so on one connection, and on another once anything went wrong with it."""

import threading

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from decisionloop.ledger.schema import stream_segment
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.kept_connection import KeptConnection
from tests.ledger.test_prepared import kept, segment


@pytest.fixture
def writer(ledger):
    one = KeptConnection(ledger)
    yield one
    one.close()


def keep(writer, name):
    with writer.begin() as connection:
        facts.add(connection, stream_segment, [segment(name)])
        return connection.connection.driver_connection


def test_one_transaction_after_another_is_committed_on_one_connection(ledger, writer):
    assert (keep(writer, "a") is keep(writer, "b")) or not ledger.is_sqlite
    assert kept(ledger) == (segment("a"), segment("b"))


def test_what_fails_is_rolled_back_and_the_next_begins_anew(ledger, writer):
    keep(writer, "a")
    with pytest.raises(IntegrityError), writer.begin() as connection:
        facts.add(connection, stream_segment, [segment("b"), segment("c", rows=None)])
    assert connection.closed
    assert kept(ledger) == (segment("a"),)
    keep(writer, "b")
    assert kept(ledger) == (segment("a"), segment("b"))


def test_who_comes_meanwhile_writes_on_another_connection(ledger, writer):
    with writer.begin() as connection:
        other = threading.Thread(target=keep, args=(writer, "b"))
        if not ledger.is_sqlite:  # there whoever else writes waits for the commit
            other.start()
            other.join(30)
            assert kept(ledger) == (segment("b"),)
        facts.add(connection, stream_segment, [segment("a")])
    if ledger.is_sqlite:
        other.start()
        other.join(30)
    assert kept(ledger) == (segment("a"), segment("b"))


def test_a_connection_that_the_server_has_cut_costs_nobody_an_answer(ledger, writer):
    keep(writer, "a")
    if not ledger.is_sqlite:
        others = "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        cut = text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity {others}")
        with ledger.engine.connect() as connection:
            connection.execute(cut)
    keep(writer, "b")
    assert kept(ledger) == (segment("a"), segment("b"))
