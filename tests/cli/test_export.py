"""`decisionloop export`: facts of the ledger in one file that a spreadsheet opens and does not compute."""

from __future__ import annotations

import csv
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from decisionloop.ledger import exporting
from decisionloop.ledger.decisions import append_decisions
from decisionloop.ledger.exporting import KINDS, Span, columns_of, exported
from decisionloop.ledger.measurements import append_measurements
from decisionloop.ledger.outcomes import append_outcomes
from decisionloop.ledger.storage.engine import Ledger, create_or_upgrade
from decisionloop.settings import load_settings
from tests.ledger.conftest import batch_rows, opened_batch
from tests.watched_ledger import figure, raise_alarm

NAME, FIRST = "vouchers", datetime(2005, 7, 1, tzinfo=UTC)
WEEKS = tuple(FIRST + timedelta(days=7 * week) for week in range(3))
EVIL = '=HYPERLINK("http://evil")'
DOCS = Path(__file__).parents[2] / "docs" / "export.md"


def fill(ledger: Ledger) -> Ledger:
    """Three weeks of five decisions, one of them about somebody who is called a formula, and two figures."""
    for week in WEEKS:
        opened_batch(ledger, week, NAME)
        rows = batch_rows(5, week, NAME).decisions
        rows["entity_id"] = [EVIL, "+1", "-1", "@a", "plain"]
        with ledger.begin() as connection:
            append_decisions(connection, rows)
            seen = {"revision": 1, "outcome_class": 1, "amount": -2.5, "observed_at": week, "recorded_at": week}
            append_outcomes(connection, rows[["decision_id"]].assign(**seen, kind="first"))
    earned = figure(NAME, WEEKS[0], "value_policy", -1.5, worst=-3.0, best=2.0, missing_n=4, to_come_n=1.0)
    append_measurements(ledger, [earned, figure(NAME, WEEKS[1], "value_policy", None)])
    raise_alarm(ledger, NAME, WEEKS[1], words="-5 % fewer, = so it says")
    return ledger


@pytest.fixture
def filled(home_with_ledger, vouchers):
    """The ledger of the command line's own home."""
    with create_or_upgrade(load_settings().resolved_ledger_url()) as ledger:
        yield fill(ledger)


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_figures_stay_numbers_and_have_their_bounds(cli, filled, folder):
    told = cli("export", NAME, "measurements", "--to", "m.csv")
    assert (told.exit_code, told.out) == (0, "m.csv: 2 measurements\n")
    first, second = read_csv(folder / "m.csv")
    numbers = [float(first[name]) for name in ("value", "low", "high", "worst", "best", "missing_n")]
    assert numbers == [-1.5, -1.52, -1.48, -3.0, 2.0, 4]
    assert first["value"].startswith("-")
    assert (second["value"], second["missing_n"]) == ("", "")


def test_no_text_is_a_formula_in_csv_and_every_text_is_itself_in_parquet(cli, filled, folder):
    for name in ("d.csv", "d.parquet"):
        assert (
            cli("export", NAME, "decisions", "--to", name, "--since", "2005-07-08", "--until", "2005-07-08").exit_code
            == 0
        )
    rows = read_csv(folder / "d.csv")
    assert [one["entity_id"] for one in rows] == [f"'{EVIL}", "'+1", "'-1", "'@a", "plain"]
    assert {one["as_of"][:10] for one in rows} == {"2005-07-08"}
    assert pq.read_table(folder / "d.parquet").column("entity_id").to_pylist() == [EVIL, "+1", "-1", "@a", "plain"]
    assert cli("export", NAME, "alarms", "--to", "a.csv").exit_code == 0
    assert [one["words"] for one in read_csv(folder / "a.csv")] == ["'-5 % fewer, = so it says"]


def test_a_file_that_is_there_stays_unless_it_is_forced(cli, filled, folder):
    (folder / "v.csv").write_text("mine")
    refused = cli("export", NAME, "verdicts", "--to", "v.csv")
    assert (refused.exit_code, (folder / "v.csv").read_text()) == (2, "mine")
    assert "--force" in refused.err
    assert cli("export", NAME, "verdicts", "--to", "v.csv", "--force").exit_code == 0
    assert read_csv(folder / "v.csv") == []
    assert (folder / "v.csv").read_text().startswith('"verdict_id","use_case"')
    assert [path.name for path in folder.glob("v.csv*")] == ["v.csv"]


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        (("guesses", "--to", "g.csv"), "Name one of measurements, decisions"),
        (("alarms", "--to", "g.xlsx"), "ends in .csv or .parquet"),
        (("alarms", "--to", "g.csv", "--since", "2005-07-09", "--until", "2005-07-08"), "Exchange the two"),
        (("alarms", "--to", "g.csv", "--since", "yesterday"), "Write it as"),
    ],
)
def test_what_cannot_be_exported_is_refused_and_leaves_no_file(cli, vouchers, folder, words, remedy):
    told = cli("export", NAME, *words)
    assert told.exit_code == 2
    assert remedy in told.err
    assert not list(folder.glob("g.*"))


def test_rows_come_in_small_chunks_in_order_alike_on_both_engines(sqlite_ledger, postgresql_ledger, monkeypatch):
    monkeypatch.setattr(exporting, "CHUNK_ROWS", 4)
    read = []
    for ledger in (sqlite_ledger, postgresql_ledger):
        fill(ledger)
        parts = {kind: list(exported(ledger, NAME, kind, Span(until=WEEKS[1]))) for kind in KINDS}
        assert [len(one) for one in parts["decisions"]] == [4, 4, 2]
        assert all(one.schema == columns_of(kind) for kind, chunks in parts.items() for one in chunks)
        read.append({kind: [row for one in chunks for row in one.to_pylist()] for kind, chunks in parts.items()})
    assert [one["amount"] for one in read[0]["outcomes"]] == [-2.5] * 10
    for kind in ("decisions", "outcomes", "verdicts"):
        assert read[0][kind] == read[1][kind], kind
    assert [one["as_of"] for one in read[0]["decisions"]] == [WEEKS[0]] * 5 + [WEEKS[1]] * 5
    assert [one["value"] for one in read[0]["measurements"]] == [one["value"] for one in read[1]["measurements"]]


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_says_what_every_column_is(kind):
    (section,) = re.findall(rf"^## {kind}\n(.*?)(?=^## |\Z)", DOCS.read_text(encoding="utf-8"), re.M | re.S)
    rows = re.findall(r"^\| (`.*?) \|", section, re.M)
    assert sorted(re.findall(r"`(\w+)`", " ".join(rows))) == sorted(columns_of(kind).names)
