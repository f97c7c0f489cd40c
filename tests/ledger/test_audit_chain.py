"""The audit chain: what is written is chained once, whoever seals it, and what is changed behind its back is found."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Update, text

from decisionloop.audit.checkpoints import Checkpoint, make_keys, private_key, signed
from decisionloop.custody.checkpoints import checkpoints_at
from decisionloop.errors import ConfigurationError
from decisionloop.ledger.audit.findings import Verified
from decisionloop.ledger.audit.links import links_of
from decisionloop.ledger.audit.prove import proof_of
from decisionloop.ledger.audit.seal import seal
from decisionloop.ledger.audit.verify import ledger_name, verify
from decisionloop.ledger.batches import append_batch_event
from decisionloop.ledger.decisions import append_decisions
from decisionloop.ledger.flags import KILL_SWITCH, set_flag
from decisionloop.ledger.schema import outcome, utc_now
from decisionloop.ledger.storage.bulk import append
from decisionloop.ledger.storage.copying import copy_from_file, copy_to_file, count_rows
from decisionloop.ledger.storage.engine import Ledger, create_or_upgrade, open_ledger
from decisionloop.snapshots import SnapshotStore
from tests.architecture.code import ROOT
from tests.ledger.conftest import AS_OF, USE_CASE, batch_rows, opened_batch

BATCHES, ROWS = 3, 7


def live(ledger: Ledger, first: int = 0) -> None:
    """Batches with decisions, outcomes and a flag."""
    for number in range(first, first + BATCHES):
        as_of = AS_OF + timedelta(days=number)
        batch = opened_batch(ledger, as_of)
        rows = batch_rows(ROWS, as_of)
        with ledger.begin() as connection:
            append_decisions(connection, rows.decisions)
            append_batch_event(connection, batch.batch_id, "decided", {})
            told = rows.decisions[["decision_id"]].assign(
                revision=1, outcome_class=1, observed_at=as_of, recorded_at=as_of, kind="first"
            )
            append(connection, outcome, told)
        set_flag(ledger, USE_CASE, KILL_SWITCH, "off", "a test", "nobody")


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a pair of keys."""
    folder = tmp_path_factory.mktemp("keys")
    make_keys(folder)
    return folder


def checkpoint_of(ledger: Ledger, keys: Path) -> Checkpoint:
    """A checkpoint of the chain as it is."""
    links = links_of(ledger)
    return signed(
        ledger_name(links), links[-1].seq, links[-1].hash, utc_now(), private_key(keys / "audit_private_key.pem")
    )


