"""A draw that is right is hardly ever called broken, however often one looks; one that is not is found."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from decisionloop.monitor.canary.sample_ratio import Drawn, log_evidence, may_be_drawn, mismatch
from decisionloop.monitor.compare.windows import EntitySketch

ERROR, RUNS, LOOKS, ROWS = 0.4, 150, 20, 100
MOST = binom.ppf(0.999, RUNS, ERROR / 8)
"""The sample ratio is one of eight checks that share the error."""


@given(st.integers(1, 60), st.floats(0.01, 0.99))
def test_the_evidence_against_a_draw_that_is_right_is_one_on_average(n: int, share: float) -> None:
    """Exactly, and so at every look: that is what makes Ville's inequality hold."""
    chances = binom.pmf(np.arange(n + 1), n, share)
    evidence = [math.exp(log_evidence(Drawn(share, n, taken))) for taken in range(n + 1)]
    assert float(chances @ np.array(evidence)) == pytest.approx(1.0)


def sketch(batch: int) -> EntitySketch:
    """So many rows of other entities in every batch; the k lowest hashes tell of 500 exactly."""
    return EntitySketch(ROWS, tuple(range(batch * ROWS, (batch + 1) * ROWS)))


def lives(rng: np.random.Generator, shares: list[float], truth: float = 1.0) -> list[tuple[Drawn, EntitySketch]]:
    return [
        (Drawn(share, ROWS, int(rng.binomial(ROWS, truth * share))), sketch(batch))
        for batch, share in enumerate(shares)
    ]


def first_found(batches: list[tuple[Drawn, EntitySketch]]) -> int | None:
    return next((look for look in range(1, len(batches) + 1) if mismatch(batches[:look], ERROR)), None)


@pytest.mark.parametrize("shares", [[0.05] * LOOKS, [0.05] * 5 + [0.25] * 5 + [0.5] * 10])
def test_a_draw_that_is_right_is_called_broken_no_more_often_than_declared(shares) -> None:
    rng = np.random.default_rng(1)
    assert sum(first_found(lives(rng, shares)) is not None for _ in range(RUNS)) <= MOST


def test_nor_where_the_same_people_return_and_are_drawn_as_before() -> None:
    rng, found = np.random.default_rng(2), 0
    for _ in range(RUNS):
        (drawn, who) = lives(rng, [0.25])[0]
        found += first_found([(drawn, who)] * LOOKS) is not None
    assert found <= MOST


@pytest.mark.parametrize(("truth", "within"), [(0.5, 20), (2.0, 15)])
def test_a_draw_of_another_share_is_found_in_weeks(truth: float, within: int) -> None:
    rng = np.random.default_rng(3)
    looks = [first_found(lives(rng, [0.2] * LOOKS, truth)) for _ in range(60)]
    assert sum(look is not None and look <= within for look in looks) >= 57


def test_what_breaks_after_months_is_found_in_the_batch_in_which_it_breaks_and_named_with_its_counts() -> None:
    batches = [*lives(np.random.default_rng(4), [0.5] * 20), (Drawn(0.5, ROWS, 20), sketch(20))]
    assert first_found(batches) == 21
    found = mismatch(batches, ERROR)
    assert found is not None
    assert "decided 20 of 100 decisions" in found.words
    assert "50 were expected (50.00%)" in found.words
    assert mismatch([(Drawn(1.0, 10, 9), sketch(0))], ERROR) is not None
    assert mismatch([(Drawn(1.0, 10, 10), sketch(0))], ERROR) is None
    assert mismatch([], ERROR) is None


def test_whom_a_release_on_trial_could_not_have_is_not_counted() -> None:
    role = np.array(["champion", "canary", "holdout", "baseline", "baseline", "canary"], dtype=object)
    reason = np.array([None, None, None, "row fault", "limit: share of lend", None], dtype=object)
    values = np.array([[0, 1], [0, 1], [0, 1], [0, 1], [0, 1], [0, np.nan]], dtype=float)
    assert may_be_drawn(role, reason, values).tolist() == [True, True, False, False, True, False]
