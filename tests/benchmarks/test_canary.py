"""The study of releases on trial in small: harm is stopped, what does none goes on, what is better is promoted."""

from __future__ import annotations

import pytest

from benchmarks.canary import lives, share
from benchmarks.canary_years.life import live
from benchmarks.canary_years.releases import BETTER, HARMFUL, RETRAINED, SAME, WORSE


@pytest.mark.parametrize("tried", HARMFUL, ids=lambda tried: tried.name)
def test_each_injected_harm_is_stopped_at_its_first_step(tried):
    told = lives(tried, 4, is_on_trial=True)
    assert share(told, "stopped") == 1
    assert max(one.weeks for one in told) <= 2
    assert max(one.touched for one in told) < 250


def test_what_only_outcomes_tell_is_refused_by_betting_before_it_has_cost_much():
    told = lives(WORSE, 3, is_on_trial=True)
    assert share(told, "refused", "stopped") == 1
    assert all(one.lost < one.at_once / 4 for one in told)


@pytest.mark.parametrize("tried", [SAME, RETRAINED], ids=lambda tried: tried.name)
def test_what_does_no_harm_is_not_stopped(tried):
    assert live(tried, seed=0, weeks=8, is_on_trial=True).end != "stopped"


def test_what_is_truly_better_decides_for_everybody_and_loses_nothing_on_the_way():
    told = lives(BETTER, 2)
    assert share(told, "champion") == 1
    assert all(one.share == 1 and one.lost < 0 for one in told)
