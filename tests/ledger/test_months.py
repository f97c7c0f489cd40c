"""On PostgreSQL decisions and what hangs off them lie in parts by month: who makes them, reads them, and drops them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from alembic import command
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, create_engine, select, text
from sqlalchemy.exc import DBAPIError

from decisionloop.act.identity import decision_ids
from decisionloop.errors import UsageError
from decisionloop.ledger.audit.covered import ROW_COLUMNS
from decisionloop.ledger.audit.guards import missing_guards
from decisionloop.ledger.audit.seal import seal
from decisionloop.ledger.audit.verify import verify
from decisionloop.ledger.batches import append_batch_event, batch_id_of
from decisionloop.ledger.decisions import append_decisions, decisions_of_batch, decisions_with_outcomes
from decisionloop.ledger.expired_batches import Expiring, expire_together
from decisionloop.ledger.expiring_rows import whole_months
from decisionloop.ledger.id_spans import ids_of_batch
from decisionloop.ledger.outcomes import append_outcomes
from decisionloop.ledger.personal_data import Erasure
from decisionloop.ledger.schema import decision, decision_row, outcome, utc_now
from decisionloop.ledger.storage.copying import copy_from_file, copy_to_file, count_rows
from decisionloop.ledger.storage.engine import Ledger, create_or_upgrade, open_ledger
from decisionloop.ledger.storage.migrate import alembic_config
from decisionloop.ledger.storage.months import ids_of_month, make_months, month_of
from tests.ledger.conftest import USE_CASE, batch_rows, opened_batch

TABLES = ("decision_row", "outcome", "execution", "delivery")
PARTS = text("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = CAST(:of AS regclass) ORDER BY 1")
MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2106, 1, 31), timezones=st.just(UTC))


def moments(many: int) -> list[datetime]:
    """So many months, a moment of each."""
    return [datetime(2005 + number // 12, number % 12 + 1, 8, 6, tzinfo=UTC) for number in range(many)]


def live(ledger: Ledger, at: datetime, rows: int = 4, use_case: str = USE_CASE) -> pd.DataFrame:
    """A batch that is decided and whose outcomes have come."""
    batch = opened_batch(ledger, at, use_case)
    made = batch_rows(rows, at, use_case).decisions
    with ledger.begin() as connection:
        append_decisions(connection, made)
        append_batch_event(connection, batch.batch_id, "decided")
    times = {"observed_at": at, "recorded_at": at}
    append_outcomes(ledger, pd.DataFrame({"decision_id": made["decision_id"], "revision": 1, "kind": "first", **times}))
    return made


def parts(ledger: Ledger, of: str = "decision_row") -> list[str]:
    """The parts of a table, in their order."""
    with ledger.connect() as connection:
        return list(connection.execute(PARTS, {"of": of}).scalars())


def let_go(ledger: Ledger, at: datetime, month: date | None, use_case: str = USE_CASE) -> dict[str, int]:
    """Let a batch go with all that hangs off it."""
    what = Expiring(use_case, (batch_id_of(use_case, at),), ("features", "outcomes", "decisions"), (), at, at)
    name = f"{use_case} {at:%Y-%m-%d}"
    said = Erasure(name, use_case, "retention", "old", "retention", "{}", utc_now())
    return expire_together(ledger, [(said, what)], month)


@given(MOMENTS, st.text())
def test_an_id_lies_in_the_month_of_its_second_and_every_text_in_one(moment: datetime, anything: str) -> None:
    one = str(decision_ids(USE_CASE, ["anybody"], moment)[0])
    assert month_of(one) == date(moment.year, moment.month, 1)
    begin, end = ids_of_month(month_of(one))
    assert begin <= one < end
    month_of(anything)


def test_a_part_is_made_before_it_is_written_and_read_alone(postgresql_ledger: Ledger) -> None:
    made = {at: live(postgresql_ledger, at) for at in moments(3)}
    for table in TABLES:
        assert parts(postgresql_ledger, table) == [f"{table}_2005_{month:02}" for month in (1, 2, 3)]
    at = moments(3)[1]
    told = decisions_with_outcomes(postgresql_ledger, USE_CASE, at, at)
    assert sorted(told["decision_id"]) == sorted(made[at]["decision_id"])
    assert told["observed_at"].eq(at).all()
    assert _read(postgresql_ledger, at) == ["decision_row_2005_02", "outcome_2005_02"]


def _read(ledger: Ledger, at: datetime) -> list[str]:
    """The parts that a plan reads to tell a batch with its outcomes."""
    span = ids_of_batch(ledger, batch_id_of(USE_CASE, at))
    both = decision.join(outcome, outcome.c.decision_id == decision.c.decision_id)
    asked = select(decision.c.decision_id).select_from(both).where(decision.c.batch_id == batch_id_of(USE_CASE, at))
    asked = asked.where(*span.holds(decision.c.decision_id, outcome.c.decision_id))
    sql = str(asked.compile(ledger.engine, compile_kwargs={"literal_binds": True}))
    with ledger.connect() as connection:
        plan = "\n".join(connection.exec_driver_sql(f"EXPLAIN {sql}".replace("%", "%%")).scalars())
    return sorted({one for table in TABLES for one in parts(ledger, table) if f" {one} " in plan})


def test_eight_make_the_same_months_at_once_and_nobody_who_reads_waits(postgresql_ledger: Ledger) -> None:
    live(postgresql_ledger, moments(1)[0])
    faults: list[BaseException] = []

    def make() -> None:
        try:
            with postgresql_ledger.begin() as connection:
                made.append(make_months(connection, moments(4)))
        except BaseException as error:
            faults.append(error)

    made: list[int] = []
    with postgresql_ledger.begin() as reader:  # it has read, and has not ended
        reader.execute(select(decision_row.c.decision_id)).all()
        threads = [threading.Thread(target=make) for _ in range(8)]
        for one in threads:
            one.start()
        for one in threads:
            one.join(30)
    assert not faults
    assert sorted(made) == [0] * 7 + [3]
    assert len(parts(postgresql_ledger)) == 4


def test_a_part_that_is_being_made_lets_others_read_and_write(postgresql_ledger: Ledger) -> None:
    first, second = moments(2)
    live(postgresql_ledger, first)
    with postgresql_ledger.begin() as maker, postgresql_ledger.begin() as other:
        assert make_months(maker, [second]) == 1
        other.execute(text("SET LOCAL lock_timeout = '1s'"))
        assert other.execute(select(decision_row.c.decision_id)).all()
        append_decisions(other, batch_rows(2, first.replace(day=9)).decisions)


@pytest.fixture
def appender(postgres_server: Engine, postgresql_ledger: Ledger) -> Iterator[Engine]:
    """A role that may read and append, as the loop's own in docker/init.sql."""
    with postgresql_ledger.engine.begin() as connection:
        for statement in (
            "CREATE ROLE appender LOGIN",
            "GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA public TO appender",
            "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT ON TABLES TO appender",
            "CREATE ROLE stranger LOGIN",
        ):
            connection.execute(text(statement))
    engine = create_engine(postgresql_ledger.engine.url.set(username="appender"))
    yield engine
    engine.dispose()
    with postgresql_ledger.engine.begin() as connection:
        for name in ("appender", "stranger"):
            connection.execute(text(f"DROP OWNED BY {name}"))
            connection.execute(text(f"DROP ROLE {name}"))


