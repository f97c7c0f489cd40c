"""Off-policy value where the truth is known: loans, 80/20 rules, 5 % exploration, losses of 15 margins."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import ndtr

from decisionloop.act.exploration.support import PROPENSITY_FLOOR
from decisionloop.errors import UsageError
from decisionloop.learn.gate import GateEvidence, GateRules, judge
from decisionloop.learn.serving import LatencyEvidence
from decisionloop.observe.estimate import Estimate
from decisionloop.observe.logged_decisions import LoggedDecisions
from decisionloop.observe.off_policy import (
    Estimator,
    difference,
    importance_weights,
    one_hot,
    policy_value,
    selection_weights,
)
from decisionloop.observe.overlap import judge_overlap

MARGIN, LOSS, EXPLORATION = 0.03, 0.45, 0.05
ESTIMATORS: tuple[Estimator, ...] = ("dr", "ips", "snips")


QUICK = LatencyEvidence(0.00001, None)


@dataclass(frozen=True)
class LoanWorld:
    """Risk z ~ N(0, 1) turns bad with logistic(1.6 z - 2.6); the increment is lognormal with mean 1,000.

    The rules lend where a noisy view of z is below ``rules_cut``, the challenger where its own is below its cut.
    """

    n: int
    rules_cut: float = 0.94
    challenger_cut: float = 0.94
    challenger_noise: float = 0.25
    decisions_per_entity: int = 1
    missing_share: float = 0.0

    def true_value(self, cut: float, noise: float) -> float:
        """Value per decision of lending below ``cut``, by quadrature."""
        z = np.linspace(-8, 8, 8001)
        density = np.exp(-z * z / 2) / np.exp(-z * z / 2).sum()
        bad = 1 / (1 + np.exp(2.6 - 1.6 * z))
        return float(density @ (ndtr((cut - z) / noise) * 1000 * (MARGIN - (MARGIN + LOSS) * bad)))

    @property
    def rules_value(self) -> float:
        return self.true_value(self.rules_cut, 0.5)

    @property
    def challenger_value(self) -> float:
        return self.true_value(self.challenger_cut, self.challenger_noise)

    def log(self, rng: np.random.Generator) -> tuple[LoggedDecisions, NDArray, NDArray]:
        """One log of the rules with exploration, and the probabilities of the challenger and of the rules."""
        n, k = self.n, self.decisions_per_entity
        entity = np.arange(n) // k
        z = rng.normal(size=n // k)[entity]
        luck = np.where(rng.random(n) < 0.5, rng.random(n // k)[entity], rng.random(n))  # bad luck is shared
        is_bad = luck < 1 / (1 + np.exp(2.6 - 1.6 * z))
        increment = 1000 * np.exp(rng.normal(-0.18, 0.6, n))
        rules = (z + 0.5 * rng.normal(size=n) < self.rules_cut).astype(int)
        challenger = (z + self.challenger_noise * rng.normal(size=n) < self.challenger_cut).astype(int)
        is_explored = rng.random(n) < EXPLORATION
        action = np.where(is_explored, 1 - rules, rules)
        reward = np.where(action == 1, np.where(is_bad, -LOSS, MARGIN) * increment, 0.0)
        reward[(rng.random(n) < self.missing_share) & (action == 1)] = np.nan
        believed = 1 / (1 + np.exp(2.3 - 1.2 * z))  # the reward model is wrong, as models are
        logged = LoggedDecisions(
            action=action,
            propensity=np.where(is_explored, EXPLORATION, 1 - EXPLORATION),
            reward=reward,
            expected_values=np.column_stack([np.zeros(n), increment * (MARGIN - (MARGIN + LOSS) * believed)]),
            is_exact=np.array([True, False]),
            entity=entity,
        )
        return logged, one_hot(challenger, 2), one_hot(rules, 2)


@dataclass(frozen=True)
class Simulated:
    """Estimates of the difference by estimator, of the challenger's value, and the naive ones; truth beside."""

    differences: dict[str, list[Estimate]]
    values: list[Estimate]
    naive: list[float]
    true_difference: float
    true_value: float


def simulate(world: LoanWorld, logs: int, seed: int) -> Simulated:
    rng = np.random.default_rng(seed)
    result = Simulated(
        {name: [] for name in ESTIMATORS},
        [],
        [],
        world.challenger_value - world.rules_value,
        world.challenger_value,
    )
    for _ in range(logs):
        logged, challenger, rules = world.log(rng)
        for name in ESTIMATORS:
            result.differences[name].append(difference(logged, challenger, rules, name).money)
        result.values.append(policy_value(logged, challenger).money)
        lent = (logged.action == 1) & (challenger[:, 1] == 1)
        result.naive.append(float(logged.reward[lent].mean() * challenger[:, 1].mean()))
    return result


