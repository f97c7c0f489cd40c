"""How many people come is told as a rate a week, whatever days of it have no batch."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from decisionloop.contract import UseCase, load_use_case
from decisionloop.sources.coming import decisions_coming

USECASES = Path(__file__).parents[2] / "usecases"

FRIDAY = pd.Timestamp("2026-03-27 06:00", tz="UTC")


class WorkingDays:
    """Sixty people fall due before the batch of each working day since a Monday."""

    def __init__(self, weeks: int) -> None:
        first = FRIDAY.normalize() - pd.Timedelta(days=7 * weeks - 3)
        self.times = pd.bdate_range(first - pd.Timedelta(days=1), FRIDAY).repeat(60) + pd.Timedelta(hours=3)

    def calendar(self) -> tuple[pd.Timestamp, ...]:
        return ()

    def due(self, as_of: pd.Timestamp, covers_days: float) -> pd.DatetimeIndex:
        return self.times[(self.times <= as_of) & (self.times > as_of - pd.Timedelta(days=covers_days))]


def contract(covers_days: float) -> UseCase:
    use_case = load_use_case(USECASES / "credit_line").use_case
    schedule = {"cron": "0 6 * * 1-5", "timezone": "UTC", "covers_days": covers_days}
    return use_case.model_copy(update={"schedule": use_case.schedule.model_copy(update=schedule)})


@pytest.mark.parametrize("weeks", [1, 2, 4, 10])
@pytest.mark.parametrize("covers_days", [1, 3])
def test_a_weekend_without_a_batch_is_a_part_of_the_week(weeks: int, covers_days: float) -> None:
    told = decisions_coming(contract(covers_days), WorkingDays(weeks), FRIDAY)  # type: ignore[arg-type]
    assert told.a_week == pytest.approx(300)
    assert told.batches_a_week == pytest.approx(5)
