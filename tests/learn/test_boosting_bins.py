"""Bin edges from one sort are scikit-learn's own, and so are the trees."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.ensemble._hist_gradient_boosting import binning
from sklearn.utils.stats import _weighted_percentile

from decisionloop.learn.boosting_bins import sort_once


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many quantiles each call of scikit-learn's function was asked for, once edges come from one sort."""
    asked: list[int] = []

    def counted(*args: np.ndarray, average: bool = False) -> np.ndarray:
        asked.append(np.size(args[2]))
        return np.asarray(_weighted_percentile(*args, average=average))

    monkeypatch.setattr(binning, "_weighted_percentile", counted)
    sort_once()
    return asked


def features(seed: int, rows: int = 3_000) -> tuple[np.ndarray, np.ndarray]:
    """Columns of many, of few and of missing values, all with uneven weights."""
    random = np.random.default_rng(seed)
    columns = np.column_stack(
        [random.normal(size=rows), random.lognormal(size=rows).round(3), random.integers(0, 5, rows)]
    )
    columns[random.random(rows) < 0.1, 0] = np.nan
    return columns, random.choice([0.0, 1.0, 1.0, 20.0], rows)


@pytest.mark.parametrize("bins", [3, 64, 127, 255])
def test_edges_are_those_that_were_asked_for_one_by_one(calls: list[int], bins: int) -> None:
    columns, weight = features(bins)
    for column in columns.T:
        with pytest.MonkeyPatch.context() as plain:
            plain.setattr(binning, "_weighted_percentile", _weighted_percentile)
            expected = binning._find_binning_thresholds(column, bins, weight)
        assert np.array_equal(binning._find_binning_thresholds(column, bins, weight), expected)
    assert set(calls) == {bins - 1}


def test_a_model_is_the_same_and_sorts_each_feature_once(calls: list[int]) -> None:
    columns, weight = features(1)
    outcome = (np.nan_to_num(columns[:, 0]) + columns[:, 2] > 2).astype(int)
    model = HistGradientBoostingClassifier(max_iter=5, max_bins=127).fit(columns, outcome, sample_weight=weight)
    assert calls == [126, 126]  # the third has five values, which are its bins
    with pytest.MonkeyPatch.context() as plain:
        plain.setattr(binning, "_weighted_percentile", _weighted_percentile)
        other = HistGradientBoostingClassifier(max_iter=5, max_bins=127).fit(columns, outcome, sample_weight=weight)
    assert np.array_equal(model.predict_proba(columns), other.predict_proba(columns))


def test_threads_do_not_mix_their_features(calls: list[int]) -> None:
    many = [features(seed, 400) for seed in range(40)]

    def edges(one: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        return np.asarray(binning._find_binning_thresholds(one[0][:, 0], 64, one[1]))

    alone = [edges(one) for one in many]
    with ThreadPoolExecutor(8) as pool:
        for expected, found in zip(alone, pool.map(edges, many), strict=True):
            assert np.array_equal(found, expected)
