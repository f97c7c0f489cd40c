"""AUC, log loss and Brier score: equal to the textbook, true to their intervals, honest where they cannot say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtr
from sklearn.metrics import brier_score_loss, roc_auc_score
from sklearn.metrics import log_loss as sklearn_log_loss

from decisionloop.errors import UsageError
from decisionloop.observe.cohort_performance import measure_performance
from decisionloop.observe.estimate import effective_sample_size, weighted_mean
from decisionloop.observe.performance import auc, brier_score, log_loss
from tests.examples import examples

rows = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 6), st.floats(0.1, 20)),
    min_size=4,
    max_size=60,
).filter(lambda r: 2 <= sum(y for y, _, _ in r) <= len(r) - 2)


def covers(estimate: object, truth: float) -> bool:
    return estimate.low <= truth <= estimate.high  # type: ignore[attr-defined]


@given(rows)
@examples(50)
def test_weighted_auc_with_ties_equals_the_textbook(r: list[tuple[int, int, float]]) -> None:
    y, s, w = map(np.array, zip(*r, strict=True))
    estimate = auc(y, s, w)
    assert estimate.value == pytest.approx(roc_auc_score(y, s, sample_weight=w), abs=1e-12)
    assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1


def test_unweighted_error_is_delong() -> None:
    rng = np.random.default_rng(1)
    y = np.repeat([1, 0], [40, 70])
    s = np.round(rng.normal(size=110) + y, 1)  # with ties
    wins = (s[y == 1][:, None] > s[y == 0]) + 0.5 * (s[y == 1][:, None] == s[y == 0])
    variance = wins.mean(axis=1).var(ddof=1) / 40 + wins.mean(axis=0).var(ddof=1) / 70
    a = wins.mean()
    got = auc(y, s, confidence=0.95)
    from scipy.stats import t

    half = t.ppf(0.975, 39) * np.sqrt(variance) / (a * (1 - a))
    assert got.value == pytest.approx(a)
    assert np.log(got.high / (1 - got.high)) == pytest.approx(np.log(a / (1 - a)) + half)


def test_plain_auc_covers_the_truth() -> None:
    rng = np.random.default_rng(2)
    truth = ndtr(1.2 / np.sqrt(2))
    y = np.repeat([1, 0], [30, 120])
    hits = [covers(auc(y, rng.normal(size=150) + 1.2 * y), truth) for _ in range(400)]
    assert np.mean(hits) >= 0.93


def test_weighted_auc_covers_the_population_where_the_revealed_one_misleads() -> None:
    """Only low-risk clients are revealed, others by 5 % exploration: the plain AUC of those is not the model's."""
    rng = np.random.default_rng(3)
    truth, hits, plain, weighted = ndtr(1.0), [], [], []
    for _ in range(400):
        y = (rng.random(6000) < 0.15).astype(float)
        s = rng.normal(size=6000) + np.sqrt(2) * y
        p = np.where(s < 1.2, 0.95, 0.05)
        seen = rng.random(6000) < p
        estimate = auc(y[seen], s[seen], 1 / p[seen])
        hits.append(covers(estimate, truth))
        weighted.append(estimate.value)
        plain.append(auc(y[seen], s[seen]).value)
    assert np.mean(hits) >= 0.93
    assert abs(np.mean(weighted) - truth) < 0.005
    assert np.mean(plain) < truth - 0.05


def test_repeated_rows_of_an_entity_add_no_information() -> None:
    rng = np.random.default_rng(4)
    y = (rng.random(300) < 0.3).astype(float)
    s = rng.normal(size=300) + y
    single = auc(y, s, entities=np.arange(300))
    thrice = auc(np.tile(y, 3), np.tile(s, 3), entities=np.tile(np.arange(300), 3))
    blind = auc(np.tile(y, 3), np.tile(s, 3))
    assert thrice.value == pytest.approx(single.value)
    assert (thrice.low, thrice.high) == pytest.approx((single.low, single.high))
    assert blind.high - blind.low < 0.7 * (single.high - single.low)
    assert thrice.n == 900
    assert thrice.effective_n == pytest.approx(300)


