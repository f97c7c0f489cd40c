"""Score shift: the declared false-alarm rate at any batch size, no alarm for trifles, and no blind spot for atoms."""

from __future__ import annotations

import functools
import json
from dataclasses import asdict

import numpy as np
import pytest

from decisionloop.errors import UsageError
from decisionloop.monitor.compare.score_shift import ScoreProfile, ScoreReference, reference_scores, score_shift


def draw(rng: np.random.Generator, n: int, move: float = 0.0) -> np.ndarray:
    return 1 / (1 + np.exp(-rng.normal(-1.5 + move, 1.0, n)))


@pytest.mark.parametrize("n", [500, pytest.param(50_000, marks=pytest.mark.exhaustive)])
def test_false_alarms_come_as_declared_at_any_batch_size(n: int) -> None:
    rng, alarms, distances = np.random.default_rng(1), [], []
    for _ in range(200):
        reference = reference_scores(draw(rng, 20_000))
        shift = score_shift(draw(rng, n), reference, threshold=0.0, confidence=0.9)
        alarms.append(shift.is_exceeded)
        distances.append(shift.distance)
    assert np.mean(alarms) == pytest.approx(0.1, abs=2.5 * np.sqrt(0.1 * 0.9 / 200))
    assert np.median(distances) < 0.01


def test_a_trifle_never_alarms_however_large_the_batch() -> None:
    rng = np.random.default_rng(2)
    reference = reference_scores(draw(rng, 50_000))
    shift = score_shift(draw(rng, 1_000_000, move=0.1), reference, threshold=0.1)
    assert 0.02 < shift.distance < 0.06
    assert shift.low > 0  # seen beyond doubt, and still not worth an alarm
    assert not shift.is_exceeded


@pytest.mark.parametrize("n", [500, 50_000])
def test_distance_is_the_same_at_any_batch_size(n: int) -> None:
    rng = np.random.default_rng(3)
    reference = reference_scores(draw(rng, 50_000))
    shift = score_shift(draw(rng, n, move=1.0), reference, threshold=0.25)
    assert shift.distance == pytest.approx(0.383, abs=0.05)  # 2 Phi(1/2) - 1
    assert shift.is_exceeded
    assert shift.mean > shift.reference_mean


def test_the_lower_bound_lies_below_the_true_distance() -> None:
    rng = np.random.default_rng(4)
    reference = reference_scores(draw(rng, 50_000))
    true = 0.197  # of a move by half a standard deviation
    bounds = [score_shift(draw(rng, 500, move=0.5), reference, confidence=0.9).low for _ in range(100)]
    assert np.mean(np.array(bounds) > true) <= 0.1


def test_yes_to_everyone_is_seen_also_with_a_constant_reference() -> None:
    constant = reference_scores(np.full(1000, 0.2))
    assert score_shift(np.full(800, 0.9), constant).distance > 0.9
    assert score_shift(np.full(800, np.nextafter(0.2, 0)), constant).is_exceeded
    assert score_shift(np.full(800, 0.2), constant).distance == 0.0
    rng = np.random.default_rng(5)
    few_values = rng.choice([0.1, 0.2, 0.7], p=[0.5, 0.3, 0.2], size=4000)
    reference = reference_scores(few_values)
    assert not score_shift(rng.choice([0.1, 0.2, 0.7], p=[0.5, 0.3, 0.2], size=4000), reference).is_exceeded
    moved = score_shift(rng.choice([0.1, 0.2, 0.7], p=[0.2, 0.3, 0.5], size=4000), reference)
    assert moved.distance == pytest.approx(0.3, abs=0.04)


def test_the_reference_travels_as_json_and_the_verdict_repeats() -> None:
    rng = np.random.default_rng(6)
    reference = reference_scores(draw(rng, 3000))
    back = json.loads(json.dumps(asdict(reference)))
    again = ScoreReference(tuple(back["bin_edges"]), tuple(back["shares"]), back["mean"], back["n"])
    assert again == reference
    assert sum(reference.shares) == pytest.approx(1.0)
    batch = draw(rng, 700)
    assert score_shift(batch, reference) == score_shift(batch, again)


def test_a_batch_counted_part_by_part_is_judged_as_the_whole() -> None:
    rng = np.random.default_rng(7)
    reference = reference_scores(draw(rng, 3000))
    batch = np.append(draw(rng, 1001, move=0.6), [np.nan] * 7)
    rng.shuffle(batch)
    whole = ScoreProfile.of(batch, reference)
    assert (sum(whole.counts), whole.missing) == (1001, 7)
    for cuts in ([300], [1, 2, 3], [0, 500, 500, 1008], sorted(rng.integers(0, 1008, 20))):
        parts = [ScoreProfile.of(part, reference) for part in np.split(batch, cuts)]
        merged = functools.reduce(lambda one, other: one + other, parts)
        assert (merged.counts, merged.missing) == (whole.counts, whole.missing)
        assert merged.total == pytest.approx(whole.total, rel=1e-14)
        told, expected = asdict(score_shift(merged, reference)), asdict(score_shift(batch, reference))
        assert told.pop("mean") == pytest.approx(expected.pop("mean"), rel=1e-14)
        assert told == expected


def test_a_profile_travels_as_json() -> None:
    rng = np.random.default_rng(9)
    profile = ScoreProfile.of(np.append(draw(rng, 50), np.nan), reference_scores(draw(rng, 300)))
    back = json.loads(json.dumps(asdict(profile)))
    assert ScoreProfile(tuple(back["counts"]), back["total"], back["missing"]) == profile


def test_profiles_of_different_references_are_not_added() -> None:
    few, many = (reference_scores(np.linspace(0, 1, 100), bins) for bins in (4, 9))
    with pytest.raises(ValueError, match="zip"):
        ScoreProfile.of([0.5], few) + ScoreProfile.of([0.5], many)


def test_missing_scores_are_left_out_and_counted() -> None:
    rng = np.random.default_rng(8)
    reference = reference_scores(draw(rng, 3000))
    shift = score_shift(np.append(draw(rng, 500), [np.nan] * 20), reference)
    assert (shift.n, shift.missing) == (500, 20)
    nothing = score_shift(np.full(20, np.nan), reference)
    assert (nothing.distance, nothing.low, nothing.is_exceeded) == (None, None, False)
    with pytest.raises(UsageError, match="finite score"):
        reference_scores([np.nan])
