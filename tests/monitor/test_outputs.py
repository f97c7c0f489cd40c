"""Outputs: a jump stops the batch, slices are watched, an unchanged policy is left alone."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decisionloop.errors import UsageError
from decisionloop.monitor.alarm.budget import AlarmBudget
from decisionloop.monitor.alarm.finding import Finding, Stakes
from decisionloop.monitor.alarm.terms import Terms
from decisionloop.monitor.compare.output_profile import ActionProfile
from decisionloop.monitor.compare.score_shift import ScoreProfile, reference_scores
from decisionloop.monitor.outputs import ReleaseScores, action_shares, judge_outputs
from tests.monitor.customers import customers, offers

REFERENCE = reference_scores(np.random.default_rng(0).beta(2, 5, 20_000))


def decided(n: int, seed: int, shares: tuple[float, ...] = (0.5, 0.3, 0.2)) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    return customers(n, rng), rng.choice(3, n, p=shares)


def profile(n: int, seed: int, shares: tuple[float, ...] = (0.5, 0.3, 0.2)) -> ActionProfile:
    return ActionProfile.of(offers(), *decided(n, seed, shares))


RECENT = tuple(profile(3_000, seed) for seed in range(1, 4))


def judged(
    current: ActionProfile,
    recent: tuple[ActionProfile, ...] = RECENT,
    scores: np.ndarray | None = None,
    stakes: Stakes | None = None,
) -> tuple[Finding, ...]:
    told = None if scores is None else ReleaseScores(ScoreProfile.of(scores, REFERENCE), REFERENCE)
    return judge_outputs(Terms.of(offers(), stakes, "release-1"), current, recent, told)


def alarms(findings: tuple[Finding, ...]) -> set[tuple[str, str]]:
    return {(one.monitor, one.slice) for one in findings if one.is_alarm}


def test_everybody_gets_an_offer_and_the_batch_halts() -> None:
    findings = judged(profile(1_000, 5, (0.0, 0.0, 1.0)))
    whole = next(one for one in findings if one.slice == "all")
    assert whole.is_alarm
    assert whole.is_halting
    assert whole.figure.value == pytest.approx(0.8, abs=0.02)
    assert "“20 % off” has 100% (before 20%), “nothing” 0% (before 50%)" in whole.words
    assert whole.release_id == "release-1"
    assert {one.slice for one in findings} == {"all", "plan=basic", "plan=family", "plan=gold", "sex=f", "sex=m"}
    assert not any(one.is_halting for one in findings if one.slice != "all")


def test_a_change_in_one_group_alone_is_found_there() -> None:
    frame, action = decided(4_000, 6)
    action = np.where((frame["plan"] == "gold").to_numpy(), 2, action)
    findings = judged(ActionProfile.of(offers(), frame, action), stakes=Stakes(worth=10.0))
    assert ("action_shift", "plan=gold") in alarms(findings)
    assert not {slice_name for _, slice_name in alarms(findings)} & {"plan=basic", "plan=family"}
    gold = next(one for one in findings if one.slice == "plan=gold")
    assert gold.stake == pytest.approx(10 * gold.figure.value * 0.28, rel=0.1)  # of a decision of the whole batch


@pytest.mark.parametrize("n", [500, 1_000_000])
def test_an_unchanged_policy_alarms_no_more_often_than_budgeted(n: int) -> None:
    rng, budget, runs = np.random.default_rng(n), AlarmBudget({"outputs": 0.2}, 1.0), 300
    loose = offers(minimum_shift=1e-9)

    def drawn() -> ActionProfile:
        counts = {name: rng.multinomial(n, (0.5, 0.3, 0.2)) for name in ("all", "sex=f", "sex=m")}
        return ActionProfile(offers().action_names, {name: tuple(one.tolist()) for name, one in counts.items()})

    terms = Terms(loose, budget, Stakes())
    told = [judge_outputs(terms, drawn(), (drawn(), drawn()), None) for _ in range(runs)]
    assert sum(len(alarms(one)) for one in told) / runs <= 0.2
    assert {len(one) for one in told} == {3}


def test_scores_are_compared_with_the_release_and_never_halt_here() -> None:
    rng = np.random.default_rng(7)
    findings = judged(profile(1_000, 7), scores=rng.beta(2, 5, 1_000))
    assert not alarms(findings)
    moved = judged(profile(1_000, 7), scores=np.append(rng.beta(5, 2, 990), [np.nan] * 10))
    score = next(one for one in moved if one.monitor == "score_shift")
    assert alarms(moved) == {("score_shift", "all")}
    assert not score.is_halting
    assert score.against == "release"
    assert "the mean is 0.71" in score.words
    only_scores = judged(profile(1_000, 7), recent=(), scores=rng.beta(2, 5, 1_000))
    assert [one.monitor for one in only_scores] == ["score_shift"]


def test_scores_of_one_group_that_move_are_found_though_the_whole_hides_them() -> None:
    def batch(seed: int, lift: float) -> tuple[ActionProfile, np.ndarray]:
        frame, action = decided(3_000, seed)
        score = np.random.default_rng(seed).beta(2, 5, 3_000)
        score = np.where((frame["plan"] == "family").to_numpy(), np.minimum(score + lift, 1), score)
        return ActionProfile.of(offers(), frame, action, score, REFERENCE), score

    recent = tuple(batch(seed, 0.0)[0] for seed in range(10, 13))
    current, score = batch(13, 0.4)
    assert alarms(judged(current, recent, score)) == {("score_shift", "plan=family")}
    usual, score = batch(14, 0.0)
    assert not alarms(judged(usual, recent, score))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 40), min_size=1, max_size=4), st.booleans())
def test_the_profile_of_parts_is_the_sum_and_travels_as_text(sizes: list[int], has_scores: bool) -> None:
    frame, action = decided(sum(sizes), 8)
    score = np.where(action == 1, np.nan, np.random.default_rng(8).random(sum(sizes)))
    cuts = pairwise(np.cumsum([0, *sizes]))

    def of(rows: slice) -> ActionProfile:
        scored = (score[rows], REFERENCE) if has_scores else ()
        return ActionProfile.of(offers(), frame.iloc[rows], action[rows], *scored)

    whole = of(slice(None))
    assert ActionProfile.total(of(slice(*cut)) for cut in cuts) == whole
    assert ActionProfile.from_json(whole.to_json()) == whole
    assert whole.rows == sum(sizes)


def test_rows_without_a_group_count_in_the_whole_alone() -> None:
    frame = customers(5, seed=9).assign(sex=pd.Series(["f", None, "x", "m", "m"], dtype="str"))
    counted = ActionProfile.of(offers(), frame, [0, 1, 2, 2, 0]).counts
    assert counted["all"] == (2, 1, 2)
    assert (counted["sex=f"], counted["sex=m"]) == ((1, 0, 0), (1, 0, 1))


def test_shares_of_actions_have_exact_intervals() -> None:
    shares = {one.slice: one.estimate for one in action_shares(profile(2_000, 10, (0.7, 0.3, 0.0)), "release-1")}
    assert list(shares) == ["action=none", "action=offer_10", "action=offer_20"]
    assert shares["action=none"].low < 0.7 < shares["action=none"].high
    assert shares["action=offer_20"].value == shares["action=offer_20"].low == 0
    assert shares["action=offer_20"].high == pytest.approx(1 - 0.025 ** (1 / 2000))


def test_what_does_not_fit_is_refused() -> None:
    frame, action = decided(10, 11)
    for wrong in (action[:9], np.full(10, 3), np.full(10, -1)):
        with pytest.raises(UsageError, match="Give each row the index of one of none, offer_10, offer_20"):
            ActionProfile.of(offers(), frame, wrong)
    other = ActionProfile(("a", "b"), {"all": (1, 2)})
    with pytest.raises(UsageError, match="other actions"):
        profile(10, 12) + other
    assert judged(profile(0, 13)) == ()
