"""The cache is bounded, counts what it does, and never changes a result."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decisionloop.errors import ConfigurationError
from decisionloop.learn.pipelines import InputColumn, gradient_boosting_pipeline
from decisionloop.predict.online.score_cache import CachedScore, CacheStatistics, ScoreCache, distinct_share
from decisionloop.predict.online.scorer import OnlineScorer
from decisionloop.predict.reasons.codes import Reason, ReasonCatalogue
from decisionloop.predict.scorer.compile import compile_pipeline
from decisionloop.predict.scorer.scorer import CompiledScorer

CATALOGUE = ReasonCatalogue({"use": Reason("use"), "site": Reason("site")})


@cache
def scorer(seed: int) -> CompiledScorer:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"use": rng.normal(size=500), "site": pd.Series(rng.choice(["a", "b"], 500), dtype="str")})
    pipeline = gradient_boosting_pipeline([InputColumn("use"), InputColumn("site", True, ("a", "b"))], seed, "class")
    return compile_pipeline(pipeline.fit(frame, (frame["use"] + rng.normal(size=500) > 0).astype(int)), frame)


@cache
def plain(seed: int) -> OnlineScorer:
    return OnlineScorer(scorer(seed), CATALOGUE)


row = st.fixed_dictionaries(
    {
        "use": st.none() | st.sampled_from([0.0, 0.001, -1.0]) | st.floats(-3, 3),
        "site": st.sampled_from(["a", "b", "z", None]),
    }
)


@settings(max_examples=60, deadline=None)
@given(
    asked=st.lists(st.tuples(st.integers(0, 1), st.booleans(), row), max_size=30),
    capacity=st.integers(0, 4),
)
def test_any_sequence_of_rows_has_the_same_answers_with_the_cache_and_without(asked, capacity):
    shared = ScoreCache(capacity)
    cached = [OnlineScorer(scorer(seed), CATALOGUE, cache=shared) for seed in (0, 1)]
    for seed, is_explained, one in asked:
        if is_explained:
            assert cached[seed].explain(one) == plain(seed).explain(one)
        else:
            assert cached[seed].score(one) == plain(seed).score(one)
    told = shared.statistics()
    assert told.size <= capacity
    assert told.hits + told.misses == (len(asked) if capacity else 0)


def test_equal_codes_are_computed_once_whatever_the_values_were():
    cached = ScoreCache(10)
    one = OnlineScorer(scorer(0), CATALOGUE, cache=cached)
    assert one.explain({"use": 5.0, "site": "never seen"}) == one.explain({"use": 5.1, "site": None})
    assert cached.statistics() == CacheStatistics(hits=1, misses=1, size=1, capacity=10)
    assert cached.statistics().hit_share == 0.5


def test_a_score_alone_does_not_answer_for_its_reasons_and_reasons_answer_for_the_score():
    cached = ScoreCache(10)
    one = OnlineScorer(scorer(0), CATALOGUE, cache=cached)
    client = {"use": 0.1, "site": "a"}
    one.score(client)
    explained = one.explain(client)
    assert one.score(client) == explained.score
    assert (cached.statistics().hits, cached.statistics().misses, cached.statistics().size) == (1, 2, 1)


def test_the_one_that_was_not_used_for_longest_makes_room():
    cached = ScoreCache(2)
    for key in (b"a", b"b"):
        cached.keep("release", key, CachedScore(0.5))
    assert cached.find("release", b"a") is not None
    cached.keep("release", b"c", CachedScore(0.7))
    assert cached.find("release", b"b") is None
    assert cached.find("release", b"a") == CachedScore(0.5)
    assert cached.find("other release", b"a") is None


def test_reasons_are_not_forgotten_for_a_score_that_comes_later():
    cached = ScoreCache(2)
    cached.keep("release", b"a", CachedScore(0.5, "[]"))
    cached.keep("release", b"a", CachedScore(0.5))
    assert cached.find("release", b"a", has_reasons=True) == CachedScore(0.5, "[]")


def test_no_capacity_keeps_nothing_and_less_is_refused():
    cached = ScoreCache(0)
    cached.keep("release", b"a", CachedScore(0.5))
    assert cached.find("release", b"a") is None
    assert cached.statistics().size == 0
    assert ScoreCache(0).statistics().hit_share is None
    with pytest.raises(ConfigurationError, match="Give 0"):
        ScoreCache(-1)


def test_threads_together_lose_no_count_and_overfill_nothing():
    cached = ScoreCache(5)

    def ask(thread: int) -> None:
        for i in range(2000):
            key = bytes([(i * (thread + 1)) % 11])
            if (known := cached.find("release", key)) is not None:
                assert known.score == float(key[0])
            cached.keep("release", key, CachedScore(float(key[0])))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(ask, range(4)))
    told = cached.statistics()
    assert told.hits + told.misses == 8000
    assert told.size == 5


def test_the_share_of_rows_that_a_batch_has_to_score():
    codes = np.array([[1, 2, 1, 1], [0, 0, 0, 3]], dtype=np.uint8)
    assert distinct_share(codes) == 0.75
    assert distinct_share(codes[:, :0]) is None
