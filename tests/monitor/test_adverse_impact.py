"""Adverse impact: ratios of selection rates, their intervals, and silence about groups that are too small."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from decisionloop.errors import UsageError
from decisionloop.monitor.impact.adverse_impact import AdverseImpact, GroupImpact, adverse_impact


def decisions(**rates: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Groups by name as (favourable, n)."""
    names = np.repeat(list(rates), [n for _, n in rates.values()])
    flags = np.concatenate([np.arange(n) < x for x, n in rates.values()])
    return names, flags


def named(result: AdverseImpact, name: str) -> GroupImpact:
    return next(group for group in result.groups if group.group == name)


def test_ratios_to_the_best_and_to_the_reference() -> None:
    names, flags = decisions(men=(600, 1000), women=(450, 1000), other=(210, 300))
    result = adverse_impact("sex", names, flags, reference="men")
    assert (result.best, result.reference, result.unstated_n) == ("other", "men", 0)
    women = named(result, "women")
    assert (women.n, women.favourable_n, women.rate) == (1000, 450, 0.45)
    assert women.to_best.value == pytest.approx(0.45 / 0.7)
    assert women.to_reference.value == pytest.approx(0.75)
    # Katz, by hand: exp(log 0.75 -+ 1.96 sqrt(1/450 - 1/1000 + 1/600 - 1/1000))
    assert (women.to_reference.low, women.to_reference.high) == pytest.approx((0.6888, 0.8167), abs=1e-4)
    assert named(result, "other").to_best.value == 1.0
    assert named(result, "men").to_reference.low == 1.0


def test_intervals_cover_the_true_ratio() -> None:
    rng, hits = np.random.default_rng(1), []
    names = np.repeat(["a", "b"], [250, 1500])
    for _ in range(500):
        flags = rng.random(1750) < np.where(names == "a", 0.32, 0.4)
        ratio = named(adverse_impact("g", names, flags, reference="b"), "a").to_reference
        hits.append(ratio.low <= 0.8 <= ratio.high)
    assert np.mean(hits) >= 0.93


def test_small_groups_are_counted_but_not_judged_and_never_the_best() -> None:
    names, flags = decisions(a=(500, 1000), tiny=(99, 99))
    result = adverse_impact("g", names, flags, reference="tiny")
    assert result.best == "a"
    tiny = named(result, "tiny")
    assert (tiny.n, tiny.to_best.value) == (99, None)
    assert "fewer than 100" in tiny.to_best.reason
    assert "compared with" in named(result, "a").to_reference.reason


def test_missing_groups_are_left_out_and_counted() -> None:
    names = pd.Series(["a"] * 200 + [None] * 50 + ["b"] * 200, dtype="str")
    result = adverse_impact("g", names, np.ones(450, dtype=bool))
    assert result.unstated_n == 50
    assert [group.group for group in result.groups] == ["a", "b"]
    assert named(result, "a").to_reference is None


def test_extreme_rates_keep_an_honest_interval() -> None:
    names, flags = decisions(all=(200, 200), none=(0, 200), some=(100, 200))
    result = adverse_impact("g", names, flags)
    none = named(result, "none").to_best
    assert (none.value, none.low) == (0.0, 0.0)
    assert 0 < none.high < 0.1
    full = adverse_impact("g", *decisions(a=(200, 200), b=(200, 200)))
    ratio = named(full, "b").to_best
    assert ratio.value == 1.0
    assert ratio.low < 1.0 < ratio.high


def test_nobody_favoured_or_nobody_there() -> None:
    names, flags = decisions(a=(0, 200), b=(0, 200))
    assert "nobody" in named(adverse_impact("g", names, flags), "b").to_best.reason
    assert adverse_impact("g", [], []).groups == ()
    assert adverse_impact("g", ["a"], [True], reference="b").groups[0].to_reference.value is None


def test_lengths_must_agree() -> None:
    with pytest.raises(UsageError, match="sex: 2 groups for 1 decisions"):
        adverse_impact("sex", ["a", "b"], [True])
