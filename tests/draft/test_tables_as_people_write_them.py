"""Names with umlauts and numbers with decimal commas are read as what they are, or refused with the remedy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from decisionloop.draft.table import name_of, read_table
from decisionloop.errors import UsageError
from tests.draft.test_drafts import N, drafted, loans


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("Zurückgezahlt", "zurueckgezahlt"),
        ("Zuru\u0308ckgezahlt", "zurueckgezahlt"),
        ("Größe in m²", "groesse_in_m2"),
        ("Prénom", "prenom"),
        ("Año", "ano"),
        ("  Kunden Nr", "kunden_nr"),
    ],
)
def test_letters_of_other_alphabets_are_spelt_out(written: str, name: str) -> None:
    assert name_of(written) == name


def test_a_column_keeps_its_own_name_as_its_wording(tmp_path: Path) -> None:
    _, use_case = drafted(tmp_path, loans().rename(columns={"purpose": "Gründe_heute"}), separator=";")
    assert {"gruende_heute": "Gründe heute", "income": "income"}.items() <= {
        one.name: one.wording for one in use_case.features
    }.items()


def _german(values: np.ndarray) -> list[str]:
    return [f"{one:,.2f}".replace(",", "_").replace(".", ",").replace("_", ".") for one in values]


@pytest.mark.parametrize("kind", [",", ";", "parquet"])
@pytest.mark.parametrize("write", [_german, lambda values: [f"{one:,.2f}" for one in values]])
def test_numbers_with_commas_are_numbers(tmp_path: Path, kind: str, write: object) -> None:
    values = np.array([1234.56, 7.5, 1_234_567.0, -12.25])
    table = pd.DataFrame({"Betrag": write(values), "note": ["1,2 m", "b", "", "c"]})  # type: ignore[operator]
    file = tmp_path / ("table.parquet" if kind == "parquet" else "table.csv")
    table.to_parquet(file) if kind == "parquet" else table.to_csv(file, sep=kind, index=False)
    rows = read_table(file).rows
    assert rows["betrag"].astype(float).tolist() == values.tolist()
    assert rows["note"].iloc[0] == "1,2 m"


def test_a_comma_that_may_be_either_is_refused(tmp_path: Path) -> None:
    pd.DataFrame({"sum": ["1,234", "2,500", "7"]}).to_csv(tmp_path / "table.csv", index=False)
    with pytest.raises(UsageError, match="may be a decimal sign or keep thousands apart"):
        read_table(tmp_path / "table.csv")


def test_a_drafted_amount_with_thousands_is_a_number(tmp_path: Path) -> None:
    profit = _german(np.random.default_rng(0).normal(5_000, 2_000, N))
    _, use_case = drafted(tmp_path, loans().drop(columns="defaulted").assign(profit=profit), separator=";")
    assert use_case.outcome.amount is not None
    assert {one.name: one.type for one in use_case.features}["income"] == "number"


MESSY = """;Kunde;Antrag am;Betrag;Quote;Haus;Ausfall;
0;a1;02.01.23;3.215,12 €;12 %;ja;nein;
1;a2;15.01.23;-1.000,00 €;7,5 %; nein;ja;
2;a3;31.12.23;;0 %;;nein;
;;;;;;;
"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_a_spreadsheet_s_csv_is_read_as_it_is_meant(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "kredite.csv").write_bytes(MESSY.encode(encoding))
    rows = read_table(tmp_path / "kredite.csv").rows
    assert list(rows) == ["kunde", "antrag_am", "betrag", "quote", "haus", "ausfall"]  # no running number, no empty one
    assert rows["antrag_am"].tolist() == ["2023-01-02", "2023-01-15", "2023-12-31"]
    assert rows["betrag"].dropna().astype(float).tolist() == [3215.12, -1000.0]
    assert rows["quote"].astype(float).tolist() == [12, 7.5, 0]
    assert rows["haus"].dropna().tolist() == ["yes", "no"]
    assert rows["ausfall"].tolist() == ["no", "yes", "no"]


@pytest.mark.parametrize(
    ("cells", "numbers"),
    [
        (["$1,234.50", "$7.00", "-$3.25"], [1234.5, 7, -3.25]),
        (["EUR 12.50", "EUR 3"], [12.5, 3]),
        (["1'234.50", "2'000'000"], [1234.5, 2_000_000]),
        (["1 234,5", "17,25"], [1234.5, 17.25]),
    ],
)
def test_amounts_lose_their_signs(tmp_path: Path, cells: list[str], numbers: list[float]) -> None:
    pd.DataFrame({"sum": cells}).to_csv(tmp_path / "table.csv", index=False)
    assert read_table(tmp_path / "table.csv").rows["sum"].astype(float).tolist() == numbers


@pytest.mark.parametrize("cells", [["ABC123", "DEF456"], ["12 rooms", "3 rooms"], ["no", "no"], ["2024-1", "2024-2"]])
def test_codes_and_words_stay_what_they_are(tmp_path: Path, cells: list[str]) -> None:
    pd.DataFrame({"code": cells}).to_csv(tmp_path / "table.csv", index=False)
    assert read_table(tmp_path / "table.csv").rows["code"].tolist() == cells


def test_a_workbook_is_no_csv_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "loans.xlsx").write_bytes(b"PK\x03\x04\0\0workbook")
    with pytest.raises(UsageError, match="Save the sheet as CSV"):
        read_table(tmp_path / "loans.xlsx")


def test_the_rows_that_can_be_read_in_one_way_alone_decide_for_the_others(tmp_path: Path) -> None:
    """Four days of Christmas say that 04/01 is in January."""
    pd.DataFrame({"on": ["04/01/2024"] * 198 + ["11/02/2024"] * 198 + ["25/12/2024"] * 4}).to_csv(
        tmp_path / "table.csv", index=False
    )
    said = read_table(tmp_path / "table.csv").rows["on"]
    assert list(said.drop_duplicates()) == ["2024-01-04", "2024-02-11", "2024-12-25"]
