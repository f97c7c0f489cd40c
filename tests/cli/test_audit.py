"""`audit`, `erase` and `retention` as their user has them: what they say, and their exit codes."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from decisionloop.ledger.batches import append_batch_event, batches
from decisionloop.ledger.storage.engine import open_ledger
from tests.ledger.conftest import USE_CASE, batch_rows
from tests.ledger.test_audit_chain import live


@pytest.fixture
def lived(folder: Path, home_with_ledger: Path) -> Path:
    """The file of a ledger with three complete batches of a use case without a folder."""
    file = home_with_ledger / "ledger.db"
    with open_ledger(f"sqlite:///{file}") as ledger:
        live(ledger)
        for one in batches(ledger, USE_CASE):
            append_batch_event(ledger, one.batch_id, "complete")
    return file


def test_what_was_sealed_and_signed_verifies_is_proven_and_survives_an_erasure(cli, lived, tmp_path) -> None:
    assert cli("audit", "keys").exit_code == 0
    told = cli("audit", "checkpoint")
    assert told.exit_code == 0, told.err
    told = cli("audit", "verify")
    assert (told.exit_code, "came after it: 0 rows" in told.out) == (0, True), told.out + told.err
    one = batch_rows().decisions["decision_id"].iloc[0]
    proof = tmp_path / "proof.json"
    assert cli("audit", "prove", one, "--to", str(proof)).exit_code == 0
    assert cli("audit", "prove", one, "--to", str(proof)).exit_code == 2
    erased = cli("erase", "credit_line", "client-00000", "--reason", "asked", "--by", "dpo")
    assert erased.exit_code == 0, erased.err
    assert "Not reached: backups" in erased.out
    assert cli("audit", "prove", one, "--to", str(tmp_path / "other.json")).exit_code == 2
    assert cli("audit", "verify").exit_code == 0
    assert cli("erase", "credit_line", "client-00000", "--reason", "asked", "--by", "dpo").exit_code == 2


def test_what_was_changed_is_told_and_is_an_exit_code(cli, lived) -> None:
    assert cli("audit", "seal").exit_code == 0
    with closing(sqlite3.connect(lived)) as plain:
        plain.execute("DROP TRIGGER decision_row_refuses_UPDATE")
        plain.execute("UPDATE decision_row SET propensity = 0.5 WHERE rowid = 1")
        plain.commit()
    told = cli("audit", "verify", "--json")
    assert told.exit_code == 6
    assert {one["what"] for one in told.json["findings"]} == {"changed", "unguarded"}


def test_where_nothing_was_chained_or_exported_it_says_what_that_means_and_what_to_do(cli, lived) -> None:
    """The exit code is 0, for nothing is wrong that could be seen: so the words must say what was not seen."""
    told = cli("audit", "verify")
    assert told.exit_code == 0, told.err
    assert "Nothing has been chained yet, so nothing was verified" in told.out
    assert "`decisionloop audit seal` does so now. Run `decisionloop audit keys`" in told.out
    assert cli("audit", "seal").exit_code == 0
    assert cli("audit", "keys").exit_code == 0
    told = cli("audit", "verify")
    assert "no checkpoint vouches for the chain" in told.out
    assert "nothing was verified" not in told.out
    assert "Run `decisionloop audit checkpoint`, and keep what it writes where" in told.out
