"""What `usecase check` says of the data: how much comes a week, gaps included, and what is new in every batch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

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
    assert told["decisions a week"] in {"about 299", "about 300", "about 301", "about 302"}
    assert told["moves by construction"] == "no feature"


def test_a_batch_a_year_is_one_decision_a_week(tmp_path: Path) -> None:
    told = answers(tmp_path, pd.to_datetime([f"{year}-06-30" for year in range(2015, 2024)]), 60)
    assert told["decisions a week"] == "about 1"


def test_a_day_of_the_week_is_another_one_in_every_batch_of_a_day(tmp_path: Path) -> None:
    days = pd.date_range("2024-01-01", periods=100, freq="D")
    told = answers(tmp_path, days, 50, weekday=days.day_name().to_numpy())
    assert told["moves by construction"].startswith("weekday: an alarm a batch")