def test_who_may_only_append_gets_months_and_loses_none(appender: Engine, postgresql_ledger: Ledger) -> None:
    url = appender.url.render_as_string(hide_password=False)
    with open_ledger(url) as ledger:
        made = live(ledger, moments(1)[0])
        assert len(decisions_of_batch(ledger, made["batch_id"].iloc[0])) == len(made)
    refused = (
        ("SELECT drop_month('2005-01-01', '{0,0,0}')", "permission denied for function"),
        ("DROP TABLE decision_row_2005_01", "must be owner"),
        ("INSERT INTO outcome_2005_01 SELECT * FROM outcome", "permission denied for table"),
        ("DELETE FROM decision_row_2005_01", "permission denied for table"),
        ("SELECT make_month('1969-12-01')", "has no ids"),
    )
    for statement, why in refused:
        with pytest.raises(DBAPIError, match=why), appender.begin() as connection:
            connection.execute(text(statement))
    stranger = create_engine(appender.url.set(username="stranger"))
    with pytest.raises(DBAPIError, match="stranger may not append"), stranger.begin() as connection:
        connection.execute(text("SELECT make_month('2005-02-01')"))
    stranger.dispose()


def test_a_part_refuses_what_its_table_refuses(postgresql_ledger: Ledger) -> None:
    live(postgresql_ledger, moments(1)[0])
    for table in TABLES:
        for statement in ("UPDATE {} SET decision_id = ''", "DELETE FROM {}", "TRUNCATE {}"):
            with pytest.raises(DBAPIError, match="append-only"), postgresql_ledger.begin() as connection:
                connection.execute(text(statement.format(f"{table}_2005_01")))
    with pytest.raises(DBAPIError, match="append-only: DROP refused"), postgresql_ledger.begin() as connection:
        connection.execute(text("SELECT drop_month('2005-01-01', '{4,4,0}')"))
    assert not list(missing_guards(postgresql_ledger, 0))
    with postgresql_ledger.begin() as connection:
        connection.execute(text("DROP TRIGGER outcome_awaits_audit ON outcome_2005_01"))
    assert [one.row for one in missing_guards(postgresql_ledger, 0)] == ["outcome_2005_01"]


