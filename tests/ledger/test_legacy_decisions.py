"""What another system decided is kept with no propensity where nobody knows it, and is never a message."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from alembic import command
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from decisionloop.ledger.decisions import append_decisions, decisions_of_batch
from decisionloop.ledger.outbox import count_pending
from decisionloop.ledger.release_history import why_decided
from decisionloop.ledger.storage.engine import Ledger, create_or_upgrade, open_ledger
from decisionloop.ledger.storage.migrate import alembic_config
from decisionloop.ledger.storage.months import make_months, month_of


def log(ledger: Ledger, decisions: Any) -> int:
    with ledger.begin() as connection:
        return append_decisions(connection, decisions)


def test_an_unknown_propensity_stays_unknown(ready: Ledger, rows: Any) -> None:
    batch = rows(5)
    made = batch.decisions.assign(role="legacy", is_sent=False, propensity=[np.nan, 0.3, np.nan, 1.0, 0.5])
    assert log(ready, made) == 5
    kept = decisions_of_batch(ready, made["batch_id"].iloc[0]).set_index("decision_id").loc[made["decision_id"]]
    assert kept["propensity"].isna().tolist() == [True, False, True, False, False]
    assert kept["propensity"].dropna().tolist() == [0.3, 1.0, 0.5]
    assert count_pending(ready, made["use_case"].iloc[0]) == 0
    told = why_decided(ready, made["decision_id"].iloc[0])
    assert told is not None
    assert (told.role, told.propensity) == ("legacy", None)


ROW = text(
    "INSERT INTO decision_row "
    "(decision_id, group_id, entity_id, snapshot_row, action_values, propensity, reason_codes) "
    "VALUES (:id, 1, 'c', 0, '{}', :propensity, '[]')"
)


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_an_earlier_ledger_keeps_its_decisions_and_what_guards_them(
    engine: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path}/old.db" if engine == "sqlite" else request.getfixturevalue("postgres_url")
    old = create_engine(url)
    with old.begin() as connection:
        command.upgrade(alembic_config(connection), "0013")
        connection.execute(ROW, [{"id": "b", "propensity": 0.25}, {"id": "a", "propensity": 1.0}])
    create_or_upgrade(url).close()
    with old.begin() as connection:
        make_months(connection, [month_of("c")])
        connection.execute(ROW, {"id": "c", "propensity": None})
        kept = connection.execute(text("SELECT decision_id, propensity FROM decision_row ORDER BY decision_id"))
        assert [tuple(row) for row in kept] == [("a", 1.0), ("b", 0.25), ("c", None)]
        assert connection.execute(text("SELECT count(*) FROM decision")).scalar_one() == 0  # its group is not there
    for refused in ("UPDATE decision_row SET propensity = 0.5", "DELETE FROM decision_row"):
        with pytest.raises(DBAPIError, match="append-only"), old.begin() as connection:
            connection.execute(text(refused))
    old.dispose()
    with open_ledger(url) as ledger:
        assert ledger.is_sqlite == (engine == "sqlite")
