"""In a world whose truth is known a review finds what carries the money, and claims nothing of what does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from decisionloop.contract.loading import load_use_case
from decisionloop.errors import UsageError
from decisionloop.learn import feature_review
from decisionloop.learn.evidence import Contender, policies_of, policy_gain
from decisionloop.learn.feature_review import ONLY_FEATURE, review_features, without_features, worth_of
from decisionloop.learn.logged_batches import LoggedBatches
from decisionloop.learn.reviewed_features import FeatureReview, FeatureWorth, idle_features
from decisionloop.learn.training_set import build_training_rows
from decisionloop.observe.estimate import Estimate, cannot_say
from tests.small_use_case import FIRST_AS_OF, write_offers, write_small

SHOPS, WEEKS = 500, 3
MARGIN, LOSS = 10, 40
FEATURES = [
    {"name": name, "type": "number", "wording": name, "range": [0, 10], "purpose": "It may tell."}
    for name in ("debt", "sales", "sales_again", "noise")
] + [{"name": "unused", "type": "number", "wording": "unused", "purpose": "It is the same in every row."}]


@pytest.fixture(scope="module")
def use_case(tmp_path_factory):
    return load_use_case(write_small(tmp_path_factory.mktemp("small"), features=FEATURES).folder).use_case


def risk_of(frame: pd.DataFrame) -> np.ndarray:
    """Debt says most of who does not pay back, and sales (told twice) the rest."""
    return (1 / (1 + np.exp(-1.5 * (frame["debt"] - 5) + 1.2 * (frame["sales"] - 5)))).to_numpy()


def logged(seed: int) -> LoggedBatches:
    """Weeks in which a loan was drawn at random for one half of the shops."""
    chance, n = np.random.default_rng(seed), SHOPS * WEEKS
    drawn = {name: chance.uniform(0, 10, n) for name in ("debt", "sales", "noise")}
    frame = pd.DataFrame({"shop_id": [f"shop {i}" for i in range(n)], **drawn, "unused": 1.0})
    frame = frame.assign(sales_again=frame["sales"], owner_sex=np.where(np.arange(n) % 2, "f", "m"))
    lends = chance.random(n) < 0.5
    log = pd.DataFrame(
        {
            "decision_id": [f"d{i}" for i in range(n)],
            "entity_id": frame["shop_id"],
            "as_of": FIRST_AS_OF + pd.to_timedelta(7 * (np.arange(n) // SHOPS), unit="D"),
            "role": "champion",
            "action": np.where(lends, "lend", "hold"),
            "propensity": 0.5,
            "fallback_reason": None,
            "outcome_class": np.where(lends, chance.random(n) < risk_of(frame), np.nan),
            "outcome_amount": np.nan,
        }
    )
    return LoggedBatches(log, frame, np.ones(n, dtype=np.int64))


def reviewed(use_case, seed: int) -> dict[str, FeatureWorth]:
    batches = logged(seed)
    found = review_features(use_case, "scorecard", build_training_rows(use_case, batches.log, batches.frame), batches)
    return {one.feature: one for one in found}


@pytest.fixture(scope="module")
def small_world(use_case, one_thread) -> dict[str, FeatureWorth]:
    return reviewed(use_case, seed=2)


def test_what_carries_the_money_is_worth_it_and_what_does_not_is_not(small_world):
    found = small_world
    assert list(found) == ["debt", "sales", "sales_again", "noise"], "what is the same in every row has no worth"
    assert found["debt"].worth.low > 1, "of 10 that a loan earns and 40 that it loses"
    assert not found["debt"].earns_nothing
    for name in ("sales", "sales_again", "noise"):
        assert abs(found[name].worth.value) < 0.2, name
        assert not found[name].worth.low > 0, name


def test_features_that_say_the_same_are_worth_nothing_alone_and_much_together(use_case, one_thread):
    batches = logged(1)
    rows = build_training_rows(use_case, batches.log, batches.frame)
    assert worth_of(use_case, "scorecard", rows, batches, ["sales", "sales_again"]).low > 0


def test_the_interval_holds_the_truth(use_case, one_thread, monkeypatch):
    """What both policies would bring is known here, for who pays back is: 5 worlds, four worths each."""
    truths: list[float] = []

    def told(case, batches, ours, theirs) -> Estimate:
        traffic, policies = policies_of(case, batches, Contender(ours), Contender(theirs))
        lent = policies.moved[:, 1] * (MARGIN - (MARGIN + LOSS) * risk_of(traffic.frame))
        truths.append(float(lent.mean()))
        return policy_gain(case, batches, ours, theirs)

    monkeypatch.setattr(feature_review, "policy_gain", told)
    monkeypatch.setattr(feature_review._Model, "lookups", lambda self, names: 0)  # counted in a test of its own
    worths = [one.worth for seed in range(5) for one in reviewed(use_case, seed).values()]
    assert len(worths) == len(truths) == 20
    held = [one.low <= truth <= one.high for one, truth in zip(worths, truths, strict=True)]
    assert np.mean(held) >= 0.9


def test_what_earns_nothing_has_the_work_counted_that_leaving_it_out_saves(small_world):
    idle = [one for one in small_world.values() if one.earns_nothing]
    assert idle
    # A scorecard codes a number by a search in 8 steps and reads one table to score; to explain 8 and 4.
    assert {one.saved_lookups for one in idle} == {8 + 1 + 8 + 4}
    assert {one.saved_lookups for one in small_world.values() if not one.earns_nothing} == {None}


def test_of_a_single_feature_it_cannot_be_told(use_case, one_thread):
    batches = logged(1)
    blank = without_features(use_case, batches.frame, ["sales", "sales_again", "noise"])
    rows = build_training_rows(use_case, batches.log, blank)
    (only,) = review_features(use_case, "scorecard", rows, replace(batches, frame=blank))
    assert (only.feature, only.worth.value, only.worth.reason) == ("debt", None, ONLY_FEATURE)
    assert not only.earns_nothing


def test_a_model_that_cannot_be_fitted_is_refused(use_case):
    batches = logged(1)
    blank = without_features(use_case, batches.frame, ["debt", "sales", "sales_again", "noise"])
    rows = build_training_rows(use_case, batches.log, blank)
    with pytest.raises(UsageError, match="no feature of small varies"):
        review_features(use_case, "scorecard", rows, replace(batches, frame=blank))


def offered() -> LoggedBatches:
    """Shops that a past experiment drew an action for; a voucher makes those buy who visit often, and nobody else."""
    chance, n = np.random.default_rng(3), 1800
    visits, drawn = chance.integers(0, 51, n), chance.integers(0, 3, n)
    frame = pd.DataFrame(
        {
            "shop_id": [f"shop {i}" for i in range(n)],
            "visits": visits.astype(float),
            "channel": pd.Series(chance.choice(["shop", "web"], n), dtype="str"),
        }
    )
    bought = (chance.random(n) < np.where((drawn == 2) & (visits > 25), 0.9, 0.1)).astype(float)
    log = pd.DataFrame(
        {
            "decision_id": [f"d{i}" for i in range(n)],
            "entity_id": frame["shop_id"],
            "as_of": FIRST_AS_OF,
            "role": "champion",
            "action": np.array(["nothing", "mail", "voucher"])[drawn],
            "propensity": 1 / 3,
            "fallback_reason": None,
            "outcome_class": bought,
            "outcome_amount": bought * chance.uniform(30, 50, n),
        }
    )
    return LoggedBatches(log, frame, np.zeros(n, dtype=np.int64))


def test_where_actions_are_inputs_a_feature_is_worth_knowing_whom_to_ask(tmp_path, one_thread):
    """Without it all get the voucher: 3 EUR for one half, who buy no more for it.

    Exploring takes three tenths, shared by the other two actions: of that half 70 % get it then, and 15 % else.
    """
    offers, batches = load_use_case(write_offers(tmp_path).folder).use_case, offered()
    rows = build_training_rows(offers, batches.log, batches.frame)
    visits, channel = review_features(offers, "gradient_boosting", rows, batches)
    assert (visits.feature, channel.feature) == ("visits", "channel")
    assert visits.worth.low > 0.3
    assert visits.worth.low < (0.7 - 0.15) * 0.5 * 3 < visits.worth.high
    assert not channel.worth.low > 0
    assert abs(channel.worth.value) < 0.2


def told(value: float | None) -> Estimate:
    return cannot_say("too few", 0, 0.95) if value is None else Estimate(value, value - 1, value + 1, 100, 100, 0.95)


def review(month: int, cohort: str, **worths: float | None) -> FeatureReview:
    found = tuple(FeatureWorth(name, told(value)) for name, value in worths.items())
    return FeatureReview("small", datetime(2024, month, 1, tzinfo=UTC), "scorecard", cohort, None, found, {})


def test_what_earns_nothing_in_two_reviews_in_a_row_is_named():
    first = review(2, "2024-01-22", debt=2.0, trade=-0.1, noise=0.0, name=None, age=0.3)
    second = review(3, "2024-02-19", debt=2.0, trade=-0.2, noise=0.1, name=-0.1, age=-0.3, late=-1.0)
    assert idle_features([first]) == (), "once is chance"
    assert idle_features([first, second]) == ("trade",)
    third = review(4, "2024-03-18", debt=2.0, trade=0.2, noise=-0.1, name=-0.1, age=-0.3, late=None)
    assert idle_features([first, second, third]) == ("name", "age")


def test_a_review_that_knows_nothing_new_is_no_second_one():
    first, again = (review(month, "2024-01-22", trade=-0.1) for month in (2, 3))
    assert idle_features([first, again]) == ()
    assert idle_features([review(1, "2024-01-01", trade=-0.1), first, again]) == ("trade",)
    assert idle_features([]) == ()
