"""Surely changed, small: seen within a few batches, never where nothing changed, and no alarm."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr, ndtri

from decisionloop.monitor.alarm.budget import budget_of
from decisionloop.monitor.alarm.finding import Stakes
from decisionloop.monitor.compare.profile import FrameProfile, Reference
from decisionloop.monitor.compare.small_change import evidence_of_change
from decisionloop.monitor.compare.windows import EntitySketch, Watched
from decisionloop.monitor.watching.watch_batch import FeaturesBefore, WatchedFeatures, watch_features
from tests.monitor.customers import customers, offers

ALPHA, CELLS, ROWS = 6e-5, 20, 600
EVEN = np.append(np.full(CELLS, 1 / CELLS), 0.0)


def shifted(by: float) -> np.ndarray:
    """Even quantiles of a normal feature that moved ``by`` so many standard deviations: 0.4 of it is the distance."""
    edges = ndtri(np.arange(1, CELLS) / CELLS)
    return np.append(np.diff(np.concatenate([[0.0], ndtr(edges - by), [1.0]])), 0.0)


def first_sure(truth: np.ndarray, seed: int, weeks: int = 52, returning: float = 1.0) -> int | None:
    rng = np.random.default_rng(seed)
    reference = rng.multinomial(20_000, EVEN)
    batches = list(rng.multinomial(ROWS, truth, size=weeks))
    for last in range(1, weeks + 1):
        if evidence_of_change(batches[:last], [returning] * last, reference, True, ALPHA).is_sure(ALPHA):
            return last
    return None


def test_a_shift_of_a_twentieth_is_sure_within_half_a_year_and_of_a_tenth_within_a_month() -> None:
    assert all((first_sure(shifted(0.125), seed) or 99) <= 26 for seed in range(5))
    assert all((first_sure(shifted(0.25), seed) or 99) <= 4 for seed in range(5))


def test_where_nothing_changed_the_mean_of_the_e_value_is_at_most_one() -> None:
    rng, values = np.random.default_rng(3), []
    for _ in range(60):
        reference = rng.multinomial(2_000, EVEN)
        batches = list(rng.multinomial(ROWS, EVEN, size=20))
        values.append(np.exp(evidence_of_change(batches, [1.0] * 20, reference, True, 0.05).log))
    assert np.mean(values) <= 1
    assert max(values) < 2 / 0.05


def test_a_deviation_of_the_same_people_again_and_again_is_no_evidence() -> None:
    assert first_sure(shifted(0.125), seed=1, returning=52.0) is None


@pytest.fixture(scope="module")
def weeks() -> list[Watched[FrameProfile]]:
    found = []
    for seed in range(100, 108):
        frame = customers(2_000, seed)
        frame["spend"] = frame["spend"] * 1.06  # inflation
        frame["customer_id"] = f"{seed}-" + frame["customer_id"]
        found.append(Watched(FrameProfile.of(frame, REFERENCE.bins), EntitySketch.of(frame["customer_id"])))
    return found


REFERENCE = Reference.of(offers(), customers(30_000, seed=0))


def looked_at(together: list[Watched[FrameProfile]]) -> WatchedFeatures:
    before = FeaturesBefore(REFERENCE, together=tuple(together))
    return watch_features(offers(), together[-1].counts, before, Stakes())


def test_it_is_a_notice_and_no_alarm(weeks: list[Watched[FrameProfile]]) -> None:
    findings = looked_at(weeks).findings
    assert not any(one.is_alarm for one in findings)
    (spend,) = (one for one in findings if one.is_sure)
    assert (spend.monitor, spend.slice) == ("input_change", "feature=spend")
    assert "average spend: surely changed; small, " in spend.words
    assert 0.01 < (spend.figure.value or 0) < 0.1


def test_its_checks_share_the_budget_with_the_alarms(weeks: list[Watched[FrameProfile]]) -> None:
    findings = looked_at(weeks).findings
    changes = [one for one in findings if one.monitor == "input_change"]
    assert len(changes) == len(offers().features)
    alone = {one.alpha for one in findings if one not in changes}
    windows = [4, 8]
    checks = {"alone": 10, "together": 10 * len(windows) + len(changes)}
    assert alone == {budget_of(offers()).alpha("inputs", 2 * checks["alone"])}
    assert {one.alpha for one in changes} == {budget_of(offers()).alpha("inputs", 2 * checks["together"])}
