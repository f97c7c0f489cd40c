"""Outcomes that come in parts, before anything runs: what a source hands over, and what ``usecase check`` asks."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import create_engine

from decisionloop.contract import UseCaseFolder, load_use_case
from decisionloop.contract.code import load_code
from decisionloop.errors import ContractError
from decisionloop.sources import open_source
from decisionloop.sources.known_outcomes import asked_outcomes
from decisionloop.sources.outcome_findings import outcome_findings

START = pd.Timestamp("2026-01-01", tz="UTC")  # a Thursday, on which the schedule is due
AS_OF = START + pd.Timedelta(days=70)
PEOPLE = pd.DataFrame({"client": [f"c{one}" for one in range(60)], "spend": 60.0})
ECONOMICS = {"currency": "EUR", "value": {"wait": "0", "offer": "amount - 1"}, "explanation": "What is paid."}


def _payments(parts: int, every: int = 1) -> pd.DataFrame:
    """Of every so many-th person so many payments, a week apart, of the others one."""
    rows = [
        {"client": one, "receipt": f"{one}-{part}", "arrived_at": START + pd.Timedelta(days=3 + 7 * part), "paid": 50.0}
        for place, one in enumerate(PEOPLE["client"])
        for part in range(parts if place % every == 0 else 1)
    ]
    return pd.DataFrame(rows).assign(seen_at=lambda frame: frame["arrived_at"])


def _folder(write, tables, paid: pd.DataFrame, rows: str | None = None, source: dict[str, object] | None = None):
    amount = {"column": "paid", "unit": "EUR"} | ({} if rows is None else {"rows": rows})
    files = {
        "history.csv": PEOPLE.assign(known_at=START),
        "due.csv": PEOPLE[["client"]].assign(due_at=START),
        "outcomes.csv": paid,
        "outcomes.parquet": paid,
    }
    outcome = {"amount": amount, "window_days": 60, "maturity_days": 60}
    return write(tables | (source or {}), files, outcome=outcome, economics=ECONOMICS)


def _findings(folder: UseCaseFolder) -> list[str]:
    source = open_source(folder)
    asked = asked_outcomes(folder.use_case, load_code(folder), source, AS_OF)
    return list(outcome_findings(folder.use_case, source, asked))


def test_check_asks_what_several_rows_are_and_says_which_counts(write, tables):
    (asked,) = _findings(_folder(write, tables, _payments(3, every=2)))
    assert "Of 60 decisions with an outcome 30 (50%) have several rows" in asked
    assert "such as 50, 50, 50. The latest counts, 50, and not the sum, 150." in asked
    assert "outcome.amount.rows: sum" in asked


@pytest.mark.parametrize(("parts", "every", "rows"), [(3, 20, None), (3, 1, "sum"), (3, 1, "latest"), (1, 1, None)])
def test_check_asks_nothing_where_few_have_several_or_the_contract_says_it(write, tables, parts, every, rows):
    assert _findings(_folder(write, tables, _payments(parts, every), rows)) == []


@pytest.mark.parametrize("kind", ["csv", "parquet", "database"])
def test_a_row_that_repeats_another_in_every_column_is_a_copy_whatever_holds_it(write, tables, tmp_path, kind):
    paid = _payments(2)
    twice = pd.concat([paid, paid.head(5), paid.head(3).assign(receipt="another")], ignore_index=True)
    where = {"outcomes": _table(tmp_path, kind, twice)}
    folder = _folder(write, tables, twice, "sum", where)
    shown = open_source(folder).outcomes(AS_OF, pd.DataFrame())
    assert len(shown) == len(twice)
    assert int(shown["is_copy"].sum()) == 5
    (copies,) = _findings(folder)
    assert "5 of 128 rows of outcomes" in copies


def _table(folder: Path, kind: str, rows: pd.DataFrame) -> dict[str, str]:
    if kind != "database":
        return {"path": f"outcomes.{kind}", "time": "arrived_at"}
    engine = create_engine(f"sqlite:///{folder / 'paid.db'}")
    rows.assign(**{name: rows[name].astype(str) for name in ("arrived_at", "seen_at")}).to_sql(
        "paid", engine, if_exists="replace", index=False
    )
    engine.dispose()
    return {"url": f"sqlite:///{folder / 'paid.db'}", "table": "paid", "time": "arrived_at"}


def test_a_replay_has_nothing_to_add_up(write, full_information):
    with pytest.raises(ContractError, match="has one row a decision, and nothing to add up"):
        _folder(write, full_information, _payments(1), "sum")


def test_a_contract_that_does_not_say_it_has_the_digest_of_before(write, tables):
    folder = _folder(write, tables, _payments(1))
    digests = {folder.use_case.digest}
    amount = folder.use_case.model_dump(by_alias=True)["outcome"]["amount"]
    assert "rows" not in amount
    for rows in ("sum", "latest"):
        digests.add(load_use_case(_folder(write, tables, _payments(1), rows).folder).use_case.digest)
    assert len(digests) == 3
