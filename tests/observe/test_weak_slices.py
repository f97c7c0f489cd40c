"""Weak slices: planted ones are found and priced with an honest interval, and noise shows none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from decisionloop.errors import UsageError
from decisionloop.observe.slice_predicate import (
    Condition,
    apply_slice,
    describe,
    in_weak_slices,
    read_predicate,
    write_predicate,
)
from decisionloop.observe.weak_slices import WeakSlice, find_weak_slices
from tests.monitor.impact_world import loans


def world(seed: int, n: int = 4000) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    late = rng.integers(0, 13, n).astype(float)
    return pd.DataFrame(
        {
            "client_id": pd.Series([f"{seed}-{i}" for i in range(n)], dtype="str"),
            "income": rng.uniform(0, 100, n),
            "late": np.where(rng.random(n) < 0.1, np.nan, late),
            "plan": pd.Series(rng.choice(["basic", "family"], n), dtype="str"),
        }
    )


def loan_money(rng: np.random.Generator, p_bad: np.ndarray, p_told: np.ndarray | float) -> np.ndarray:
    """Surprise of loans that earn 10 or lose 40, priced with ``p_told``."""
    return np.where(rng.random(len(p_bad)) < p_bad, -40.0, 10.0) - (10 - 50 * np.asarray(p_told))


def found_in(frame: pd.DataFrame, surprise: np.ndarray) -> tuple[WeakSlice, ...]:
    return find_weak_slices(loans(), frame, surprise)


def test_a_planted_slice_is_found_and_its_loss_lies_in_the_interval() -> None:
    covered, overlaps = [], []
    for seed in range(25):
        frame, rng = world(seed), np.random.default_rng(1000 + seed)
        planted = ((frame["income"] > 70) & (frame["plan"] == "basic")).to_numpy()
        bad = np.where(planted, 0.4, 0.1)
        worst = found_in(frame, loan_money(rng, bad, 0.1))[0]
        inside = apply_slice(worst.predicate, frame)
        overlaps.append((inside & planted).sum() / (inside | planted).sum())
        truth = 50 * (0.1 - bad[inside].mean())
        money = worst.money_per_decision
        assert money.low is not None
        assert money.high is not None
        covered.append(money.low <= truth <= money.high)
        assert worst.n == inside.sum()
        assert worst.money_total == pytest.approx((money.value or 0) * worst.n)
    assert np.mean(covered) >= 0.9
    assert np.median(overlaps) > 0.9


def test_the_slice_is_said_in_words_and_can_be_applied_again() -> None:
    frame, rng = world(7, 20_000), np.random.default_rng(8)
    planted = ((frame["income"] > 70) & (frame["plan"] == "basic")).to_numpy()
    worst = found_in(frame, loan_money(rng, np.where(planted, 0.5, 0.1), 0.1))[0]
    assert worst.description.startswith("monthly income above ")
    assert worst.description.endswith(" and plan is “basic”")
    told = {one.feature: one for one in read_predicate(worst.predicate)}
    assert told["income"].above == pytest.approx(70, abs=0.5)
    again = world(9)
    expected = ((again["income"] > told["income"].above) & (again["plan"] == "basic")).to_numpy()
    assert (in_weak_slices((worst.predicate,), again) == expected).all()
    assert not in_weak_slices((), again).any()


def test_a_world_without_weak_slices_shows_one_at_most_once_in_twenty() -> None:
    shown = 0
    for seed in range(200):
        frame, rng = world(seed, 1500), np.random.default_rng(5000 + seed)
        risk = np.where(frame["plan"] == "basic", 0.05, 0.25)  # risks differ and are priced right
        shown += bool(found_in(frame, loan_money(rng, risk, risk)))
    assert shown <= 200 * 0.05 + 2 * np.sqrt(200 * 0.05 * 0.95)


def test_repeated_entities_stay_in_one_half() -> None:
    # 40 clients with luck of their own and 50 decisions each: as independent rows, their luck would look like slices.
    shown = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        frame = world(seed, 40).loc[np.repeat(np.arange(40), 50)].reset_index(drop=True)
        shown += bool(found_in(frame, np.repeat(rng.normal(0, 5, 40), 50) + rng.normal(0, 1, 2000)))
    assert shown <= 6


def test_missing_values_can_be_the_slice() -> None:
    frame, rng = world(3, 8000), np.random.default_rng(4)
    surprise = rng.normal(0, 5, 8000) - 20 * frame["late"].isna().to_numpy()
    worst = found_in(frame, surprise)[0]
    assert "months late is missing" in worst.description
    assert apply_slice(worst.predicate, frame)[frame["late"].notna().to_numpy()].sum() == 0


def test_the_worst_five_come_first_and_unknown_outcomes_are_left_out() -> None:
    frame, rng = world(5, 20_000), np.random.default_rng(6)
    surprise = rng.normal(0, 1, 20_000) - frame["income"].to_numpy() / 10
    surprise[:5000] = np.nan
    found = found_in(frame, surprise)
    assert 1 < len(found) <= 5
    assert [one.money_total for one in found] == sorted(one.money_total for one in found)
    usual = np.nanmean(surprise)
    assert all(one.money_per_decision.value < usual + 0.2 for one in found)  # not all of them, only the worse half
    assert all(one.n <= 15_000 for one in found)
    assert found_in(frame.iloc[:300], surprise[-300:]) == ()
    with pytest.raises(UsageError, match="Give one each"):
        found_in(frame, surprise[:10])


def test_conditions_travel_as_json_and_are_said_as_people_say_them() -> None:
    conditions = (
        Condition("income", above=0.0, up_to=20.5, has_missing=True),
        Condition("late", has_known=False, has_missing=True),
        Condition("plan", excludes=("basic", "family")),
    )
    text = write_predicate(conditions)
    assert read_predicate(text) == conditions
    assert describe(loans(), conditions) == (
        "monthly income above 0 and up to 20.5 (or missing) and months late is missing and plan is not “basic” or "
        "“family”"
    )
    frame = pd.DataFrame({"income": [0.0, np.nan, 20.5], "late": [np.nan, np.nan, 1.0], "plan": [None, "x", "x"]})
    assert apply_slice(text, frame.astype({"plan": "str"})).tolist() == [False, True, False]
    with pytest.raises(UsageError, match="asks for late"):
        apply_slice(text, frame[["income"]])


def test_two_conditions_on_a_feature_become_one() -> None:
    both = Condition("income", above=3.0, has_missing=True).narrowed(Condition("income", above=1.0, up_to=9.0))
    assert both == Condition("income", above=3.0, up_to=9.0)
    either = Condition("plan", excludes=("basic",)).narrowed(Condition("plan", equals="family"))
    assert either.words(loans().features[2]) == "plan is “family”"
