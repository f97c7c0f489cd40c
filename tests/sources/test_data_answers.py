"""What `usecase check` says of the data: how much comes a week, gaps included, and what is new in every batch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from decisionloop.draft.draft import draft_use_case
from decisionloop.draft.roles import EACH_ROW, Asked
from decisionloop.sources.checking import check_use_case


def answers(folder: Path, days: pd.DatetimeIndex, a_day: int, **columns: np.ndarray) -> dict[str, str]:
    rng, rows = np.random.default_rng(3), len(days) * a_day
    table = pd.DataFrame(
        {"date": np.repeat(days.strftime("%Y-%m-%d"), a_day), "visits": rng.poisson(4, rows)}
        | {name: np.repeat(column, a_day) for name, column in columns.items()}
        | {"bought": (rng.random(rows) < 0.3).astype(int)}
    )
    table.to_csv(folder / "rows.csv", index=False)
    drafted = draft_use_case(folder, "shop", folder / "rows.csv", Asked(entity=EACH_ROW))
    return {one.question: one.answer for one in check_use_case(drafted.folder).answers}


def test_days_on_which_nothing_is_decided_count_in_what_comes_a_week(tmp_path: Path) -> None:
    """50 a day, six days a week."""
    days = pd.date_range("2024-01-01", periods=140, freq="D")
    told = answers(tmp_path, days[days.day_of_week < 6], 50)
    assert told["decisions a week"].split(",")[0] in {"about 299", "about 300", "about 301", "about 302"}
    assert told["decisions a week"].endswith("counted over the 20 weeks of this replay")
    assert told["moves by construction"] == "no feature"


def test_a_batch_a_year_is_one_decision_a_week(tmp_path: Path) -> None:
    told = answers(tmp_path, pd.to_datetime([f"{year}-06-30" for year in range(2015, 2024)]), 60)
    assert told["decisions a week"].startswith("about 1, counted over the 4")


def test_a_day_of_the_week_is_another_one_in_every_batch_of_a_day(tmp_path: Path) -> None:
    days = pd.date_range("2024-01-01", periods=100, freq="D")
    told = answers(tmp_path, days, 50, weekday=days.day_name().to_numpy())
    assert told["moves by construction"].startswith("weekday: an alarm a batch")


@pytest.mark.parametrize("is_live", [False, True])
def test_the_draft_and_the_check_tell_the_same_delays(tmp_path: Path, is_live: bool) -> None:
    """Outcomes after two to sixty days, in batches of a week that are decided days after their rows."""
    rng, rows = np.random.default_rng(3), 4_000
    decided = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.sort(rng.integers(0, 200, rows)), unit="D")
    seen = decided + pd.to_timedelta(rng.gamma(2, 10, rows).clip(2, 60).round(), unit="D")
    table = pd.DataFrame({"date": decided, "seen_at": seen, "visits": rng.poisson(4, rows)})
    table.assign(bought=(rng.random(rows) < 0.3).astype(int)).to_csv(tmp_path / "rows.csv", index=False)
    drafted = draft_use_case(tmp_path, "shop", tmp_path / "rows.csv", Asked(entity=EACH_ROW, is_live=is_live))
    (line,) = [one for one in (drafted.folder / "usecase.yaml").read_text().splitlines() if "outcomes came" in one]
    told = {one.question: one.answer for one in check_use_case(drafted.folder).answers}["outcomes come after"]
    words, _, _ = told.partition(";")
    assert " for half of them, " in words
    assert f"outcomes came after {words}, the last after 60" in line


def test_of_rare_large_sums_it_is_said_how_long_a_gain_takes(tmp_path: Path) -> None:
    rng, rows = np.random.default_rng(3), 6_000
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.sort(rng.integers(0, 200, rows)), unit="D")
    gave = rng.random(rows) < 0.02
    table = pd.DataFrame({"date": days.strftime("%Y-%m-%d"), "visits": rng.poisson(4, rows)})
    told = {}
    for name, gift in (("heavy", rng.lognormal(3, 1.5, rows) * gave), ("light", rng.normal(20, 2, rows))):
        table.assign(gift=gift.round(2)).to_csv(tmp_path / f"{name}.csv", index=False)
        asked = Asked(entity=EACH_ROW, amount="gift")
        drafted = draft_use_case(tmp_path, name, tmp_path / f"{name}.csv", asked)
        told[name] = {one.question: one.answer for one in check_use_case(drafted.folder).answers}
    heavy = told["heavy"]["rare, large sums"]
    assert heavy.startswith("one outcome in a hundred carries")
    assert "10% of what is at stake" in heavy
    assert "25% of what is at stake" in heavy
    assert "years" in heavy
    assert "rare, large sums" not in told["light"]
