"""The simulated customer base: draws repeat, its truth is what the scenarios say, and the loop can use it."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from decisionloop.contract import load_use_case
from decisionloop.contract.code import load_code
from decisionloop.errors import UsageError
from decisionloop.observe.performance import auc
from decisionloop.predict.features import build_frame
from decisionloop.predict.rules import apply_rules
from decisionloop.sources import open_source
from decisionloop.sources.checking import check_use_case

FOLDER = load_use_case(Path(__file__).parents[2] / "usecases" / "retention_offer")
USE_CASE, CODE = FOLDER.use_case, load_code(FOLDER)
CHANGE = 26
SCENARIOS = (
    "stationary",
    "seasonal",
    "covariate_shift",
    "prior_shift",
    "concept_drift",
    "nan_fill",
    "vanished_category",
    "unit_change",
    "late_labels",
    "label_holes",
    "offer_fatigue",
    "emerging_bias",
    "slow_drift",
)
NEVER_EARLY = [name for name in SCENARIOS if name != "seasonal"]


def source_of(scenario: str = "stationary", **options: int):  # type: ignore[no-untyped-def]  # of the use case's own type
    return open_source(FOLDER, {"scenario": scenario, **options})


def world_of(scenario: str = "stationary", **options: int):  # type: ignore[no-untyped-def]
    return source_of(scenario, **options).theirs.world


def world_package() -> ModuleType:
    """The use case's package `world`, under its private name."""
    return sys.modules[type(world_of()).__module__.rpartition(".")[0]]


def frame_of(source, as_of: pd.Timestamp) -> pd.DataFrame:  # type: ignore[no-untyped-def]
    entities = source.due(as_of, 7)
    return build_frame(USE_CASE, CODE.features, source.known(entities, as_of), entities, as_of, source.time_column)


def outcomes_of(world, week: int, action: int = 0, had_offer: bool = False) -> pd.DataFrame:  # type: ignore[no-untyped-def]
    number = world.due(week)
    return pd.DataFrame(vars(world.outcomes(number, week, np.full(len(number), action), had_offer)))


def test_the_use_case_checks_without_a_finding() -> None:
    report = check_use_case(FOLDER.folder)
    assert report.findings == ()
    assert report.rows == 2_000


def test_any_accounts_can_be_asked_for_in_any_order() -> None:
    world, rng = world_of(), np.random.default_rng(1)
    number = world.due(30)
    some = rng.permutation(number)[:100]
    whole = world.records(number, 30).set_index(pd.Index(number))
    pd.testing.assert_frame_equal(world.records(some, 30), whole.loc[some].reset_index(drop=True))
    seen = vars(world.outcomes(number, 30, np.ones(len(number), dtype=int)))
    part = vars(world.outcomes(some, 30, np.ones(100, dtype=int)))
    for name, values in part.items():
        np.testing.assert_array_equal(values, seen[name][np.searchsorted(number, some)], err_msg=name)


def test_equal_seeds_are_equal_worlds_and_others_are_not() -> None:
    first, again, other = (world_of(seed=seed).records(np.arange(50), 3) for seed in (5, 5, 6))
    pd.testing.assert_frame_equal(first, again)
    assert not first["monthly_spend"].equals(other["monthly_spend"])


def test_every_account_is_due_in_every_fourth_week() -> None:
    source = source_of()
    weeks = [source.due(as_of, 7)["customer_id"] for as_of in source.calendar()[:8]]
    assert pd.concat(weeks[:4]).is_unique
    assert len(pd.concat(weeks[:4])) == 8_000
    assert weeks[0].equals(weeks[4])
    assert len(source.calendar()) == 52


@pytest.mark.parametrize("scenario", NEVER_EARLY)
def test_nothing_differs_before_the_change(scenario: str) -> None:
    world, usual = world_of(scenario), world_of()
    for week in (0, CHANGE - 1):
        number = usual.due(week)
        pd.testing.assert_frame_equal(world.records(number, week), usual.records(number, week))
        pd.testing.assert_frame_equal(outcomes_of(world, week, 1), outcomes_of(usual, week, 1))


def differing(scenario: str, week: int) -> set[str]:
    """What is recorded otherwise than in the stationary world of the same seed."""
    number = world_of().due(week)
    mine, usual = (world_of(name).records(number, week) for name in (scenario, "stationary"))
    return {name for name in usual if not mine[name].equals(usual[name])}


def revealing_otherwise(scenario: str, week: int, had_offer: bool = False) -> set[str]:
    """What of the outcomes of an offer differs."""
    mine, usual = (outcomes_of(world_of(name), week, 1, had_offer) for name in (scenario, "stationary"))
    return {name for name in usual if not mine[name].equals(usual[name])}


