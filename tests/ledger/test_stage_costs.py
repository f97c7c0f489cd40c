"""What serving cost is kept once, priced by the contract, and accounted to the release that caused it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, select, text
from sqlalchemy.exc import DBAPIError

from decisionloop.contract.operation import ServingCost
from decisionloop.errors import ConfigurationError
from decisionloop.ledger.batches import append_batch_event, find_batch, open_batch
from decisionloop.ledger.schema import stage_cost, use_case_version, utc_now
from decisionloop.ledger.stage_costs import (
    append_stage_costs,
    batch_cost,
    batch_costs,
    ledger_bytes,
    release_costs,
)
from decisionloop.ledger.storage.engine import Ledger, create_or_upgrade, open_ledger
from decisionloop.ledger.storage.migrate import alembic_config
from decisionloop.metering import StageCost

USE_CASE, BATCH, CONTRACT = "credit_line", "credit_line/2005-07-08", "c" * 64
MODEL, SHADOW, RULES = "credit_line/scorecard/1", "credit_line/gradient_boosting/2", "credit_line/rules/3"
PRICES = ServingCost(cpu_hour=3600, stored_gib=2**30)  # a second costs 1, a byte costs 1
SHARED = (
    StageCost("freeze", None, 100, 1.0, 500),
    StageCost("validate", None, 100, 2.0),
    StageCost("decide", None, 100, 0.5),
    StageCost("log", None, 100, 1.5, 900),
)
OWN = (
    StageCost("score", MODEL, 100, 0.25),
    StageCost("explain", MODEL, 100, 0.75),
    StageCost("score", SHADOW, 100, 4.0, 10),
    StageCost("score", RULES, 100, 0.125),
)


def put(ledger: Ledger, *costs: StageCost, batch_id: str = BATCH, attempt: int = 1) -> int:
    return append_stage_costs(ledger, batch_id, attempt, costs, PRICES)


@pytest.fixture
def scored(ready: Ledger) -> Ledger:
    """A ledger with one batch that the model decides."""
    append_batch_event(ready, BATCH, "scored", {"champion": MODEL})
    return ready


def test_what_was_measured_comes_back_with_its_price(ready: Ledger) -> None:
    at = datetime(2005, 7, 8, 6, tzinfo=UTC)
    prices = ServingCost(cpu_hour=1.6, stored_gib=10)
    assert append_stage_costs(ready, BATCH, 1, [StageCost("log", None, 7, 0.9, 2**20)], prices, at) == 1
    found = batch_cost(ready, BATCH)
    assert found is not None
    (line,) = found.lines
    assert (line.stage, line.release_id, line.rows, line.cpu_seconds, line.bytes_stored) == ("log", "", 7, 0.9, 2**20)
    assert (line.cpu_price, line.storage_price, line.at) == (1.6, 10.0, at)
    assert line.money == pytest.approx(0.9 * 1.6 / 3600 + 10 / 1024)
    assert found.per_decision == pytest.approx(line.money / 7)
    assert found.is_priced


def test_partitions_are_added_up_and_a_repetition_changes_nothing(ready: Ledger) -> None:
    parts = [StageCost("score", MODEL, 40, 0.5, 10), StageCost("score", MODEL, 60, 0.25, 20)]
    assert put(ready, *parts) == 1
    assert put(ready, StageCost("score", MODEL, 100, 9.0)) == 0
    (line,) = batch_costs(ready, USE_CASE)[0].lines
    assert (line.rows, line.cpu_seconds, line.bytes_stored) == (100, 0.75, 30)


def test_every_attempt_at_a_batch_is_paid_and_its_decisions_count_once(scored: Ledger) -> None:
    put(scored, StageCost("freeze", None, 100, 1.0))
    put(scored, *SHARED, *OWN, attempt=2)
    (found,) = batch_costs(scored, USE_CASE)
    assert found.cpu_seconds == pytest.approx(1.0 + 5.0 + 5.125)
    assert found.bytes_stored == 1410
    assert found.money == pytest.approx(found.cpu_seconds + found.bytes_stored)
    assert found.decisions == 100
    assert found == batch_cost(scored, BATCH)


def test_the_champion_bears_what_is_shared_and_a_shadow_only_its_own(scored: Ledger) -> None:
    put(scored, *SHARED, *OWN)
    costs = batch_costs(scored, USE_CASE)
    by_release = {one.release_id: one for one in release_costs(costs)}
    assert list(by_release) == [MODEL, SHADOW, RULES]
    assert by_release[MODEL].money == pytest.approx(5.0 + 1400 + 1.0)
    assert by_release[SHADOW].money == pytest.approx(4.0 + 10)
    assert by_release[RULES].per_decision == pytest.approx(0.00125)
    assert [one.batches_decided for one in by_release.values()] == [1, 0, 0]
    assert sum(one.money for one in by_release.values()) == pytest.approx(costs[0].money)


def test_a_halted_batch_costs_and_brings_no_decision(scored: Ledger) -> None:
    put(scored, *SHARED, *OWN)
    later = open_batch(scored, USE_CASE, datetime(2005, 7, 15, tzinfo=UTC), CONTRACT)
    put(scored, SHARED[0], SHARED[1], batch_id=later.batch_id)
    first, halted = batch_costs(scored, USE_CASE)
    assert (halted.decisions, halted.per_decision, halted.champion) == (0, None, "")
    assert sum(one.money for one in release_costs([first, halted])) == pytest.approx(first.money)
    append_batch_event(scored, later.batch_id, "scored", {"champion": MODEL})
    model = release_costs(batch_costs(scored, USE_CASE))[0]
    assert (model.rows, model.batches_decided) == (100, 1)
    assert model.money == pytest.approx(1406 + 503)


def test_without_prices_it_is_measured_all_the_same(ready: Ledger) -> None:
    append_stage_costs(ready, BATCH, 1, SHARED, ServingCost())
    (found,) = batch_costs(ready, USE_CASE)
    assert (found.money, found.cpu_seconds, found.is_priced) == (0.0, 5.0, False)


def test_another_use_case_and_an_unmeasured_batch_have_no_costs(scored: Ledger) -> None:
    assert batch_costs(scored, USE_CASE) == ()
    assert batch_cost(scored, BATCH) is None
    put(scored, *SHARED)
    assert batch_costs(scored, "another") == ()
    assert release_costs([]) == ()


def test_a_cost_belongs_to_a_batch_and_stands(ready: Ledger) -> None:
    with pytest.raises(DBAPIError, match=r"(?i)foreign key"):
        put(ready, *SHARED, batch_id="credit_line/1999-01-01")
    put(ready, *SHARED)
    with pytest.raises(DBAPIError, match="stage_cost is append-only"), ready.begin() as connection:
        connection.execute(delete(stage_cost))


def test_the_ledger_grows_by_what_a_transaction_stored(ready: Ledger) -> None:
    contract = {"use_case": USE_CASE, "contract_version": 1, "contract_yaml": "a" * 300, "recorded_at": utc_now()}
    rows = [{"contract_digest": f"{i:064x}", **contract} for i in range(2000)]
    with ready.begin() as connection:
        before = ledger_bytes(connection)
        connection.execute(insert(use_case_version), rows)
        within = ledger_bytes(connection) - before
    assert 2000 * 380 < within < 2000 * 380 * 4
    assert ledger_bytes(ready) >= before + within


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_a_ledger_of_the_first_version_is_refused_until_it_is_upgraded_and_keeps_its_facts(
    engine: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    from alembic import command

    url = f"sqlite:///{tmp_path}/old.db" if engine == "sqlite" else request.getfixturevalue("postgres_url")
    old = _unversioned(url)
    with old.begin() as connection:
        command.upgrade(alembic_config(connection), "0001")
        contract = {"contract_digest": CONTRACT, "use_case": USE_CASE, "contract_version": 1, "contract_yaml": "a: b"}
        connection.execute(insert(use_case_version).values(**contract, recorded_at=utc_now()))
        open_batch(connection, USE_CASE, datetime(2005, 7, 8, tzinfo=UTC), CONTRACT)
    old.close()
    with pytest.raises(ConfigurationError, match=r"revision 0001.*decisionloop ledger upgrade"):
        open_ledger(url)
    create_or_upgrade(url).close()
    with open_ledger(url) as ledger:
        assert find_batch(ledger, BATCH) is not None
        with ledger.connect() as connection:
            assert connection.execute(select(use_case_version.c.contract_yaml)).scalars().all() == ["a: b"]
        assert put(ledger, *SHARED) == len(SHARED)
        with pytest.raises(DBAPIError, match="stage_cost is append-only"), ledger.begin() as connection:
            connection.execute(text("UPDATE stage_cost SET money = 0"))


def _unversioned(url: str) -> Ledger:
    """A ledger object over a database without tables."""
    from decisionloop.ledger.storage.engine import PLAIN, _engine

    return Ledger(_engine(url, PLAIN))
