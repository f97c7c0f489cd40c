"""The simulated year tries what it says, with the chance that it says, and knows what the truth is worth."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.successors import CHANGE, Year


@pytest.fixture(scope="module")
def year():
    """One year of the world."""
    return Year(0)


def test_an_eighth_of_the_decisions_comes_out_otherwise_and_each_chance_is_known(year):
    year.decide(range(2), None, 0.0)
    for one in year.log.values():
        is_otherwise = one.action != one.known.rules
        assert is_otherwise.mean() == pytest.approx(1 / 8, abs=0.02)
        np.testing.assert_allclose(one.propensity, np.where(is_otherwise, 1 / 16, 7 / 8))


def test_after_the_change_who_knows_the_truth_has_less_to_gain(year):
    assert 0 < year.worth(None, CHANGE) < year.worth(None, CHANGE - 8)
