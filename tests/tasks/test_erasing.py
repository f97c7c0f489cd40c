"""A person is erased: their id stands in every store before, in none afterwards, and the audit chain still verifies."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from sqlalchemy import select, text

from decisionloop.backup.installing import read_backup
from decisionloop.backup.taking import take_backup
from decisionloop.cli.backup import backup, restore
from decisionloop.cli.explain import explain_decision
from decisionloop.cli.history import show_history
from decisionloop.custody.erase import Asked, erase
from decisionloop.custody.snapshot_files import verify_snapshots
from decisionloop.errors import UsageError
from decisionloop.ledger import schema
from decisionloop.ledger.audit.seal import seal
from decisionloop.ledger.audit.verify import verify
from decisionloop.ledger.gone import gone_by_erasure
from decisionloop.ledger.personal_data import decisions_about
from decisionloop.observe.entity_money import entity_codes
from tasks.keep import keep_table
from tests.small_use_case import Written, settings_of
from tests.tasks.installation import Installation, working_in
from tests.tasks.moment import on_engine

pytestmark = pytest.mark.xdist_group("loop")


@pytest.fixture
def lived(request: pytest.FixtureRequest, saved: Path, tmp_path: Path):
    """Two weeks, on SQLite or the engine that is asked for."""
    engine = getattr(request, "param", "sqlite")
    with on_engine(engine, saved / "shadowed", tmp_path / "life", request) as moment, moment.work() as life:
        yield life


def stores_that_hold(life: Installation, names: set[str]) -> set[str]:
    """Where one of the names stands: decoded rows of the ledger, decoded tables of the snapshot store, files."""
    found = set()
    with life.ledger.connect() as connection:
        for name, table in schema.metadata.tables.items():
            columns = [column for column in table.c if column.type.python_type is not bytes]
            rows = connection.execute(select(*columns)).all() if columns else []
            if any(_says(value, names) for row in rows for value in row):
                found.add(f"ledger {name}")
    for block in _blocks(life):
        if any(name in str(block) for name in names):
            found.add("ledger audit_block")
    home = life.folder / "home"
    for path in home.rglob("*"):
        if path.suffix == ".parquet":
            table = pyarrow.parquet.read_table(path)
            if any(_says(value, names) for column in table.columns for value in column.to_pylist()):
                found.add("snapshots")
        elif path.is_file() and not path.name.startswith(_not_read(life)):
            said = path.read_bytes()
            if any(name.encode() in said for name in names):
                found.add("database pages" if path.name.startswith("ledger.db") else f"file {path.suffix}")
    return found


def _not_read(life: Installation) -> tuple[str, ...]:
    """MLflow's database knows of no entities; a ledger in PostgreSQL leaves the file that it was copied from."""
    return ("mlflow.db",) if life.ledger.is_sqlite else ("mlflow.db", "ledger.db")


def _blocks(life: Installation) -> list[Any]:
    from decisionloop.ledger.audit.links import blocks_of, links_of

    return [block.key_list() for link in links_of(life.ledger) for block in blocks_of(life.ledger, link.seq)]


def _says(value: object, names: set[str]) -> bool:
    return isinstance(value, str) and any(name in value for name in names)


@pytest.mark.parametrize("lived", ["sqlite", "postgresql"], indirect=True)
def test_a_person_stands_in_every_store_before_and_in_none_afterwards(lived: Installation) -> None:
    ledger, settings = lived.ledger, lived.workspace.settings
    entity = str(lived.decisions(0)["entity_id"].iloc[5])
    about = decisions_about(ledger, "small", entity)
    names = {entity, *(one.decision_id for one in about)}
    seal(ledger)
    before = stores_that_hold(lived, names)
    assert {"ledger decision_row", "ledger outcome", "snapshots", "ledger audit_block", "file .jsonl"} <= before
    assert "database pages" in before or not ledger.is_sqlite
    others = [one for one in lived.decisions(0)["decision_id"] if one not in names]
    rows = verify(ledger).rows

    done = erase(settings, ledger, "small", entity, Asked("asked to be forgotten", "the officer"))

    assert stores_that_hold(lived, names) == set()
    assert done.left_in == ()
    found = verify(ledger)
    assert found.is_whole, found.findings
    assert found.erased == done.rows["leaves"] > 0
    assert found.rows == rows - found.erased + 1 + done.rows["snapshots"]  # that it was erased, and what was rewritten
    assert verify_snapshots(settings, ledger).faults == ()
    assert set(others) == set(lived.decisions(0)["decision_id"])


def test_no_erasure_is_needed_to_find_out_who_was_erased(lived: Installation) -> None:
    """Whoever has the ledger and guesses the person finds no salt to try the guess with."""
    ledger = lived.ledger
    entity = str(lived.decisions(0)["entity_id"].iloc[5])
    erase(lived.workspace.settings, ledger, "small", entity, Asked("asked", "the officer"))
    with ledger.connect() as connection:
        stones = connection.execute(select(schema.erased_leaf.c.seq).distinct()).scalars().all()
        for seq in stones:
            blocks = connection.execute(select(schema.audit_block).where(schema.audit_block.c.seq == seq)).all()
            opened = [one for one in blocks if one.salts is not None]
            assert opened
            assert all(one.secret is None for one in opened)
        rest = connection.execute(text("SELECT count(*) FROM erasing")).scalar_one()
    assert rest == 0
    with pytest.raises(UsageError, match="nothing is stored"):
        erase(lived.workspace.settings, ledger, "small", entity, Asked("again", "the officer"))