@pytest.mark.parametrize(
    ("scenario", "records", "outcomes"),
    [
        ("nan_fill", {"logins_28d"}, set()),
        ("vanished_category", {"plan"}, set()),
        ("unit_change", {"monthly_spend"}, set()),
        ("emerging_bias", {"logins_28d"}, set()),
        ("concept_drift", set(), {"kept", "spend", "delay_days", "is_recorded"} - {"is_recorded"}),
        ("late_labels", set(), {"delay_days"}),
        ("label_holes", set(), {"is_recorded"}),
    ],
)
def test_each_scenario_changes_what_it_says_and_nothing_else(
    scenario: str, records: set[str], outcomes: set[str]
) -> None:
    assert differing(scenario, CHANGE) == records
    assert revealing_otherwise(scenario, CHANGE) == outcomes


def test_covariates_and_priors_move_what_customers_are() -> None:
    assert {"monthly_spend", "channel", "age"} <= differing("covariate_shift", CHANGE)
    assert {"logins_28d", "tickets_90d"} <= differing("prior_shift", CHANGE)
    assert not {"channel", "age", "sex", "region"} & differing("prior_shift", CHANGE)
    assert differing("slow_drift", CHANGE) >= {"monthly_spend", "logins_28d"}


@pytest.mark.parametrize("scenario", ["nan_fill", "vanished_category", "unit_change"])
def test_a_fault_of_the_data_is_mended_after_three_weeks(scenario: str) -> None:
    assert differing(scenario, CHANGE + 2)
    assert not differing(scenario, CHANGE + 3)


def test_fatigue_depends_on_the_offer_before() -> None:
    assert not revealing_otherwise("offer_fatigue", CHANGE, had_offer=False)
    fresh, tired = (outcomes_of(world_of("offer_fatigue"), CHANGE, 1, had)["kept"].mean() for had in (False, True))
    assert fresh - tired > 0.1


def test_the_source_knows_the_offer_before_from_the_decisions() -> None:
    source = source_of("offer_fatigue", change_week=4)
    weeks, action = np.array([0, 4, 8, 12]), np.array([1, 2, 0, 1])
    told = sys.modules[type(source.theirs).__module__].had_offer
    assert told(np.zeros(4, dtype=int), weeks, action, 4).tolist() == [False, False, True, False]
    assert told(np.arange(4), weeks, action, 0).tolist() == [False] * 4  # four accounts, nothing before
    shuffled = [2, 0, 3, 1]
    assert told(np.zeros(4, dtype=int), weeks[shuffled], action[shuffled], 4).tolist() == [True, False, False, False]


def test_with_fatigue_an_outcome_stays_what_it_was_when_it_is_shown_again() -> None:
    source = source_of("offer_fatigue", change_week=0, accounts=400)
    decided = pd.concat(
        [
            pd.DataFrame({"entity_id": source.due(as_of, 7)["customer_id"], "as_of": as_of, "action": "offer_20"})
            for as_of in source.calendar()[:13]
        ],
        ignore_index=True,
    )
    decided["decision_id"] = decided["entity_id"] + "@" + decided["as_of"].astype("str")
    shown = []
    for as_of in source.calendar()[4:13]:
        known = decided[decided["as_of"] <= as_of]  # as the loop asks: of everything that was decided
        shown.append(source.outcomes(as_of, known))
    whole = pd.concat(shown).drop_duplicates(["decision_id", "outcome_class", "amount", "observed_at"])
    assert whole["decision_id"].is_unique
    matured = decided[decided["as_of"] <= source.calendar()[8]]
    assert matured["decision_id"].isin(whole["decision_id"]).mean() > 0.97


def test_an_outcome_is_shown_when_it_is_seen_and_matures_in_four_weeks() -> None:
    source = source_of()
    as_of = source.calendar()[0]
    ids = source.due(as_of, 7)["customer_id"]
    decided = pd.DataFrame({"decision_id": ids + "@0", "entity_id": ids, "as_of": as_of, "action": "offer_10"})
    shares = [len(source.outcomes(as_of + pd.Timedelta(days=days), decided)) / len(ids) for days in (6, 14, 21, 28, 56)]
    assert shares[0] == 0
    assert 0.1 < shares[1] < shares[2] < shares[3]
    assert shares[3] == shares[4] == pytest.approx(0.99, abs=0.01)
    assert source.outcomes(as_of, decided.iloc[:0]).empty


