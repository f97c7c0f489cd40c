"""Beside another system: money is told where it is known, by draws where these are known, and else not at all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from decisionloop.contract import UseCase, parse_use_case
from decisionloop.observe.cohort import logged_decisions
from decisionloop.observe.legacy_money import Beside, beside, legacy_money_figures
from decisionloop.observe.off_policy import difference, one_hot, policy_value
from decisionloop.observe.overlap import judge_overlap
from decisionloop.observe.value import gain_over, realised_value
from tests.contract.conftest import CONTRACT

N = 1200


def use_case(**changes: str) -> UseCase:
    """Waiting earns 1 for certain; offering earns 5, or loses 10 with the outcome."""
    text = CONTRACT.replace(
        '{wait: "0", offer: "margin * amount * outcome - 1"}', '{wait: "1", offer: "5 - 15 * outcome"}'
    )
    text = text.replace("  amount: {column: value, unit: EUR}\n", "")
    for old, new in changes.items():
        text = text.replace(old, new)
    return parse_use_case(text, "usecase.yaml")


def world(seed: int, chance: float | None = None) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
    """Logged decisions, their features, and everybody's outcome under an offer.

    ``chance`` of an offer, logged; None: offers go where money spent is above 400, and nobody knows.
    """
    rng = np.random.default_rng(seed)
    spend = rng.uniform(0, 1000, N)
    outcome = (rng.random(N) < 0.1 + 0.0005 * spend).astype(float)
    offered = spend > 400 if chance is None else rng.random(N) < chance
    log = pd.DataFrame(
        {
            "entity_id": [f"c{i}" for i in range(N)],
            "action": np.where(offered, "offer", "wait"),
            "role": "legacy",
            "propensity": np.nan if chance is None else np.where(offered, chance, 1 - chance),
            "fallback_reason": None,
            "outcome_class": np.where(offered, outcome, np.nan),
            "outcome_amount": np.nan,
        }
    )
    return log, pd.DataFrame({"spend": spend, "orders": 1, "channel": "web", "sex": "1"}), outcome


def asked(case: UseCase, log: pd.DataFrame, frame: pd.DataFrame, other: np.ndarray) -> Beside:
    return beside(case, log, frame, logged_decisions(case, log, frame, None), other)


def earned(outcome: np.ndarray, offers: np.ndarray) -> float:
    return float(np.where(offers, 5 - 15 * outcome, 1.0).mean())


def test_who_asks_for_nothing_that_was_not_seen_is_told_the_very_truth_without_a_propensity() -> None:
    case, (log, frame, outcome) = use_case(), world(1)
    offers = (frame["spend"] > 600).to_numpy()  # some of those who got one, and nobody else
    told = asked(case, log, frame, offers.astype(int))
    theirs = earned(outcome, (frame["spend"] > 400).to_numpy())
    assert not told.untold.any()
    assert told.value.value == pytest.approx(earned(outcome, offers))
    assert told.gain.value == pytest.approx(earned(outcome, offers) - theirs)


def test_who_asks_for_what_nobody_has_seen_is_told_nothing_and_why() -> None:
    case, (log, frame, _) = use_case(), world(2)
    told = asked(case, log, frame, (frame["spend"] > 300).to_numpy().astype(int))
    unseen = int(((frame["spend"] > 300) & (frame["spend"] <= 400)).sum())
    assert told.untold.sum() == unseen > 0
    for one in (told.value, told.gain):
        assert (one.value, one.low, one.high) == (None, None, None)
        assert f"in {unseen} of 1,200 decisions another action" in str(one.reason)


def test_no_estimator_answers_a_question_that_hangs_on_unknown_propensities() -> None:
    case, (log, frame, _) = use_case(), world(3)
    logged = replace(logged_decisions(case, log, frame, None), expected_values=np.full((N, 2), 2.0))
    everybody, nobody = one_hot(np.ones(N, int), 2), one_hot(np.zeros(N, int), 2)
    for told in (policy_value(logged, everybody), difference(logged, everybody, nobody)):
        assert told.money.value is None
        assert "were drawn is not known" in judge_overlap(told.overlap).reason
    assert gain_over(logged, realised_value(logged), everybody).value is None
    same = one_hot(logged.action, 2)
    assert difference(logged, same, same).money.value == 0.0


def test_with_known_propensities_the_intervals_hold_the_truth_as_often_as_they_promise() -> None:
    case, hits = use_case(), []
    for seed in range(120):
        log, frame, outcome = world(seed, 0.4)
        offers = (frame["spend"] < 500).to_numpy()
        told = asked(case, log, frame, offers.astype(int))
        gain = earned(outcome, offers) - earned(outcome, (log["action"] == "offer").to_numpy())
        hits.append(
            (told.value.low <= earned(outcome, offers) <= told.value.high, told.gain.low <= gain <= told.gain.high)
        )
    assert np.mean(hits, axis=0).min() >= 0.9


def test_a_propensity_of_one_supports_no_other_action() -> None:
    case, (log, frame, _) = use_case(), world(4)
    certain = log.assign(propensity=1.0)
    told = asked(case, certain, frame, np.ones(N, dtype=int))
    assert told.value.value is None
    assert told.gain.value is None


def test_where_the_outcome_is_the_same_whatever_is_done_it_is_read_off() -> None:
    case = use_case(
        **{
            "reveals_outcome: false": "reveals_outcome: true",
            "maturity_days: 14": "maturity_days: 14\n  depends_on_action: false",
            "action_as: revealing_action": "action_as: input",
        }
    )
    log, frame, outcome = world(5)
    log = log.assign(outcome_class=outcome)
    offers = (frame["spend"] < 500).to_numpy()
    told = asked(case, log, frame, offers.astype(int))
    assert told.value.value == pytest.approx(earned(outcome, offers))
    theirs = earned(outcome, (frame["spend"] > 400).to_numpy())
    assert told.gain.value == pytest.approx(earned(outcome, offers) - theirs)


def test_a_release_that_said_nothing_of_some_has_no_figure() -> None:
    case, (log, frame, _) = use_case(), world(6)
    logged, rules = logged_decisions(case, log, frame, None), np.zeros(N, dtype=int)
    silent = np.where(np.arange(N) == 7, -1, 0)
    told = list(legacy_money_figures(case, log, frame, logged, rules, {"a": rules, "b": silent}))
    assert {one.release_id for one in told} == {None, "a"}
    (value,) = [one.estimate.value for one in told if one.monitor == "value_rules"]
    assert value == pytest.approx(1.0)  # waiting is worth 1, whatever was done