def test_an_id_that_is_none_of_its_batch_is_refused_and_found(postgresql_ledger: Ledger) -> None:
    at, later = moments(2)
    made = live(postgresql_ledger, at)
    odd = batch_rows(2, at).decisions.assign(decision_id=decision_ids(USE_CASE, ["a", "b"], later))
    with pytest.raises(UsageError, match="begins neither with the second"), postgresql_ledger.begin() as connection:
        append_decisions(connection, odd)
    seal(postgresql_ledger)
    assert verify(postgresql_ledger).is_whole
    columns = ", ".join(name for name in ROW_COLUMNS if name != "decision_id")
    stray = str(odd["decision_id"].iloc[0])
    with postgresql_ledger.begin() as connection:  # past the library
        make_months(connection, [later])
        told = f"SELECT '{stray}', group_id, {columns} FROM decision_row LIMIT 1"
        connection.execute(text(f"INSERT INTO decision_row (decision_id, group_id, {columns}) {told}"))
    assert stray in " ".join(one.words for one in verify(postgresql_ledger).findings)
    assert len(decisions_of_batch(postgresql_ledger, made["batch_id"].iloc[0])) == len(made)


def _months_go(ledger: Ledger, many: int, rows: int) -> None:
    """Of so many months every second one is dropped and the others lose their rows; the chain verifies throughout."""
    for at in moments(many):
        live(ledger, at, rows)
    seal(ledger)
    going = [batch_id_of(USE_CASE, at) for at in moments(many)]
    months = whole_months(ledger, going)
    assert [len(found) for found in months.values()] == [1] * many
    for number, at in enumerate(moments(many)[:-1]):
        told = let_go(ledger, at, date(at.year, at.month, 1) if number % 2 else None)
        assert (told["decision"], told["outcome"], told["leaves"]) == (rows, rows, 2 * rows)
        assert (f"outcome_{at:%Y_%m}" in parts(ledger, "outcome")) == (number % 2 == 0)
    seal(ledger)
    found = verify(ledger)
    assert found.is_whole, found.findings
    assert found.erased == 2 * rows * (many - 1)
    assert count_rows(ledger)["decision_row"] == count_rows(ledger)["outcome"] == rows
    last = moments(many)[-1]
    assert len(decisions_with_outcomes(ledger, USE_CASE, moments(many)[0], last)) == rows
    assert len(parts(ledger)) == many - (many - 1) // 2


def test_a_month_goes_whole_or_row_by_row(postgresql_ledger: Ledger) -> None:
    _months_go(postgresql_ledger, 3, 4)


@pytest.mark.exhaustive
def test_so_do_two_years(postgresql_ledger: Ledger) -> None:
    _months_go(postgresql_ledger, 24, 2_000)
    live(postgresql_ledger, moments(2)[1].replace(day=20))  # a month that was dropped comes back
    assert "decision_row_2005_02" in parts(postgresql_ledger)


def test_a_month_in_which_another_lives_loses_rows_alone(postgresql_ledger: Ledger) -> None:
    at, month = moments(1)[0], date(2005, 1, 1)
    live(postgresql_ledger, at)
    other = live(postgresql_ledger, at.replace(day=20), use_case="another")
    seal(postgresql_ledger)
    assert not whole_months(postgresql_ledger, [batch_id_of(USE_CASE, at)])
    told = let_go(postgresql_ledger, at, month)  # as if the other had come since it was asked
    assert told["decision"] == 4
    assert parts(postgresql_ledger) == ["decision_row_2005_01"]
    assert count_rows(postgresql_ledger)["outcome"] == len(other)
    assert verify(postgresql_ledger).is_whole


def test_what_is_not_recorded_as_gone_keeps_its_month(postgresql_ledger: Ledger) -> None:
    """An outcome of nobody, written past the library: it stays to be found."""
    at, month = moments(1)[0], date(2005, 1, 1)
    live(postgresql_ledger, at)
    seal(postgresql_ledger)
    nobody = str(decision_ids(USE_CASE, ["nobody"], at)[0])
    times = {"observed_at": at, "recorded_at": at}
    append_outcomes(postgresql_ledger, pd.DataFrame({"decision_id": [nobody], "revision": 1, "kind": "first", **times}))
    let_go(postgresql_ledger, at, month)
    assert parts(postgresql_ledger) == ["decision_row_2005_01"]
    assert count_rows(postgresql_ledger)["outcome"] == 1
    assert count_rows(postgresql_ledger)["decision_row"] == 0


