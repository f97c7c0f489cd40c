"""The error of a year is spent on its challengers in turn, never overspent, and handed back by a promotion."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisionloop.learn.yearly_error import SHARE, Staked, free_error, next_stake

NEW_YEAR = datetime(2024, 1, 1, tzinfo=UTC)


@given(st.lists(st.booleans(), max_size=60), st.floats(0.001, 0.5))
def test_stakes_of_a_year_never_add_up_to_more_than_was_declared(promoted: list[bool], yearly: float) -> None:
    before: list[Staked] = []
    for week, is_promoted in enumerate(promoted):
        at = NEW_YEAR + timedelta(days=6 * week)
        stake = next_stake(yearly, before, at)
        assert stake > 0
        before.append(Staked(at, stake, is_promoted))
    assert sum(one.stake for one in before if not one.is_promoted) < yearly


def test_each_stakes_a_share_of_what_is_left() -> None:
    first = next_stake(0.05, [], NEW_YEAR)
    assert first == pytest.approx(SHARE * 0.05)
    assert next_stake(0.05, [Staked(NEW_YEAR, first, False)], NEW_YEAR) == pytest.approx(SHARE * (1 - SHARE) * 0.05)


def test_a_promotion_hands_its_stake_back() -> None:
    assert next_stake(0.05, [Staked(NEW_YEAR, 0.0125, True)], NEW_YEAR) == pytest.approx(SHARE * 0.05)


def test_a_new_year_begins_with_all_of_it() -> None:
    spent = [Staked(NEW_YEAR - timedelta(days=1), 0.04, False)]
    assert free_error(0.05, spent, NEW_YEAR - timedelta(hours=1)) == pytest.approx(0.01)
    assert free_error(0.05, spent, NEW_YEAR) == 0.05