def behind_its_back(connection: Connection, *statements: str | Update) -> None:
    """What whoever owns the database can do: the triggers are out of the way, and come back."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        for one in statements:
            _execute(connection, one.replace("%", "%%") if isinstance(one, str) else one)
        connection.execute(text("SET LOCAL session_replication_role = origin"))
        return
    connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
    triggers = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")).all()
    for name, _ in triggers:
        connection.exec_driver_sql(f"DROP TRIGGER {name}")
    for one in statements:
        _execute(connection, one)
    for _, sql in triggers:
        connection.exec_driver_sql(sql)


def _execute(connection: Connection, statement: str | Update) -> None:
    if isinstance(statement, str):
        connection.exec_driver_sql(statement)
    else:
        connection.execute(statement)


def test_everything_is_chained_once_and_verifies(ledger: Ledger, keys: Path) -> None:
    live(ledger)
    assert verify(ledger).unproven > 2 * BATCHES * ROWS
    first = seal(ledger)
    assert seal(ledger).links == 0
    checkpoint = checkpoint_of(ledger, keys)
    found = verify(ledger, [checkpoint])
    assert (found.findings, found.unproven, found.rows) == ((), 0, first.rows)
    live(ledger, BATCHES)
    more = seal(ledger)
    found = verify(ledger, [checkpoint])
    assert found.is_whole
    assert (found.unproven, found.rows) == (more.rows, first.rows + more.rows)


def test_a_copy_has_the_same_chain_whatever_engine_it_is_of(ledger: Ledger, tmp_path: Path) -> None:
    live(ledger)
    rows = seal(ledger).rows
    set_flag(ledger, USE_CASE, KILL_SWITCH, "off", "waits for the next link", "nobody")
    copy_to_file(ledger, tmp_path / "copy.db")
    with open_ledger(f"sqlite:///{tmp_path / 'copy.db'}") as copy:
        assert count_rows(copy) == count_rows(ledger)
        assert (verify(copy).findings, verify(copy).rows) == ((), rows)
    with create_or_upgrade(f"sqlite:///{tmp_path / 'back.db'}") as back:
        copy_from_file(tmp_path / "copy.db", back)
        assert count_rows(back) == count_rows(ledger)
        assert seal(back).rows == 1
        assert verify(back).findings == ()


def test_two_who_seal_at_once_chain_each_row_once(ledger: Ledger) -> None:
    live(ledger)
    sealed: list[int] = []
    threads = [threading.Thread(target=lambda: sealed.append(seal(ledger).rows)) for _ in range(3)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    found = verify(ledger)
    assert found.is_whole, found.findings
    assert sum(sealed) == found.rows
    assert len([link for link in links_of(ledger) if link.kind == "batch"]) == BATCHES


def test_who_is_killed_before_the_commit_has_chained_nothing(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    live(ledger)
    import decisionloop.ledger.audit.seal as sealing

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(sealing, "append_link", dies)
        with pytest.raises(KeyboardInterrupt):
            seal(ledger)
    seal(ledger)
    assert verify(ledger).is_whole


def test_what_is_removed_before_it_is_chained_is_told_and_keeps_nothing_else_waiting(ledger: Ledger) -> None:
    live(ledger)
    gone = batch_rows(ROWS, AS_OF).decisions["decision_id"].sort_values().iloc[3]
    with ledger.begin() as connection:
        behind_its_back(connection, f"DELETE FROM outcome WHERE decision_id = '{gone}'")
    assert seal(ledger).rows > BATCHES * (2 * ROWS - 1)
    live(ledger, BATCHES)
    assert seal(ledger).rows > BATCHES * ROWS
    told = [(one.what, one.row) for one in verify(ledger).findings]
    assert told == [("removed", f"outcome {gone} 1")]


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE audit_entry SET at = 'yesterday' WHERE seq = 2", "the chain itself cannot be read"),
        (
            "INSERT INTO erasure VALUES ('one', 'x', 'x', 'x', 'x', 'no JSON', '2024-01-01T06:00:00.000000Z')",
            "audit's own",
        ),
        ("UPDATE flag SET at = 'yesterday'", "facts cannot be read"),
    ],
)
def test_what_cannot_be_read_any_more_is_a_finding_and_no_crash(sqlite_ledger: Ledger, statement, words) -> None:
    live(sqlite_ledger)
    seal(sqlite_ledger)
    with sqlite_ledger.begin() as connection:
        behind_its_back(connection, statement)
    assert any(words in one.words for one in verify(sqlite_ledger).findings)


def test_a_row_whose_time_was_written_by_hand_keeps_nothing_waiting(sqlite_ledger: Ledger) -> None:
    live(sqlite_ledger)
    at = "'2024-01-01 06:00:00'"
    with sqlite_ledger.begin() as connection:
        connection.exec_driver_sql(f"INSERT INTO restoration VALUES ({at}, {at}, '0.1', 'a backup')")
    assert seal(sqlite_ledger).rows > 2 * BATCHES * ROWS
    assert seal(sqlite_ledger).rows == 0


Tampering = Callable[[random.Random, Connection], tuple[str, ...]]


def _any_decision(draw: random.Random, connection: Connection) -> str:
    ids = connection.execute(text("SELECT decision_id FROM decision_row ORDER BY decision_id")).scalars().all()
    return str(draw.choice(ids))


def _edits(draw: random.Random, connection: Connection) -> tuple[str, ...]:
    one = _any_decision(draw, connection)
    change = draw.choice(
        (
            "propensity = 0.05",
            "score = 0.75",
            "entity_id = 'client-99999'",
            "reason_codes = '[\"x\"]'",
            "snapshot_row = 99",
        )
    )
    return one, f"UPDATE decision_row SET {change} WHERE decision_id = '{one}'"


def _removes(draw: random.Random, connection: Connection) -> tuple[str, ...]:
    one = _any_decision(draw, connection)
    return "removed", f"DELETE FROM decision_row WHERE decision_id = '{one}'"


def _adds(draw: random.Random, connection: Connection) -> tuple[str, ...]:
    one = _any_decision(draw, connection)
    new = f"{one[:8]}{draw.getrandbits(96):024x}"
    columns = "group_id, entity_id, snapshot_row, action_values, propensity, reason_codes"
    return new, (
        f"INSERT INTO decision_row (decision_id, {columns}) SELECT '{new}', {columns} FROM decision_row "
        f"WHERE decision_id = '{one}'"
    )


def _moves(draw: random.Random, connection: Connection) -> tuple[str, ...]:
    """Two decisions of a batch change places in its snapshot."""
    batch = draw.choice(connection.execute(text("SELECT batch_id FROM batch ORDER BY batch_id")).scalars().all())
    ids = (
        connection.execute(
            text("SELECT decision_id FROM decision WHERE batch_id = :b ORDER BY decision_id"), {"b": batch}
        )
        .scalars()
        .all()
    )
    one, other = sorted(draw.sample(list(ids), 2))
    place = dict(
        connection.execute(text("SELECT decision_id, snapshot_row FROM decision WHERE batch_id = :b"), {"b": batch})
        .tuples()
        .all()
    )
    said = "UPDATE decision_row SET snapshot_row = {} WHERE decision_id = '{}'"
    return one, said.format(place[other], one), said.format(place[one], other)


def _edits_group(draw: random.Random, connection: Connection) -> tuple[str, ...]:
    group = draw.choice(connection.execute(text("SELECT group_id FROM decision_group ORDER BY 1")).scalars().all())
    change = draw.choice(("action = 'other'", "role = 'champion'", "latency_ms = 2.5", "fallback_reason = 'none'"))
    return "changed", f"UPDATE decision_group SET {change} WHERE group_id = {group}"


def _forges_group(draw: random.Random, connection: Connection) -> tuple[str, ...]:
    group = draw.choice(connection.execute(text("SELECT group_id FROM decision_group ORDER BY 1")).scalars().all())
    columns = (
        "use_case, as_of, snapshot_digest, release_id, role, action, rules_action, is_sent, policy_version, "
        "contract_digest, latency_ms, decided_at"
    )
    batch = draw.choice(("batch_id", "'credit_line/1999-01-01'"))
    forged = (
        f"INSERT INTO decision_group (group_id, batch_id, {columns}) SELECT 77, {batch}, {columns} FROM decision_group "
        f"WHERE group_id = {group}"
    )
    moved = f"UPDATE decision_row SET group_id = 77 WHERE decision_id = '{_any_decision(draw, connection)}'"
    return ("", forged) if draw.random() < 0.5 else ("", forged, moved)


def _edits_fact(draw: random.Random, connection: Connection) -> tuple[str, ...]:
    one = _any_decision(draw, connection)
    statement = draw.choice(
        (
            f"UPDATE outcome SET outcome_class = 0 WHERE decision_id = '{one}'",
            f"DELETE FROM outcome WHERE decision_id = '{one}'",
            f"INSERT INTO outcome SELECT decision_id, 2, outcome_class, amount, observed_at, recorded_at, kind, "
            f"happened_at FROM outcome WHERE decision_id = '{one}'",
        )
    )
    return one, statement


def _edits_flag(draw: random.Random, _: Connection) -> tuple[str, ...]:
    change = draw.choice(("UPDATE flag SET set_by = 'another'", "DELETE FROM flag"))
    return "flag", change


def _cuts(draw: random.Random, connection: Connection) -> tuple[str, ...]:
    last = connection.execute(text("SELECT max(seq) FROM audit_entry")).scalar_one()
    at = draw.randint(2, last)
    # Of the last link as well the rows go: the chain that is left is whole in itself.
    return (
        "truncated",
        f"DELETE FROM decision_row WHERE group_id IN (SELECT g.group_id FROM decision_group g JOIN audit_entry e ON "
        f"e.subject = g.batch_id WHERE e.seq >= {at})",
        f"DELETE FROM decision_group WHERE batch_id IN (SELECT subject FROM audit_entry WHERE seq >= {at})",
        f"DELETE FROM audit_block WHERE seq >= {at}",
        f"DELETE FROM audit_entry WHERE seq >= {at}",
    )


def _reorders_links(draw: random.Random, connection: Connection) -> tuple[str, ...]:
    last = connection.execute(text("SELECT max(seq) FROM audit_entry")).scalar_one()
    one, other = sorted(draw.sample(range(2, last + 1), 2))
    said = "UPDATE {} SET seq = {} WHERE seq = {}"
    steps = [(-1, one), (one, other), (other, -1)]
    return "link", *(said.format(table, to, of) for table in ("audit_entry", "audit_block") for to, of in steps)


def _edits_link(draw: random.Random, _: Connection) -> tuple[str, ...]:
    change = draw.choice(
        ("leaves = 6", f"root = '{'0' * 64}'", "detail = '[]'", f"hash = '{'1' * 64}'", "subject = 'x'")
    )
    return "link 2", f"UPDATE audit_entry SET {change} WHERE seq = 2"


TAMPERINGS: tuple[Tampering, ...] = (
    _edits, _removes, _adds, _moves, _edits_group, _forges_group, _edits_fact, _edits_flag, _cuts, _reorders_links,
    _edits_link,
)  # fmt: skip


class _Undo(Exception):
    """Nothing of a tampering is kept."""


def tampered(ledger: Ledger, draw: random.Random, how: Tampering, checkpoint: Checkpoint) -> tuple[str, Verified]:
    """What a tampering should name, and what verifying finds; the ledger is then as it was."""
    with ledger.begin() as connection:
        expected, *statements = how(draw, connection)
    with ledger.begin() as connection:
        kept = {
            name: connection.execute(text(f'SELECT * FROM "{name}"')).all()
            for name in ("decision_row", "decision_group", "outcome", "flag", "audit_entry", "audit_block")
        }
        behind_its_back(connection, *statements)
    found = verify(ledger, [checkpoint])
    with ledger.begin() as connection:
        _put_back(connection, kept)
    return expected, found


def _put_back(connection: Connection, kept: dict[str, Any]) -> None:
    is_postgresql = connection.dialect.name == "postgresql"
    if is_postgresql:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        triggers = []
    else:
        connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        triggers = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")).all()
        for name, _ in triggers:
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
    for name, rows in kept.items():
        connection.execute(text(f'DELETE FROM "{name}"'))
        columns = [f":c{i}" for i in range(len(rows[0]))]
        said = [{f"c{i}": value for i, value in enumerate(row)} for row in rows]
        connection.execute(text(f'INSERT INTO "{name}" VALUES ({", ".join(columns)})'), said)
    for _, sql in triggers:
        connection.exec_driver_sql(sql)


def _all_found(ledger: Ledger, keys: Path, times: int, seed: int) -> None:
    live(ledger)
    seal(ledger)
    checkpoint, draw = checkpoint_of(ledger, keys), random.Random(seed)
    for number in range(times):
        how = TAMPERINGS[number % len(TAMPERINGS)]
        expected, found = tampered(ledger, draw, how, checkpoint)
        assert not found.is_whole, f"{how.__name__} was not found"
        assert any(expected in f"{one.what} {one.row} {one.words}" for one in found.findings), (how, found.findings)
    assert verify(ledger, [checkpoint]).is_whole


def test_every_tampering_is_found_and_named(ledger: Ledger, keys: Path) -> None:
    _all_found(ledger, keys, len(TAMPERINGS), 20)


@pytest.mark.exhaustive
def test_a_thousand_tamperings_are_found(ledger: Ledger, keys: Path) -> None:
    _all_found(ledger, keys, 1000, 21)


def test_a_chain_made_anew_is_another_than_the_checkpoint_saw(ledger: Ledger, keys: Path) -> None:
    """Whoever owns the database edits a decision and seals everything anew: only the checkpoint tells."""
    live(ledger)
    seal(ledger)
    checkpoint = checkpoint_of(ledger, keys)
    with ledger.begin() as connection:
        behind_its_back(
            connection,
            "UPDATE decision_row SET propensity = 0.5",
            "DELETE FROM audit_block",
            "DELETE FROM audit_entry WHERE seq > 1",
            "INSERT INTO audit_waiting SELECT 'outcome', decision_id, '1', '', '' FROM outcome",
        )
    seal(ledger)
    assert any("another than the checkpoint" in one.words for one in verify(ledger, [checkpoint]).findings)


def test_a_proof_is_verified_without_us(ledger: Ledger, keys: Path, tmp_path: Path) -> None:
    live(ledger)
    seal(ledger)
    live(ledger, BATCHES)
    seal(ledger)
    decision_id = batch_rows(ROWS).decisions["decision_id"][3]
    proof = proof_of(ledger, decision_id, (checkpoint_of(ledger, keys),))
    assert _verified(proof, keys, tmp_path).returncode == 0
    at = proof["columns"].index("propensity")
    for change in ({"leaf": 2}, {"salt": "00" * 16}, {"values": [*proof["values"][:at], {"number": 0.5}]}):
        told = _verified({**proof, **change}, keys, tmp_path)
        assert (told.returncode, "NOT PROVEN" in told.stdout) == (1, True)


def _verified(proof: dict[str, Any], keys: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    file = folder / "proof.json"
    file.write_text(json.dumps(proof), encoding="utf-8")
    script = ROOT / "docs" / "verify_proof.py"
    command = [sys.executable, "-I", str(script), str(file), str(keys / "audit_public_key.pem")]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_place_that_cannot_be_reached_is_named_without_its_password(tmp_path: Path) -> None:
    url = "ftp://bob:s3cret@127.0.0.1:1/there"
    for ask in (lambda: checkpoints_at(url, tmp_path / "key"), SnapshotStore(url).stored):
        with pytest.raises(ConfigurationError, match=r"cannot be opened") as raised:
            ask()
        assert "s3cret" not in str(raised.value)


def test_a_guard_that_was_dropped_is_a_finding(ledger: Ledger) -> None:
    live(ledger)
    seal(ledger)
    is_sqlite = ledger.is_sqlite
    one = "outcome_refuses_DELETE" if is_sqlite else "outcome_is_append_only ON outcome"
    other = "flag_awaits_audit" if is_sqlite else "flag_awaits_audit ON flag"
    with ledger.begin() as connection:
        connection.exec_driver_sql(f"DROP TRIGGER {one}")
        connection.exec_driver_sql(f"DROP TRIGGER {other}")
    assert [(one.row, one.what) for one in verify(ledger).findings] == [("flag", "unguarded"), ("outcome", "unguarded")]
