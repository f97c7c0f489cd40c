"""What was done is found by the chances with which it was done, and a chance without it is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from decisionloop.contract import load_use_case
from decisionloop.draft.draft import draft_use_case
from decisionloop.draft.profiles import profiles
from decisionloop.draft.roles import Asked, Roles, roles_of
from decisionloop.draft.table import read_table
from decisionloop.errors import UsageError

N = 3_000


def prices(chances: tuple[float, ...] = (0.5, 0.3, 0.2)) -> pd.DataFrame:
    """Three prices, drawn by lot with other chances in small shops."""
    rng = np.random.default_rng(4)
    size = rng.choice(["small", "large"], N, p=[0.6, 0.4])
    swapped = chances[::-1]
    arm = np.where(size == "small", rng.choice(3, N, p=chances), rng.choice(3, N, p=swapped))
    chance = np.where(size == "small", np.array(chances)[arm], np.array(swapped)[arm])
    return pd.DataFrame(
        {
            "customer": [f"C{i}" for i in range(N)],
            "offered_on": pd.date_range("2025-03-03", periods=N, freq="31min").strftime("%Y-%m-%dT%H:%M:%SZ"),
            "size": size,
            "visits": rng.poisson(3, N),
            "price_arm": np.array(["list_price", "minus_5", "minus_15"])[arm],
            "prob": chance,
            "revenue": rng.exponential(10, N).round(2),
        }
    )


def roles(folder: Path, table: pd.DataFrame, **asked: object) -> Roles:
    """The roles of the table's columns, read from a file."""
    table.to_csv(folder / "table.csv", index=False)
    return roles_of(profiles(read_table(folder / "table.csv")), Asked(**asked))  # type: ignore[arg-type]


def test_the_column_whose_values_were_done_as_often_as_the_chances_say_is_the_action(tmp_path: Path) -> None:
    found = roles(tmp_path, prices())
    assert (found.action, found.propensity, found.entity) == ("price_arm", "prob", "customer")
    assert found.features == ("size", "visits")


def test_a_usual_name_does_not_make_an_action_of_what_was_not_drawn(tmp_path: Path) -> None:
    assert roles(tmp_path, prices().rename(columns={"size": "segment"})).action == "price_arm"


@pytest.mark.parametrize("asked", [{}, {"propensity": "prob"}])
def test_a_chance_of_nothing_is_refused_with_what_it_may_be_the_chance_of(
    tmp_path: Path, asked: dict[str, str]
) -> None:
    third = prices((1 / 3, 1 / 3, 1 / 3))
    third["colour"] = np.random.default_rng(1).choice(["red", "green", "blue"], N)
    third.to_csv(tmp_path / "table.csv", index=False)
    with pytest.raises(UsageError, match=r"--action COLUMN \(likely price_arm or colour\)"):
        draft_use_case(tmp_path, "mine", tmp_path / "table.csv", Asked(**asked))  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="--ignore prob"):
        roles(tmp_path, prices().drop(columns="price_arm"))
    assert not (tmp_path / "mine").exists()


def test_what_is_no_chance_is_refused_as_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="column visits does not say a chance"):
        roles(tmp_path, prices(), propensity="visits", action="price_arm")
    with pytest.raises(UsageError, match="no column says what was done"):
        roles(tmp_path, prices().drop(columns="prob"), propensity="shares")
    with pytest.raises(UsageError, match="--ignore: the table has no column nope"):
        roles(tmp_path, prices(), ignored=("nope",))


def test_an_action_that_is_spelt_in_several_ways_is_one(tmp_path: Path) -> None:
    table = prices()
    some = table.index[table["price_arm"] == "minus_5"][:3]
    table.loc[some, "price_arm"] = "Minus_5 "
    table.to_csv(tmp_path / "table.csv", index=False)
    draft = draft_use_case(tmp_path, "mine", tmp_path / "table.csv", Asked(action="price_arm"))
    use_case = load_use_case(draft.folder).use_case
    assert sorted(one.name for one in use_case.actions) == ["list_price", "minus_15", "minus_5"]
    assert next(one.wording for one in use_case.actions if one.name == "minus_5") == "minus_5"


def test_an_experiment_that_writes_down_only_a_yes_means_no_where_it_says_nothing(tmp_path: Path) -> None:
    table = prices().drop(columns="revenue")
    table["came"] = np.where(np.arange(N) % 4 == 0, "yes", None)
    table.to_csv(tmp_path / "table.csv", index=False)
    draft = draft_use_case(tmp_path, "mine", tmp_path / "table.csv", Asked(outcome="came"))
    assert any(one.startswith("came is never no") for one in draft.notes)
    assert load_use_case(draft.folder).use_case.outcome.absent_means == "unknown"
    assert sorted(pd.read_csv(draft.folder / "data" / "decisions.csv")["came"].unique()) == [0, 1]


@pytest.mark.parametrize("name", ["Entscheidung", "Décision", "Tratamiento", "Azione", "Beslissing", "Maßnahme"])
def test_what_was_done_is_known_by_its_name_in_other_languages_too(tmp_path: Path, name: str) -> None:
    """Else it would be a feature, which nobody knows before it is decided."""
    table = prices().drop(columns="prob").rename(columns={"price_arm": name})
    found = roles(tmp_path, table, is_observed=True, amount="revenue")
    assert found.features == ("size", "visits")
    with pytest.raises(UsageError, match="propensity"):
        roles(tmp_path, table, amount="revenue")
