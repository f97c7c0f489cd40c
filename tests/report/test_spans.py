"""Periods in words: short lists one by one, long runs by their ends."""

from __future__ import annotations

import pytest

from decisionloop.report.words.spans import names


@pytest.mark.parametrize(
    ("periods", "said"),
    [
        (["2005-11", "2005-12", "2006-01"], "November, December 2005 and January 2006"),
        ([f"2023-{month:02d}" for month in range(1, 13)], "January to December 2023"),
        (["2023-01", *(f"2024-{month:02d}" for month in range(3, 8))], "January 2023 and March to July 2024"),
        (["2023-11", "2023-12", "2024-01", "2024-02", "2024-06"], "November 2023 to February 2024 and June 2024"),
        (["2023-01", "2023-03"], "January and March 2023"),
        ([f"2025-01-{day:02d}" for day in (1, 2, 3, 4, 5, 20)], "1 January to 5 January 2025 and 20 January 2025"),
        (["2023-01"], "January 2023"),
        ([], ""),
    ],
)
def test_each_period_is_told_and_no_long_list_is(periods, said):
    assert names(periods).replace("\u00a0", " ") == said