@pytest.fixture(scope="module")
def loans() -> Simulated:
    return simulate(LoanWorld(10_000), logs=200, seed=11)


def coverage(estimates: list[Estimate], truth: float) -> float:
    return float(np.mean([e.low <= truth <= e.high for e in estimates]))


def bias_in_errors(values: list[float], truth: float) -> float:
    return float((np.mean(values) - truth) / (np.std(values) / np.sqrt(len(values))))


@pytest.mark.parametrize("name", ESTIMATORS)
def test_intervals_of_a_difference_cover_the_truth(loans: Simulated, name: str) -> None:
    assert coverage(loans.differences[name], loans.true_difference) >= 0.93


def test_intervals_of_a_value_cover_the_truth(loans: Simulated) -> None:
    assert coverage(loans.values, loans.true_value) >= 0.93


@pytest.mark.parametrize("name", ESTIMATORS)
def test_estimators_are_unbiased(loans: Simulated, name: str) -> None:
    values = [e.value for e in loans.differences[name]]
    assert abs(bias_in_errors(values, loans.true_difference)) < 3


def test_doubly_robust_varies_no_more_than_inverse_propensities(loans: Simulated) -> None:
    spread = {name: np.std([e.value for e in loans.differences[name]]) for name in ESTIMATORS}
    assert spread["dr"] <= spread["ips"]


def test_what_was_lent_to_says_too_much_for_the_rest(loans: Simulated) -> None:
    """The rules chose whom to lend to with a view of the risk: their clients are better than the challenger's."""
    assert bias_in_errors(loans.naive, loans.true_value) > 20
    assert abs(bias_in_errors([e.value for e in loans.values], loans.true_value)) < 3


@pytest.mark.exhaustive
def test_few_heavy_outcomes_are_covered_too() -> None:
    """3,000 decisions hold about ten explored losses that matter; the usual intervals cover 80 to 90 % here."""
    world = LoanWorld(3000, challenger_cut=1.2)
    few = simulate(world, logs=300, seed=12)
    assert coverage(few.differences["dr"], few.true_difference) >= 0.93


def test_entities_decided_again_and_outcomes_that_never_came_are_covered() -> None:
    world = LoanWorld(10_000, decisions_per_entity=5, missing_share=0.3)
    rng, estimates, missing = np.random.default_rng(13), [], []
    for _ in range(300):
        logged, challenger, rules = world.log(rng)
        result = difference(logged, challenger, rules)
        estimates.append(result.money)
        missing.append(result.overlap.missing_outcomes / (logged.action == 1).sum())
    truth = world.challenger_value - world.rules_value
    assert coverage(estimates, truth) >= 0.93
    assert abs(bias_in_errors([e.value for e in estimates], truth)) < 3
    assert np.mean(missing) == pytest.approx(0.3, abs=0.01)


def test_a_challenger_that_is_no_better_is_promoted_no_more_often_than_declared() -> None:
    """A/A: rules and challenger see the risk equally well, so the true difference is 0."""
    world = LoanWorld(15_000, challenger_noise=0.5)
    rules_of_gate = GateRules(currency="EUR", confidence=0.9, minimum_effective_n=50)
    rng, decisions = np.random.default_rng(14), []
    skilled = Estimate(0.8, 0.75, 0.85, 1000, 1000.0, 0.95)
    for _ in range(300):
        logged, challenger, rules = world.log(rng)
        told = difference(logged, challenger, rules, confidence=rules_of_gate.interval_confidence)
        error = Estimate(0.01, 0.0, 0.02, 1000, 1000.0, 0.95)
        evidence = GateEvidence(told.money, told.overlap, skilled, None, error, (), QUICK, True)
        decisions.append(judge(evidence, rules_of_gate).decision)
    assert decisions.count("insufficient") < 30
    assert decisions.count("promote") / 300 <= 0.1 + 2 * np.sqrt(0.1 * 0.9 / 300)


def test_a_much_better_challenger_is_found() -> None:
    world = LoanWorld(60_000, rules_cut=2.5, challenger_cut=0.6)
    logged, challenger, rules = world.log(np.random.default_rng(15))
    money = difference(logged, challenger, rules, confidence=0.8).money
    assert money.low > 0


