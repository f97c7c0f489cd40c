"""Promises before the labels: kept where the probabilities are right, and blind to concept change, as they say."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from decisionloop.observe.estimated_performance import estimated_auc, estimated_performance


def scores(rng: np.random.Generator, n: int) -> np.ndarray:
    return 1 / (1 + np.exp(-rng.normal(-1.5, 1.2, n)))


def test_the_estimated_auc_is_the_expectation_of_the_pairs() -> None:
    rng = np.random.default_rng(1)
    p = np.round(scores(rng, 60), 2)
    wins = (p[:, None] > p[None, :]) + 0.5 * (p[:, None] == p[None, :])
    pairs = p[:, None] * (1 - p[None, :]) * ~np.eye(60, dtype=bool)
    assert estimated_auc(p, p).value == pytest.approx(float((pairs * wins).sum() / pairs.sum()))


def test_what_comes_lies_in_the_promised_intervals_where_the_probabilities_are_right() -> None:
    rng = np.random.default_rng(2)
    hits: dict[str, list[bool]] = {"auc": [], "rate": [], "value": []}
    for _ in range(500):
        p = scores(rng, 800)
        y = rng.random(800) < p
        promised = estimated_performance(p, None, 10 - 50 * p, 50 * np.sqrt(p * (1 - p)))
        came = {"auc": roc_auc_score(y, p), "rate": y.mean(), "value": np.where(y, -40.0, 10.0).mean()}
        for name, figure in came.items():
            told = getattr(promised, name)
            hits[name].append(told.low <= figure <= told.high)
    for name, hit in hits.items():
        assert 0.93 <= np.mean(hit) <= 0.985, name


def test_it_sees_inputs_that_are_harder_to_rank_and_not_a_changed_concept() -> None:
    rng = np.random.default_rng(3)
    easy, narrow = scores(rng, 20_000), 1 / (1 + np.exp(-rng.normal(-1.5, 0.3, 20_000)))
    assert estimated_auc(narrow, narrow).high < estimated_auc(easy, easy).low - 0.1
    changed = (rng.random(20_000) < rng.permutation(easy)).astype(int)  # the outcome no longer depends on the score
    assert estimated_auc(easy, easy).low > 0.75
    assert roc_auc_score(changed, easy) < 0.55


def test_it_says_when_it_cannot_say() -> None:
    assert not estimated_auc(np.array([0.1, 0.2]), np.array([0.1, 0.2])).is_known
    assert not estimated_auc(np.zeros(0), np.zeros(0)).is_known
    assert not estimated_auc(np.repeat([0.0, 1.0], 50), np.repeat([0.0, 1.0], 50)).is_known
    told = estimated_performance([np.nan] * 5)
    assert not any(figure.is_known for figure in (told.auc, told.rate, told.value))
    assert estimated_performance([0.5] * 9 + [np.nan], value=[0.0, np.nan, 2.0, np.nan, 1.0] * 2).value.value == 1.0
    alike = estimated_performance([0.5] * 9 + [np.nan], value=[1.0, np.nan] * 5).value
    assert "alike" in alike.reason