@pytest.mark.parametrize(
    ("outcome", "score", "word"),
    [
        ([], [], "no rows"),
        ([1, 1, 1], [0.1, 0.2, 0.3], "one class"),
        ([0, 0, 1], [0.1, 0.2, 0.3], "one class"),
        ([0, 1, np.nan, 0], [0.1, 0.2, 0.3, 0.4], "outcomes"),
        ([0, 1, 0, 1], [0.1, np.nan, 0.3, 0.4], "scores are missing"),
        ([0, 1, 2, 1], [0.1, 0.2, 0.3, 0.4], "outcomes"),
    ],
)
def test_auc_says_when_it_cannot_say(outcome: list[float], score: list[float], word: str) -> None:
    estimate = auc(outcome, score)
    assert (estimate.value, estimate.low, estimate.high) == (None, None, None)
    assert estimate.reason is not None
    assert word in estimate.reason


def test_bad_weights_cannot_say_and_bad_shapes_raise() -> None:
    assert not auc([0, 1, 0, 1], [1, 2, 3, 4], [1, 1, -1, 1]).is_known
    assert not auc([0, 1, 0, 1], [1, 2, 3, 4], [0, 0, 0, 0]).is_known
    with pytest.raises(UsageError, match="shape"):
        auc([0, 1], [0.1])


def test_perfect_separation_is_not_certainty() -> None:
    estimate = auc([0] * 20 + [1] * 5, np.arange(25))
    assert estimate.value == 1.0
    assert estimate.high == 1.0
    assert 0.7 < estimate.low < 0.97
    reverse = auc([1] * 5 + [0] * 20, np.arange(25))
    assert reverse.value == 0.0
    assert reverse.high == pytest.approx(1 - estimate.low)
    more = auc([0] * 2000 + [1] * 500, np.arange(2500))
    assert more.low > 0.99


def test_constant_score_is_chance() -> None:
    estimate = auc([0, 1, 0, 1, 1, 0], np.ones(6))
    assert estimate.value == 0.5
    assert estimate.low <= 0.5 <= estimate.high


def test_losses_equal_the_textbook() -> None:
    rng = np.random.default_rng(6)
    y, p, w = (rng.random(500) < 0.3).astype(int), rng.uniform(0.01, 0.99, 500), rng.uniform(1, 20, 500)
    assert log_loss(y, p, w).value == pytest.approx(sklearn_log_loss(y, p, sample_weight=w))
    assert brier_score(y, p, w).value == pytest.approx(brier_score_loss(y, p, sample_weight=w))
    assert log_loss([0, 1], [0.0, 0.0]).is_known  # clipped, not infinite
    assert not log_loss([0, 1], [0.2, 1.2]).is_known
    assert not brier_score([0, np.nan], [0.2, 0.2]).is_known


def test_weighted_mean_covers_with_heavy_weights_and_clusters() -> None:
    rng = np.random.default_rng(7)
    hits = []
    for _ in range(400):
        entity = np.repeat(np.arange(150), 4)
        x = rng.normal(size=150)[entity] + rng.normal(size=600) + 2
        p = np.where(x > 2, 0.9, 0.2)
        seen = rng.random(600) < p
        hits.append(covers(weighted_mean(x[seen], 1 / p[seen], entity[seen]), 2.0))
    assert np.mean(hits) >= 0.93


@given(st.lists(st.floats(0, 1e3), min_size=1, max_size=50))
def test_effective_sample_size_is_between_one_and_n(weights: list[float]) -> None:
    positive = [w for w in weights if w > 1e-6]
    size = effective_sample_size(positive)
    assert size == 0 if not positive else 1 - 1e-9 <= size <= len(positive) + 1e-9
    assert effective_sample_size([3.0] * 7) == pytest.approx(7)


def test_cohort_performance_speaks_of_everybody() -> None:
    rng = np.random.default_rng(8)
    large, true_auc, true_loss, gap = [], [], [], []
    for _ in range(150):
        p_true = 1 / (1 + np.exp(-rng.normal(-2, 1.5, 8000)))
        y = (rng.random(8000) < p_true).astype(int)
        chance = np.where(p_true < 0.2, 0.95, 0.05)
        seen = rng.random(8000) < chance
        got = measure_performance(y[seen], p_true[seen], chance[seen], np.arange(8000)[seen])
        large.append(covers(got.calibration.in_the_large, 0.0))
        true_auc.append(got.auc.value - roc_auc_score(y, p_true))
        true_loss.append(covers(got.log_loss, sklearn_log_loss(y, p_true)))
        gap.append(got.auc.value - got.auc_revealed.value)
    assert np.mean(large) >= 0.91  # 0.95 less 2 standard errors of 150 simulations
    assert np.mean(true_loss) >= 0.91
    assert abs(np.mean(true_auc)) < 0.005
    assert np.mean(gap) > 0.05