def test_a_month_that_others_read_for_long_loses_rows_alone(postgresql_ledger: Ledger) -> None:
    at = moments(1)[0]
    live(postgresql_ledger, at)
    seal(postgresql_ledger)
    with postgresql_ledger.engine.begin() as owner:
        owner.execute(text("ALTER FUNCTION drop_month(date, bigint[]) SET lock_timeout = '50ms'"))
    with postgresql_ledger.engine.connect() as reader:
        reader.execute(select(decision_row.c.decision_id)).all()
        assert let_go(postgresql_ledger, at, date(2005, 1, 1))["decision"] == 4
    assert parts(postgresql_ledger) == ["decision_row_2005_01"]
    assert count_rows(postgresql_ledger)["decision_row"] == 0
    assert verify(postgresql_ledger).is_whole


def test_a_ledger_of_before_keeps_its_rows_where_they_are(postgres_url: str) -> None:
    engine = create_engine(postgres_url)
    with engine.begin() as connection:
        command.upgrade(alembic_config(connection), "0022")
        connection.execute(text("CREATE ROLE reader"))
        connection.execute(text("GRANT SELECT ON outcome, decision TO reader"))
    with engine.begin() as connection:  # as the version before wrote
        old = batch_rows(3, moments(2)[1]).decisions
        _as_before(connection, old)
        lies = connection.execute(text("SELECT pg_relation_filenode('decision_row')")).scalar()
    create_or_upgrade(postgres_url).close()
    with open_ledger(postgres_url) as ledger:
        assert parts(ledger) == ["decision_row_before"]
        with ledger.engine.begin() as connection:
            assert connection.execute(text("SELECT pg_relation_filenode('decision_row_before')")).scalar() == lies
            for name in ("outcome", "decision"):
                may = text(f"SELECT has_table_privilege('reader', '{name}', 'SELECT')")
                assert connection.execute(may).scalar()
            connection.execute(text("DROP OWNED BY reader"))
            connection.execute(text("DROP ROLE reader"))
        live(ledger, moments(2)[0])  # in a month of before: it has its part
        assert parts(ledger) == ["decision_row_before"]
        live(ledger, moments(3)[2])
        assert parts(ledger) == ["decision_row_2005_03", "decision_row_before"]
        assert count_rows(ledger)["decision_row"] == 11
        assert not list(missing_guards(ledger, 0))
        going = [batch_id_of(USE_CASE, at) for at in moments(3)]
        assert list(whole_months(ledger, going)) == [date(2005, 3, 1)]
        with pytest.raises(DBAPIError, match="append-only"), ledger.begin() as connection:
            connection.execute(text("DELETE FROM decision_row_before"))
    engine.dispose()


def _as_before(connection: Any, decisions: pd.DataFrame) -> None:
    from decisionloop.ledger.decision_groups import grouped
    from decisionloop.ledger.schema import decision_group

    told = grouped(decisions)
    connection.execute(decision_group.insert(), told.groups.to_pylist())
    connection.execute(decision_row.insert(), told.rows.to_pylist())


@pytest.mark.exhaustive
def test_ids_of_another_kind_keep_a_ledger_in_one_piece(postgres_url: str) -> None:
    engine = create_engine(postgres_url)
    with engine.begin() as connection:
        command.upgrade(alembic_config(connection), "0022")
        _as_before(connection, batch_rows(2).decisions.assign(decision_id=["f" * 32, "0" * 32]))
    create_or_upgrade(postgres_url).close()
    with open_ledger(postgres_url) as ledger:
        assert not parts(ledger)
        live(ledger, moments(1)[0])
        assert not parts(ledger)
        assert len(decisions_of_batch(ledger, batch_id_of(USE_CASE, moments(1)[0]))) == 4
    engine.dispose()


def test_a_backup_and_what_is_restored_hold_every_month(
    postgresql_ledger: Ledger, postgres_url_with_tables: str, tmp_path: Path
) -> None:
    for at in moments(3):
        live(postgresql_ledger, at)
    copy_to_file(postgresql_ledger, tmp_path / "copy.db")
    with open_ledger(postgres_url_with_tables) as new:
        copy_from_file(tmp_path / "copy.db", new)
        assert count_rows(new) == count_rows(postgresql_ledger)
        assert parts(new, "outcome") == parts(postgresql_ledger, "outcome")