@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from(["dr", "ips"]),
)
@settings(max_examples=40, deadline=None)
def test_the_average_over_everything_that_could_have_been_logged_is_exact(seed: int, name: Estimator) -> None:
    """Two decisions, three actions: each of the nine logs weighed by its chance: no simulation error."""
    rng = np.random.default_rng(seed)
    behaviour = 0.97 * rng.dirichlet(np.ones(3), 2) + 0.01  # below a thousandth an action is out of support
    policy = rng.dirichlet(np.ones(3), 2)
    rewards, believed = rng.normal(size=(2, 3)), rng.normal(size=(2, 3))
    believed[:, 0] = rewards[:, 0]
    average = 0.0
    for actions in product(range(3), repeat=2):
        taken = np.arange(2), np.array(actions)
        logged = LoggedDecisions(
            action=taken[1],
            propensity=behaviour[taken],
            reward=rewards[taken],
            expected_values=believed,
            is_exact=np.array([True, False, False]),
            entity=np.arange(2),
        )
        average += behaviour[taken].prod() * policy_value(logged, policy, name).money.value
    assert average == pytest.approx((policy * rewards).sum() / 2)


def small_log(rng: np.random.Generator, n: int = 4000) -> tuple[LoggedDecisions, NDArray, NDArray]:
    return LoanWorld(n, challenger_cut=1.2).log(rng)


def test_order_of_rows_and_names_of_entities_do_not_matter() -> None:
    logged, challenger, rules = small_log(np.random.default_rng(21))
    order = np.random.default_rng(22).permutation(len(logged))
    first = difference(logged, challenger, rules)
    shuffled = replace(logged.subset(order), entity=logged.entity[order] * 7 + 3)
    second = difference(shuffled, challenger[order], rules[order])
    assert (second.money.value, second.money.low) == pytest.approx((first.money.value, first.money.low))
    assert second.overlap.effective_n == pytest.approx(first.overlap.effective_n)


def test_difference_is_antisymmetric_and_matches_the_two_values() -> None:
    logged, challenger, rules = small_log(np.random.default_rng(23))
    there, back = (difference(logged, a, b).money for a, b in ((challenger, rules), (rules, challenger)))
    assert (back.value, back.low, back.high) == pytest.approx((-there.value, -there.high, -there.low))
    apart = policy_value(logged, challenger).money.value - policy_value(logged, rules).money.value
    assert there.value == pytest.approx(apart)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_log_written_three_times_says_no_more(name: Estimator) -> None:
    logged, challenger, rules = small_log(np.random.default_rng(20))
    thrice = np.tile(np.arange(len(logged)), 3)
    once = difference(logged, challenger, rules, name)
    again = difference(logged.subset(thrice), challenger[thrice], rules[thrice], name)
    assert (again.money.low, again.money.high) == pytest.approx((once.money.low, once.money.high))
    assert again.overlap.effective_n == pytest.approx(once.overlap.effective_n)
    assert again.overlap.largest_weight_share == pytest.approx(once.overlap.largest_weight_share)


def test_policies_that_never_differ_differ_by_exactly_nothing() -> None:
    logged, _, rules = small_log(np.random.default_rng(24))
    result = difference(logged, rules, rules)
    assert (result.money.value, result.money.low, result.money.high) == (0.0, 0.0, 0.0)
    assert judge_overlap(result.overlap).is_sufficient


def test_exactly_known_actions_need_no_exploration() -> None:
    """Holding everybody earns nothing; the log needs no holding to know it."""
    logged, _, rules = small_log(np.random.default_rng(25))
    greedy = replace(logged, action=rules.argmax(axis=1), propensity=np.ones(len(logged)))
    greedy = replace(greedy, reward=np.where(greedy.action == 1, 1.0, 0.0))
    hold = one_hot(np.zeros(len(logged), dtype=int), 2)
    result = policy_value(greedy, hold)
    assert result.money.value == 0.0
    assert judge_overlap(result.overlap).is_sufficient
    assert result.overlap.unsupported_share == 0.0


def test_what_was_never_tried_cannot_be_told() -> None:
    logged, challenger, rules = small_log(np.random.default_rng(26))
    never = replace(logged, action=rules.argmax(axis=1), propensity=np.ones(len(logged)))
    result = difference(never, challenger, rules)
    told = judge_overlap(result.overlap)
    assert not told.is_sufficient
    assert "never tried" in told.reason
    assert result.overlap.unsupported_share > 0.5
    unknown = replace(logged, propensity=np.full(len(logged), np.nan))
    assert difference(unknown, challenger, rules).overlap.unsupported_share == 1.0


def test_what_was_drawn_with_a_chance_below_the_floor_is_no_evidence_and_that_is_said() -> None:
    logged, challenger, rules = small_log(np.random.default_rng(26))
    is_rare = logged.propensity < 0.5
    rare = replace(logged, propensity=np.where(is_rare, PROPENSITY_FLOOR / 2, logged.propensity))
    assert (importance_weights(rare, challenger - rules)[is_rare] == 0).all()
    told = judge_overlap(difference(rare, challenger, rules).overlap)
    assert not told.is_sufficient
    assert "with a chance below 0.1%" in told.reason


