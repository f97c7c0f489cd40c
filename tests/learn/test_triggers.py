"""When to retrain: who asks, what makes it wait, what refuses it, and each answer with its reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisionloop.errors import UsageError
from decisionloop.learn.trigger_state import IncidentEvidence, TriggerRules, TriggerState
from decisionloop.learn.triggers import CALLS_FOR_TRAINING, decide_retraining
from decisionloop.monitor.alarm.budget import FAMILIES
from decisionloop.observe.estimate import Estimate, cannot_say

AS_OF = datetime(2005, 8, 1, tzinfo=UTC)
RULES = TriggerRules(
    minimum_outcomes=5000,
    minimum_events=200,
    maximum_auc_drop=0.05,
    interval_days=91,
    cooldown_days=28,
    maximum_calibration_gap=0.03,
    retraining_cost=5000,
)
SERVING = TriggerState(
    as_of=AS_OF,
    mature_outcomes=20_000,
    mature_events=900,
    new_outcomes=9000,
    has_model=True,
    last_trained_at=AS_OF - timedelta(days=41),
    champion_auc=Estimate(0.87, 0.85, 0.89, 5000, 900.0, 0.95),
    reference_auc=0.88,
    calibration_gap=Estimate(0.01, -0.01, 0.03, 5000, 900.0, 0.95),
    auc_cohort="2005-06",
    is_cohort_mature=True,
    outcomes_since_cohort=5000,
    decisions_per_day=100.0,
)
FIRST = replace(SERVING, has_model=False, last_trained_at=None, champion_auc=None, reference_auc=None)
UNSURE = replace(SERVING, champion_auc=Estimate(0.78, 0.75, 0.81, 5000, 900.0, 0.95))
DECAYED = replace(UNSURE, auc_bound=0.82)
OFF = replace(SERVING, calibration_gap=Estimate(0.06, 0.04, 0.08, 5000, 900.0, 0.95), calibration_bound=0.035)
SCHEDULED = replace(SERVING, last_trained_at=AS_OF - timedelta(days=91))
TIRED = timedelta(days=27)
# In the 50 days until the next schedule 5,000 decisions are taken, so 1 a decision at stake is what retraining costs.
DRIFT = IncidentEvidence("inputs", AS_OF - timedelta(days=60), 5000, 1.0, "Debt has moved.")


def with_incidents(state: TriggerState, *incidents: IncidentEvidence) -> TriggerState:
    return replace(state, incidents=incidents)


def drifted(**changes: object) -> TriggerState:
    return with_incidents(SERVING, replace(DRIFT, **changes))


@pytest.mark.parametrize(
    ("state", "verdict", "trigger", "words"),
    [
        # the first model
        (FIRST, "retrain", "first_model", "20,000 mature outcomes are enough for the first"),
        (replace(FIRST, mature_outcomes=4999), "wait", "first_model", "Only 4,999 outcomes have matured"),
        (replace(FIRST, mature_events=199), "wait", "first_model", "199 mature outcomes are of the rarer class"),
        (replace(FIRST, last_trained_at=AS_OF - timedelta(days=7)), "wait", "first_model", "21.0 days of cooldown"),
        # nobody asks
        (SERVING, "wait", "none", "has not surely decayed. AUC of 2005-06 is 0.870"),
        (replace(SERVING, champion_auc=Estimate(0.80, 0.72, 0.86, 90, 60.0, 0.95)), "wait", "none", "not surely"),
        # its interval at 95 % is below what is allowed, but no alarm of the budget is sure of it
        (UNSURE, "wait", "none", "has not surely decayed. AUC of 2005-06 is 0.780 (0.750 to 0.810)"),
        (replace(OFF, calibration_bound=None), "wait", "none", "has not surely decayed"),
        (replace(SERVING, champion_auc=cannot_say("only one class", 3, 0.95)), "wait", "none", "only one class"),
        (replace(SERVING, champion_auc=None), "wait", "none", "No model decides"),
        # the schedule
        (SCHEDULED, "retrain", "schedule", "91 days"),
        (replace(SCHEDULED, new_outcomes=0), "wait", "none", "No outcome has"),
        # much more is known than at the last training
        (replace(SERVING, new_outcomes=10_000), "retrain", "more_outcomes", "10,000 of the 20,000 outcomes"),
        (replace(SERVING, new_outcomes=9_999), "wait", "none", "not surely"),
        (replace(SERVING, new_outcomes=10_000, last_trained_at=AS_OF - TIRED), "wait", "more_outcomes", "cooldown"),
        (
            replace(drifted(outcomes_since=10), new_outcomes=10_000),
            "wait",
            "drift",
            "learns the old world",
        ),
        # the champion's own record
        (
            DECAYED,
            "retrain",
            "auc_decay",
            "(surely at most 0.820); at release it was 0.880, and 0.830 is the least allowed",
        ),
        (replace(DECAYED, last_trained_at=AS_OF - TIRED), "wait", "auc_decay", "cooldown are left. It was asked for"),
        (replace(DECAYED, is_cohort_mature=False), "wait", "none", "not mature"),
        (replace(DECAYED, outcomes_since_cohort=900), "wait", "auc_decay", "900 have matured and 5,000 are needed"),
        (replace(DECAYED, mature_outcomes=100), "wait", "auc_decay", "training needs 5,000"),
        (OFF, "retrain", "calibration", "differ by 0.060 (surely at least 0.035); 0.030 is the most allowed"),
        (replace(OFF, calibration_gap=cannot_say("no rows", 0, 0.95)), "wait", "none", "not surely"),
        # open incidents
        (drifted(), "retrain", "drift", "Open since 2005-06-02 (inputs): Debt has moved."),
        (drifted(family="outputs"), "retrain", "drift", "(outputs)"),
        (drifted(family="feedback"), "retrain", "drift", "(feedback)"),
        (drifted(family="value"), "retrain", "value_lost", "(value)"),
        (drifted(family="performance"), "retrain", "auc_decay", "(performance)"),
        (drifted(family="impact"), "wait", "none", "not surely"),
        (drifted(family="skew"), "wait", "none", "not surely"),
        (drifted(stake=None), "retrain", "drift", "Debt has moved."),
        # labels of the changed world
        (drifted(outcomes_since=0), "wait", "drift", "0 have matured and 5,000 are needed"),
        (drifted(outcomes_since=4999), "wait", "drift", "learns the old world"),
        (replace(drifted(), new_outcomes=4999), "wait", "drift", "no training has seen, 4,999 have matured"),
        # what it costs
        (drifted(stake=0.99), "refuse", "drift", "4,950 in the 50 days until the next schedule"),
        (drifted(stake=0.0), "refuse", "drift", "a retraining costs 5,000"),
        # labels are missing: their cohorts do not count, and the others teach
        (with_incidents(SCHEDULED, replace(DRIFT, family="labels")), "retrain", "schedule", "91 days"),
        (with_incidents(FIRST, replace(DRIFT, family="labels")), "retrain", "first_model", "20,000 mature outcomes"),
        (replace(FIRST, mature_outcomes=9, cohorts_held_back=2), "wait", "first_model", "2 cohorts are held back"),
        (replace(FIRST, mature_events=9, cohorts_held_back=2), "wait", "first_model", "2 cohorts are held back"),
        (drifted(family="labels"), "wait", "none", "not surely"),
    ],
)
def test_triggers(state: TriggerState, verdict: str, trigger: str, words: str) -> None:
    decision = decide_retraining(state, RULES)
    assert (decision.verdict, decision.trigger) == (verdict, trigger)
    assert decision.is_triggered == (verdict == "retrain")
    assert words in decision.reason


def test_who_may_not_yet_learn_does_not_keep_another_from_it() -> None:
    recent = replace(DRIFT, outcomes_since=10)
    decision = decide_retraining(with_incidents(SERVING, recent, replace(DRIFT, family="value")), RULES)
    assert (decision.verdict, decision.trigger) == ("retrain", "value_lost")


def test_the_schedule_waits_for_the_outcomes_of_a_changed_world_but_not_for_money() -> None:
    waiting = decide_retraining(with_incidents(SCHEDULED, replace(DRIFT, outcomes_since=10)), RULES)
    assert (waiting.verdict, waiting.trigger) == ("wait", "drift")
    cheap = decide_retraining(with_incidents(SCHEDULED, replace(DRIFT, stake=0.0)), RULES)
    assert (cheap.verdict, cheap.trigger) == ("retrain", "schedule")


def test_an_open_incident_of_performance_speaks_for_the_measured_decay() -> None:
    incident = replace(DRIFT, family="performance", outcomes_since=10)
    assert decide_retraining(DECAYED, RULES).verdict == "retrain"
    assert decide_retraining(with_incidents(DECAYED, incident), RULES).verdict == "wait"


def test_without_a_schedule_a_loss_is_taken_to_last_a_year() -> None:
    old = replace(SERVING, last_trained_at=AS_OF - timedelta(days=900))
    unscheduled = replace(RULES, interval_days=None)
    assert "No schedule is set." in decide_retraining(old, unscheduled).reason
    for stake, verdict in ((5000 / 36_500, "retrain"), (4999 / 36_500, "refuse")):
        incident = replace(DRIFT, stake=stake)
        assert decide_retraining(with_incidents(old, incident), unscheduled).verdict == verdict


def test_an_event_asks_first_and_under_its_own_name() -> None:
    incidents = (replace(DRIFT, family="performance"), DRIFT)
    brought = replace(with_incidents(SERVING, *incidents), event="decisionloop.drift.detected", event_family="inputs")
    decision = decide_retraining(brought, RULES)
    assert (decision.verdict, decision.trigger) == ("retrain", "event")
    assert decision.reason.startswith("decisionloop.drift.detected. Open since 2005-06-02 (inputs)")
    closed = replace(brought, incidents=())
    assert decide_retraining(closed, RULES).trigger == "none"


INSISTS = {"is_forced": True, "request": "The new product is out."}


@pytest.mark.parametrize(
    "state",
    [
        SERVING,
        replace(SERVING, last_trained_at=AS_OF),
        replace(SERVING, new_outcomes=0),
        drifted(outcomes_since=0),
        drifted(stake=0.0),
        drifted(family="labels"),
        FIRST,
    ],
)
def test_a_person_who_insists_is_obeyed(state: TriggerState) -> None:
    decision = decide_retraining(replace(state, **INSISTS), RULES)
    assert (decision.verdict, decision.trigger) == ("retrain", "manual")
    assert "The new product is out." in decision.reason


@pytest.mark.parametrize("short", [{"mature_outcomes": 4999}, {"mature_events": 199}])
def test_nobody_can_insist_on_learning_from_too_few_outcomes(short: dict[str, int]) -> None:
    decision = decide_retraining(replace(SERVING, **INSISTS, **short), RULES)
    assert (decision.verdict, decision.trigger) == ("refuse", "manual")
    assert "Only" in decision.reason


def test_whoever_insists_says_why() -> None:
    with pytest.raises(UsageError, match="Say why"):
        decide_retraining(replace(SERVING, is_forced=True, request="  "), RULES)


def test_a_reason_alone_overrides_nothing() -> None:
    assert decide_retraining(replace(SERVING, request="I would like to."), RULES).verdict == "wait"


@pytest.mark.parametrize(
    "naive",
    [
        replace(SERVING, as_of=datetime(2005, 8, 1)),
        replace(SERVING, last_trained_at=datetime(2005, 6, 1)),
        drifted(since=datetime(2005, 6, 1)),
    ],
)
def test_times_need_a_zone(naive: TriggerState) -> None:
    with pytest.raises(UsageError, match="time zone"):
        decide_retraining(naive, RULES)


def test_labels_skew_and_adverse_impact_are_not_healed_by_training() -> None:
    assert set(FAMILIES) - set(CALLS_FOR_TRAINING) == {"labels", "skew", "impact"}


incidents = st.builds(
    IncidentEvidence,
    family=st.sampled_from(FAMILIES),
    since=st.integers(0, 200).map(lambda days: AS_OF - timedelta(days=days)),
    outcomes_since=st.integers(0, 10_000),
    stake=st.none() | st.floats(0, 3),
    words=st.just("It moved."),
)
states = st.builds(
    TriggerState,
    as_of=st.just(AS_OF),
    mature_outcomes=st.integers(3000, 20_000),
    mature_events=st.integers(150, 400),
    new_outcomes=st.integers(0, 10_000),
    has_model=st.booleans(),
    last_trained_at=st.none() | st.integers(0, 400).map(lambda days: AS_OF - timedelta(days=days)),
    champion_auc=st.none() | st.floats(0.5, 0.9).map(lambda a: Estimate(a, a - 0.05, a + 0.05, 99, 99.0, 0.95)),
    reference_auc=st.none() | st.floats(0.5, 0.9),
    auc_bound=st.none() | st.floats(0.4, 0.9),
    calibration_gap=st.none() | st.floats(0, 0.1).map(lambda g: Estimate(g, g / 2, g + 0.02, 99, 99.0, 0.95)),
    calibration_bound=st.none() | st.floats(0, 0.1),
    auc_cohort=st.just("2005-06"),
    is_cohort_mature=st.booleans(),
    outcomes_since_cohort=st.integers(0, 10_000),
    incidents=st.lists(incidents, max_size=3).map(tuple),
    decisions_per_day=st.floats(0, 1000),
    event=st.just("decisionloop.drift.detected"),
    event_family=st.none() | st.sampled_from(FAMILIES),
    request=st.just("Please."),
    is_forced=st.booleans(),
)
CHANGED_WORLD = ("auc_decay", "calibration", "drift", "value_lost", "event")


@given(states)
def test_no_training_on_immature_or_few_labels_nor_in_the_cooldown(state: TriggerState) -> None:
    decision = decide_retraining(state, RULES)
    assert decision.reason
    if not decision.is_triggered:
        return
    assert state.mature_outcomes >= RULES.minimum_outcomes
    assert state.mature_events >= RULES.minimum_events
    if decision.trigger == "manual":
        assert state.is_forced
        return
    assert not state.is_forced
    assert state.last_trained_at is None or AS_OF - state.last_trained_at >= timedelta(days=28)
    if decision.trigger in CHANGED_WORLD:
        told = [one.outcomes_since for one in state.incidents if one.family in CALLS_FOR_TRAINING]
        assert max([*told, state.outcomes_since_cohort]) >= RULES.minimum_outcomes
        assert state.new_outcomes >= RULES.minimum_outcomes


@given(states, st.integers(0, 2), st.floats(0, 3))
def test_more_at_stake_never_undoes_a_retraining(state: TriggerState, which: int, more: float) -> None:
    before = decide_retraining(state, RULES)
    raised = [
        replace(one, stake=one.stake + more) if place == which and one.stake is not None else one
        for place, one in enumerate(state.incidents)
    ]
    after = decide_retraining(replace(state, incidents=tuple(raised)), RULES)
    assert after.is_triggered >= before.is_triggered


@given(states, st.integers(0, 5000))
def test_more_mature_outcomes_never_undo_a_retraining_that_an_incident_asked_for(
    state: TriggerState, more: int
) -> None:
    before = decide_retraining(state, RULES)
    grown = tuple(replace(one, outcomes_since=one.outcomes_since + more) for one in state.incidents)
    known = replace(state, incidents=grown, new_outcomes=state.new_outcomes + more)
    if before.trigger in CHANGED_WORLD:
        assert decide_retraining(known, RULES).is_triggered >= before.is_triggered


@pytest.mark.parametrize(("new", "interval"), [(9000, 365.0), (9000, None), (0, 365.0)])
def test_who_waits_is_told_the_number_of_outcomes_that_ends_the_waiting(new, interval):
    rules = replace(RULES, interval_days=interval)
    nobody = replace(SERVING, new_outcomes=new, champion_auc=None, reference_auc=None)
    decision = decide_retraining(nobody, rules)
    enough = 2 * (nobody.mature_outcomes - new)
    assert decision.verdict == "wait"
    assert f"Whenever {enough:,} outcomes are known they ask too: 20,000 are now." in decision.reason
    known = replace(nobody, mature_outcomes=enough, new_outcomes=enough - (nobody.mature_outcomes - new))
    assert decide_retraining(known, rules).trigger == "more_outcomes"


def test_an_incident_that_a_training_has_learnt_from_asks_again_when_twice_as_much_is_known_of_its_world():
    """Of 12,000 outcomes since the change the last training saw 7,000: what it learnt is hardly any more now."""
    known = replace(drifted(outcomes_since=12_000), new_outcomes=5000)
    decision = decide_retraining(known, RULES)
    assert (decision.verdict, decision.trigger) == ("wait", "drift")
    assert (
        "has learnt from 7,000 outcomes since then: 14,000 are worth another, and 12,000 are known" in decision.reason
    )
    doubled = replace(drifted(outcomes_since=14_000), new_outcomes=7000)
    assert decide_retraining(doubled, RULES).is_triggered


def test_an_incident_that_was_learnt_from_keeps_no_schedule_waiting():
    learnt = replace(DRIFT, outcomes_since=12_000)
    decision = decide_retraining(with_incidents(replace(SCHEDULED, new_outcomes=5000), learnt), RULES)
    assert (decision.verdict, decision.trigger) == ("retrain", "schedule")


def test_a_contract_may_have_more_outcomes_ask_for_nothing():
    quiet = replace(RULES, growth=None)
    decision = decide_retraining(replace(SERVING, new_outcomes=15_000), quiet)
    assert (decision.verdict, decision.trigger) == ("wait", "none")
    assert "they ask too" not in decision.reason
    again = decide_retraining(replace(drifted(outcomes_since=12_000), new_outcomes=5000), quiet)
    assert again.is_triggered, "an open incident asks after every pause"
