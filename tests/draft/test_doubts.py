"""A draft names what looks wrong in a table though it can be read, and is silent of what is merely rare."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from decisionloop.draft.doubts import doubts_of
from decisionloop.draft.profiles import profiles
from decisionloop.draft.table import Table, read_table


def doubts(name: str, cells: list[str]) -> str:
    """What is said of a column with these cells."""
    return "; ".join(doubts_of(profiles(Table(pd.DataFrame({name: cells}), {name: name})), [name]))


@pytest.mark.parametrize(
    ("cells", "named"),
    [
        (["Berlin"] * 50 + ["Berln"] * 2 + ["Hamburg"] * 48, "'Berln' and 'Berlin' may be one"),
        (["Berlin"] * 50 + ["berlin"] * 40 + ["Bonn"] * 10, "'berlin' and 'Berlin' may be one"),
        (["self-employed"] * 60 + ["self employed"] * 40, "'self employed' and 'self-employed' may be one"),
        (["Berlin"] * 50 + ["Berlim"] * 2 + ["Bremen"] * 48, "'Berlim' and 'Berlin' may be one"),
    ],
)
def test_categories_that_are_spelt_nearly_alike_are_named(cells: list[str], named: str) -> None:
    assert named in doubts("city", cells)


@pytest.mark.parametrize(
    "cells",
    [
        ["male"] * 50 + ["female"] * 50,
        ["class A"] * 95 + ["class B"] * 5,
        ["zone 11"] * 95 + ["zone 12"] * 5,
        ["house"] * 50 + ["mouse"] * 50,
        ["car"] * 95 + ["cat"] * 5,
        ["+"] * 60 + ["++"] * 40,
    ],
)
def test_categories_that_are_merely_like_each_other_are_not(cells: list[str]) -> None:
    assert doubts("kind", cells) == ""


@pytest.mark.parametrize(
    ("name", "cells", "named"),
    [
        ("age", [*map(str, range(18, 98)), "140", "-3"], "age: 140 and its like in 2 cells are nobody's age"),
        ("age_months", [*map(str, range(200, 1300)), "1500"], "age_months: 1500 in 1 cell is nobody's age"),
        ("age_in_days", [*map(str, range(9000, 9999)), "-1"], "age_in_days: -1 in 1 cell is nobody's age"),
        ("visits", [*map(str, range(200)), "-1"], "visits: -1 in 1 cell is below nothing"),
        ("income", [*map(str, range(200)), "99999"], "income: 99999 in 1 cell is far from every other"),
    ],
)
def test_numbers_that_can_hardly_be_meant_are_named(name: str, cells: list[str], named: str) -> None:
    assert named in doubts(name, cells)


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("change", ["-1", "2", "3"] * 30),
        ("price", [*map(str, range(90, 100))]),
        ("age_months", [*map(str, range(216, 900))]),
        ("age_of_account_in_days", [*map(str, range(0, 20_000, 7))]),
        ("AGE_WEEKS", [*map(str, range(900, 4_000))]),
    ],
)
def test_numbers_that_may_well_be_meant_are_not(name: str, cells: list[str]) -> None:
    assert doubts(name, cells) == ""


def test_amounts_of_two_currencies_in_one_column_are_named(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("sum\n" + "12.50 €\n" * 20 + "$7.00\n" + "EUR 3.00\n")
    table = read_table(tmp_path / "table.csv")
    assert table.doubts == (
        "sum: its amounts are of several currencies (EUR 21 times, USD 1 times) and are read as of one: convert them",
    )
    (tmp_path / "table.csv").write_text("sum\n" + "12.50 €\n" * 20 + "EUR 3.00\n")
    assert read_table(tmp_path / "table.csv").doubts == ()


def test_empty_rows_that_are_left_out_are_counted(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("a,b\n1,2\n,\n3,4\n,\n")
    table = read_table(tmp_path / "table.csv")
    assert (len(table.rows), table.doubts) == (2, ("left out 2 empty rows",))