def test_a_forbidden_action_is_unsupported_where_the_log_says_so() -> None:
    logged, challenger, rules = small_log(np.random.default_rng(27))
    possible = np.ones((len(logged), 2), dtype=bool)
    possible[:, 1] = rules[:, 1] == 1
    result = difference(replace(logged, is_possible=possible), challenger, rules)
    assert result.overlap.unsupported_share > 0.3


def test_too_few_outcomes_and_wrong_propensities_are_noticed() -> None:
    logged, challenger, rules = small_log(np.random.default_rng(28), 20_000)
    few = logged.subset(np.arange(600))
    told = judge_overlap(difference(few, challenger[:600], rules[:600]).overlap)
    assert not told.is_sufficient
    assert "wait for more, or decide or explore more" in told.reason
    wrong = replace(logged, propensity=np.where(logged.propensity < 0.5, 0.25, 0.75))
    told = judge_overlap(difference(wrong, challenger, rules).overlap)
    assert "propensities say" in told.reason
    honest = judge_overlap(difference(logged, challenger, rules).overlap)
    assert "propensities say" not in honest.reason


def test_one_heavy_entity_is_noticed() -> None:
    logged, challenger, rules = small_log(np.random.default_rng(29), 20_000)
    one = replace(logged, entity=np.where(np.arange(20_000) < 4000, 0, logged.entity))
    assert "a single entity" in judge_overlap(difference(one, challenger, rules).overlap).reason


def test_outcomes_that_all_went_missing_leave_nothing_to_say() -> None:
    logged, challenger, rules = small_log(np.random.default_rng(30))
    gone = replace(logged, reward=np.full(len(logged), np.nan))
    result = difference(gone, challenger, rules)
    assert result.overlap.effective_n == 0
    assert not judge_overlap(result.overlap).is_sufficient
    nobody = policy_value(gone.subset(np.arange(0)), challenger[:0])
    assert nobody.money.reason == "there are no decisions"


def test_a_model_without_an_opinion_leaves_inverse_propensities() -> None:
    logged, challenger, rules = small_log(np.random.default_rng(31))
    silent = logged.expected_values.copy()
    silent[:, 1] = np.nan
    mute = replace(logged, expected_values=silent)
    dr, ips = (difference(mute, challenger, rules, name).money for name in ("dr", "ips"))
    assert dr.value == pytest.approx(ips.value)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"action": np.zeros(3, dtype=int)}, "shape"),
        ({"action": np.full(4000, 2)}, "action"),
        ({"propensity": np.full(4000, 1.5)}, "propensity"),
        ({"is_exact": np.array([True])}, "is_exact"),
    ],
)
def test_a_log_that_cannot_be_is_refused(change: dict[str, NDArray], word: str) -> None:
    logged, _, _ = small_log(np.random.default_rng(32))
    with pytest.raises(UsageError, match=word):
        replace(logged, **change)


def test_a_policy_must_be_a_distribution() -> None:
    logged, challenger, _ = small_log(np.random.default_rng(33))
    with pytest.raises(UsageError, match="sum to 1"):
        policy_value(logged, challenger * 0.5)
    with pytest.raises(UsageError, match="shape"):
        policy_value(logged, challenger[:, :1])


def test_selection_weights_restore_the_population_and_state_their_truncation() -> None:
    rng = np.random.default_rng(34)
    x = rng.normal(size=50_000)
    p = np.where(x > 0.8, 0.05, 0.95)
    seen = rng.random(50_000) < p
    weights = selection_weights(p[seen], cap=50)
    assert weights.weights.mean() == pytest.approx(1.0)
    assert np.average(x[seen], weights=weights.weights) == pytest.approx(0.0, abs=0.05)
    assert x[seen].mean() < -0.2
    assert (weights.truncated_n, weights.truncated_share) == (0, 0.0)
    assert weights.effective_n < seen.sum() / 2
    capped = selection_weights(p[seen], cap=10)
    assert capped.truncated_n == (p[seen] == 0.05).sum()
    assert capped.truncated_share == pytest.approx(1 - np.minimum(1 / p[seen], 10).sum() / (1 / p[seen]).sum())
    assert capped.weights.max() / capped.weights.min() == pytest.approx(10 * 0.95)
    assert capped.effective_n > weights.effective_n


def test_selection_weights_refuse_the_impossible() -> None:
    with pytest.raises(UsageError, match="2 revealed rows"):
        selection_weights([0.5, 0.0, np.nan], cap=20)
    with pytest.raises(UsageError, match="cap"):
        selection_weights([0.5], cap=0.5)
    assert selection_weights([], cap=20).effective_n == 0.0