def test_outcomes_come_with_the_probability_that_the_world_declares() -> None:
    world, package = world_of(accounts=80_000), world_package()
    number = world.due(5)
    customers = world.customers(number, 5)
    for action in range(3):
        chance = sys.modules[f"{package.__name__}.response"].kept_probability(customers, package.USUAL)[:, action]
        kept = outcomes_of(world, 5, action)["kept"].to_numpy()
        assert kept.mean() == pytest.approx(chance.mean(), abs=4 * np.sqrt(0.25 / len(number)))
        fifths = np.digitize(chance, np.quantile(chance, [0.2, 0.4, 0.6, 0.8]))
        for fifth in range(5):
            rows = fifths == fifth
            assert kept[rows].mean() == pytest.approx(chance[rows].mean(), abs=4 * np.sqrt(0.25 / rows.sum()))
        assert 0.7 < auc(kept, chance).value < 0.95


def test_some_can_be_won_some_are_sure_some_are_lost_and_some_are_annoyed() -> None:
    world, package = world_of(accounts=40_000), world_package()
    customers = world.customers(np.arange(40_000), 5)
    chance = sys.modules[f"{package.__name__}.response"].kept_probability(customers, package.USUAL)
    gain = chance[:, 1] - chance[:, 0]
    lost, dormant, sure = customers.tickets >= 3, customers.logins < 0.25, customers.logins > 6
    winnable = ~lost & (customers.logins > 0.75) & (customers.logins < 2.5)
    assert gain[winnable].mean() > 0.12
    assert abs(gain[sure & ~lost].mean()) < 0.03
    assert 0 < gain[lost & ~dormant].mean() < 0.05
    assert gain[dormant].max() < 0
    best = np.bincount(package.expected_money(USE_CASE, customers, package.USUAL).argmax(axis=1), minlength=3)
    assert (best / best.sum() > 0.1).all()  # every action is the best one for somebody


def test_a_model_can_earn_more_than_the_rules_and_they_more_than_nothing() -> None:
    source, package = source_of(), world_package()
    as_of, world = source.calendar()[3], source.theirs.world
    frame = frame_of(source, as_of)
    rules, reasons = apply_rules(USE_CASE, CODE, frame)
    money = package.expected_money(USE_CASE, world.customers(world.due(3), 3), package.USUAL)
    by_rules, at_best, never = money[np.arange(len(frame)), rules].mean(), money.max(axis=1).mean(), money[:, 0].mean()
    assert never < by_rules < at_best - 5
    assert len(set(reasons)) == 4


def test_no_group_is_disfavoured_before_anything_is_uncounted() -> None:
    world, package = world_of("emerging_bias", accounts=40_000), world_package()

    def favoured(week: int) -> tuple[float, float]:
        number = world.due(week)
        customers = world.customers(number, week)
        is_offer = package.best_action(USE_CASE, customers, world.records(number, week)) > 0
        return is_offer[customers.age >= 60].mean(), is_offer[customers.age < 60].mean()

    older, younger = favoured(CHANGE - 2)
    assert older > 0.9 * younger
    older, younger = favoured(CHANGE + 6)
    assert older < 0.6 * younger


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_true_changes_are_told_with_their_money(scenario: str) -> None:
    source = source_of(scenario, accounts=4_000)
    changes = source.true_changes()
    if scenario in {"stationary", "seasonal"}:
        assert changes == ()
        return
    (change,) = changes
    assert change.at == source.calendar()[CHANGE]
    assert change.families
    money = change.money_per_decision
    assert money == 0 if scenario in {"late_labels", "label_holes"} else money > 0
    if scenario in {"concept_drift", "prior_shift", "slow_drift"}:
        assert money > 10


def test_true_money_is_that_of_the_same_customers_in_both_worlds() -> None:
    world, package = world_of("concept_drift", accounts=2_000), world_package()
    whole = package.money_of_change(USE_CASE, world)
    assert package.money_of_change(USE_CASE, replace(world, scenario=package.SCENARIOS["stationary"])) == 0
    assert whole > 0


def test_the_season_stays_below_what_counts_as_a_change() -> None:
    world, package = world_of("seasonal", accounts=40_000), world_package()
    response = sys.modules[f"{package.__name__}.response"]
    kept = [
        response.kept_probability(world.customers(world.due(week), week), world.conditions(week))[:, 0].mean()
        for week in range(13)
    ]
    assert 0.005 < max(kept) - min(kept) < USE_CASE.monitors.maximum_calibration_gap


@pytest.mark.parametrize(
    ("options", "told"),
    [({"scenario": "nonsense"}, "There are: stationary"), ({"accounts": 2}, "2 accounts")],
)
def test_options_that_cannot_be_are_refused(options: dict[str, str | int], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        open_source(FOLDER, options)
