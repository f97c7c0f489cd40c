"""Ids and running numbers are whom it is about, or left out with the reason: never a feature of a model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.draft.test_drafts import N, drafted, loans

RNG = np.random.default_rng(5)


@pytest.mark.parametrize("name", ["Kunden Nr", "reference"])
def test_an_id_of_any_name_is_whom_it_is_about(tmp_path: Path, name: str) -> None:
    codes = [f"x{one}" for one in RNG.permutation(N)] if name == "reference" else RNG.permutation(N) + 10_000
    table = loans().drop(columns="loan_id").assign(**{"Unnamed: 0": range(N), name: codes})
    draft, use_case = drafted(tmp_path, table, separator=";")
    assert use_case.entity.key == name.lower().replace(" ", "_")
    assert [one.name for one in use_case.features] == ["income", "zip", "purpose"]
    assert "unnamed" not in (draft.folder / "usecase.yaml").read_text()  # a table's own numbers of its rows


def test_a_persons_number_that_comes_several_times_a_day_is_no_feature(tmp_path: Path) -> None:
    table = loans().drop(columns="loan_id").assign(customer_id=RNG.integers(10_000, 10_000 + N // 3, N))
    assert table.duplicated(["customer_id", "application_date"]).any()
    draft, use_case = drafted(tmp_path, table, separator=";")
    assert "customer_id" not in [one.name for one in use_case.features]
    assert use_case.entity.key == "row_id"
    assert "left out customer_id: it says whom a row is about" in (draft.folder / "usecase.yaml").read_text()


def test_what_rises_with_time_is_no_feature_and_a_measurement_is(tmp_path: Path) -> None:
    weeks = pd.to_datetime(loans()["application_date"]).dt.dayofyear // 7
    table = loans().assign(
        week=weeks, price=RNG.uniform(1, 2, N), age=RNG.integers(18, 80, N), shuffled=RNG.permutation(N)
    )
    draft, use_case = drafted(tmp_path, table, separator=";")
    assert [one.name for one in use_case.features] == ["income", "zip", "purpose", "price", "age"]
    assert {"week", "shuffled"} <= {one.split()[2].rstrip(":") for one in draft.notes if one.startswith("left out")}
