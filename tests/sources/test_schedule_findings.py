"""What is said of a schedule beside the times at which people fell due."""

from __future__ import annotations

import pandas as pd
import pytest

from decisionloop.contract.operation import Schedule
from decisionloop.sources.schedule_findings import _findings_of

MONDAYS = pd.date_range("2024-01-01", periods=12, freq="7D", tz="UTC").as_unit("us")


@pytest.mark.parametrize("covers_days", [6, 7, 9])
@pytest.mark.parametrize("slip", ["0024-01-08", "2924-01-08"])
def test_a_slip_of_the_pen_in_a_year_changes_nothing_that_is_said_of_the_schedule(covers_days, slip):
    schedule = Schedule(cron="0 * * * 2", covers_days=covers_days)
    with_slip = MONDAYS.append(pd.DatetimeIndex([slip], tz="UTC").as_unit("us")).sort_values()
    said = list(_findings_of(schedule, MONDAYS))
    assert said
    assert list(_findings_of(schedule, with_slip)) == said