def test_money_by_entity_is_nobodys_afterwards(lived: Installation) -> None:
    """It counts in sums; its code is a hash that whoever guesses the person can make."""
    others = [str(one) for one in lived.decisions(0)["entity_id"].iloc[:5]]
    entity = str(lived.decisions(0)["entity_id"].iloc[5])
    table = pa.table({"entity": entity_codes([*others, entity, entity]), "money": np.arange(7.0)})
    digest = keep_table(lived.workspace, table, "outcomes")
    erase(lived.workspace.settings, lived.ledger, "small", entity, Asked("asked", "the officer"))
    found = lived.workspace.snapshots.get_table(digest)
    codes = found["entity"].to_numpy()
    assert entity_codes([entity])[0] not in codes
    np.testing.assert_array_equal(codes[:5], entity_codes(others))
    assert codes[5] == codes[6]
    np.testing.assert_array_equal(found["money"].to_numpy(), np.arange(7.0))
    assert verify(lived.ledger).is_whole


def test_the_loop_goes_on_without_the_person(lived: Installation) -> None:
    entity = str(lived.decisions(0)["entity_id"].iloc[5])
    erase(lived.workspace.settings, lived.ledger, "small", entity, Asked("asked", "the officer"))
    lived.turn(2)
    assert lived.state(2) == "complete"
    seal(lived.ledger)
    assert verify(lived.ledger).is_whole


@pytest.mark.parametrize("lived", ["postgresql"], indirect=True)
def test_a_backup_from_afterwards_restores_to_the_same_chain_without_the_person(lived, tmp_path) -> None:
    entity = str(lived.decisions(0)["entity_id"].iloc[5])
    names = {entity, *(one.decision_id for one in decisions_about(lived.ledger, "small", entity))}
    erase(lived.workspace.settings, lived.ledger, "small", entity, Asked("asked", "the officer"))
    backup(tmp_path / "backup")
    folder = tmp_path / "elsewhere"
    shutil.copytree(lived.folder / "usecases", folder / "usecases")
    with settings_of(folder):
        with pytest.raises(UsageError, match="or somebody was erased from each"):  # the person is in both weeks
            restore(tmp_path / "backup")
        restore(tmp_path / "backup", is_unproven=True)
    with working_in(folder, Written(folder / "usecases" / "small")) as restored:
        found = verify(restored.ledger)
        assert found.is_whole, found.findings
        with restored.ledger.connect() as connection:
            waiting = connection.execute(select(schema.audit_waiting.c.table_name).distinct()).scalars().all()
        assert set(waiting) <= {
            "flag",
            "hold_event",
            "restoration",
        }  # the mark of restoring; what was chained waits no more
        assert verify_snapshots(restored.workspace.settings, restored.ledger).faults == ()
        assert stores_that_hold(restored, names) == set()


def test_rows_go_by_this_road_alone(lived: Installation) -> None:
    seal(lived.ledger)
    for statement in ("DELETE FROM outcome", "UPDATE audit_block SET secret = NULL"):
        with pytest.raises(Exception, match="append-only"), lived.ledger.begin() as connection:
            connection.execute(text(statement))
    if lived.ledger.is_sqlite:
        file = lived.folder / "home" / "ledger.db"
        with closing(sqlite3.connect(file)) as plain, pytest.raises(sqlite3.IntegrityError, match="append-only"):
            plain.execute("DELETE FROM decision_row")


def test_a_backup_in_the_home_is_named_and_stays_whole(lived: Installation) -> None:
    entity = str(lived.decisions(0)["entity_id"].iloc[5])
    settings, to = lived.workspace.settings, lived.folder / "home" / "backups" / "monday"
    take_backup(settings, lived.ledger, to)
    done = erase(settings, lived.ledger, "small", entity, Asked("asked", "the officer"))
    assert done.left_in == (f"{to} (a backup)",)
    with read_backup(to, lived.folder) as found:
        assert found.manifest.files


def test_a_reason_names_nobody(lived: Installation) -> None:
    entity = str(lived.decisions(0)["entity_id"].iloc[5])
    with pytest.raises(UsageError, match="must not hold the id"):
        erase(lived.workspace.settings, lived.ledger, "small", entity, Asked(f"{entity} asked", "the officer"))


def test_who_asks_for_somebody_erased_is_told_that_persons_were_when_and_why(
    lived: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    entity = str(lived.decisions(0)["entity_id"].iloc[0])
    with pytest.raises(UsageError, match=r"nothing was decided for nobody\. `decisionloop history small"):
        explain_decision("small", "nobody", "", False, None)
    erase(lived.workspace.settings, lived.ledger, "small", entity, Asked("asked to be forgotten", "the officer"))
    said = r"All data of a person were erased, on \d{4}-\d\d-\d\d by the officer: asked to be forgotten\. Their ids"
    with pytest.raises(UsageError, match=rf"nothing is known to have been decided for {entity}\. {said}"):
        explain_decision("small", entity, "", False, None)
    show_history("small", entity, "", False)
    assert "All data of a person were erased" in capsys.readouterr().out
    assert gone_by_erasure(lived.ledger, "another") == ""
