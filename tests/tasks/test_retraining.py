"""Whoever starts a retraining gets a judged candidate or a clear no, and the ledger keeps who asked and why."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import select

from decisionloop.errors import UsageError
from decisionloop.ledger.alarms import Alarm, append_alarms
from decisionloop.ledger.incidents import close, open_incident
from decisionloop.ledger.releases import champion, current_stages, find_stage, shadows
from decisionloop.ledger.schema import training_set
from decisionloop.ledger.verdicts import learn_runs, verdicts
from decisionloop.ledger.weak_slices import WeakSlice, append_weak_slices
from decisionloop.observe.slice_predicate import Condition, write_predicate
from tests.small_use_case import as_of
from tests.tasks.moment import Moment

pytestmark = pytest.mark.xdist_group("loop")

DRIFT = "decisionloop.drift.detected"


@pytest.fixture(scope="session")
def awake_life(saved, tmp_path_factory):
    """The model has decided week 3, nobody has to rest after a training, and no schedule is near."""
    with Moment(saved / "modelled").copied(tmp_path_factory.mktemp("awake") / "life") as moment:
        with moment.work() as life:
            life.contract(monitors={"cooldown_days": 0, "retrain_every_days": 400})
            life.turn(3)
        yield moment


@pytest.fixture
def awake(awake_life, tmp_path):
    """The model decides, nobody has to rest after a training, and no schedule is near."""
    with awake_life.copied(tmp_path / "awake") as moment, moment.work() as installation:
        yield installation


@pytest.fixture
def artifacts(monkeypatch):
    """Every artifact that a retraining would publish, by key."""
    shown = {}

    def publish(key, markdown, description):
        assert description
        shown[key] = markdown

    monkeypatch.setattr("tasks.learn.retraining_answer.publish", publish)
    return shown


def raise_incident(installation, family, since_week, stake=None, words="Debt has moved.", monitor=""):
    """An incident with one alarm, as the monitors leave it; returns its id."""
    cohort = f"{as_of(since_week):%Y-%m-%d}"
    incident_id = f"small/{family}/{cohort}"
    alarm = Alarm(
        alarm_id=f"{family} of {cohort}",
        use_case="small",
        incident_id=incident_id,
        family=family,
        monitor=monitor or family,
        slice="feature=debt",
        against="training",
        release_id=None,
        batch_id=None,
        cohort=cohort,
        severity="warning",
        value=0.3,
        low=0.25,
        high=0.35,
        threshold=0.1,
        bound=0.2,
        alpha=1e-4,
        stake_per_decision=stake,
        stake_total=None if stake is None else 600 * stake,
        words=words,
        suggestion="Retrain.",
        chart=None,
        as_of=as_of(since_week),
        at=as_of(since_week),
    )
    with installation.ledger.begin() as connection:
        open_incident(connection, alarm)
        append_alarms(connection, [alarm])
    return incident_id


def last_run(installation):
    return learn_runs(installation.ledger, "small")[-1]


def trained(installation):
    return {known.release_id for known in current_stages(installation.ledger, "small")}


def is_within_support(installation, release_id):
    return "support" in json.loads(find_stage(installation.ledger, release_id).release.card_json)


def event_of(incident_id, **measurement):
    told = {"monitor": "input_shift", "slice": "feature=debt", "value": 0.3, "cohort": f"{as_of(1):%Y-%m-%d}"}
    return {"name": DRIFT, "measurement": {**told, "incident_id": incident_id, **measurement}}


def test_the_first_model_comes_from_a_retraining_as_from_the_loop(begun):
    begun.observe(1)
    said = begun.retrain(1)
    assert "are enough for the first" in said
    assert "scorecard: promote" in said
    assert last_run(begun).trigger == "first_model"
    assert verdicts(begun.ledger, "small")[0].decision == "promote"
    assert [shadow.release.kind for shadow in shadows(begun.ledger, "small")] == ["scorecard"]


def test_without_a_reason_it_ends_early_and_says_so(modelled, artifacts):
    before = trained(modelled)
    said = modelled.retrain(3)
    assert "days of cooldown are left" in said
    assert trained(modelled) == before
    run = last_run(modelled)
    assert (run.as_of, run.trigger, run.is_triggered, run.reason) == (as_of(3), "none", False, said)
    assert artifacts["retraining-small-2024-01-22"].startswith("# Not retraining yet: nobody asked\n\nThe last")


def test_a_person_who_insists_gets_a_judged_candidate_of_the_chosen_kind(modelled, artifacts):
    modelled.observe(3)
    before = trained(modelled)
    said = modelled.retrain(3, reason="A new trade.", is_forced=True, candidates=["gradient_boosting"])
    assert said.startswith("A person insists: A new trade. gradient_boosting")
    everywhere, within = sorted(trained(modelled) - before, key=lambda new: is_within_support(modelled, new))
    assert (is_within_support(modelled, everywhere), is_within_support(modelled, within)) == (False, True)
    for new in (everywhere, within):
        assert new.startswith("small/gradient_boosting/")
        verdict = verdicts(modelled.ledger, "small", new)[0]
        assert (verdict.look, verdict.champion_id) == (1, champion(modelled.ledger, "small").release_id)
    assert last_run(modelled).trigger == "manual"
    assert "A person insists: A new trade." in artifacts["retraining-small-2024-01-22"]
    assert modelled.announced("retraining.triggered")[-1]["payload"]["trigger"] == "manual"


def test_a_reason_without_insisting_is_kept_and_overrides_nothing(modelled):
    modelled.retrain(3, reason="I would like to.")
    assert not last_run(modelled).is_triggered
    assert last_run(modelled).reason.endswith("Asked for: I would like to.")


def test_an_alarm_brings_a_retraining_with_its_measurement(awake, artifacts):
    incident_id = raise_incident(awake, "inputs", 1, stake=2.0)
    before = trained(awake)
    said = awake.retrain(4, event=event_of(incident_id))
    run = last_run(awake)
    assert (run.trigger, run.is_triggered) == ("event", True)
    assert run.reason.startswith(f"{DRIFT}. Open since 2024-01-08 (inputs): Debt has moved.")
    measurement = json.loads(run.reason.partition(f"Event {DRIFT}: ")[2])
    assert (measurement["incident_id"], measurement["value"]) == (incident_id, 0.3)
    new = trained(awake) - before
    assert {verdict.look for one in new for verdict in verdicts(awake.ledger, "small", one)} == {1}
    assert "scorecard: " in said
    shown = artifacts["retraining-small-2024-01-29"]
    assert shown.startswith("# Retraining: event asked")
    assert "| inputs | 2024-01-08 |" in shown


def test_running_it_again_does_nothing_twice(awake):
    event = event_of(raise_incident(awake, "inputs", 1))
    said = awake.retrain(4, event=event)
    before = awake.tables()
    assert awake.retrain(4, event=event).endswith("were judged before.")
    assert awake.tables() == before
    assert "judged before" not in said


def test_it_waits_for_the_outcomes_of_the_changed_world(awake):
    raise_incident(awake, "inputs", 4)
    said = awake.retrain(4)
    assert "0 have matured and 50 are needed" in said
    assert (last_run(awake).trigger, last_run(awake).is_triggered) == ("wait", False)
    for week in (4, 5):
        awake.predict(week)
        awake.act(week)
        awake.observe(week)
    awake.retrain(5)
    assert (last_run(awake).trigger, last_run(awake).is_triggered) == ("drift", True)


def test_it_refuses_what_costs_more_than_it_can_save(awake, artifacts):
    raise_incident(awake, "inputs", 1, stake=0.01)
    awake.contract(monitors={"retraining_cost": 500})  # 600 decisions a week, about 54 weeks, 0.01 each: some 320
    said = awake.retrain(4)
    assert "At stake are 0.01 a decision" in said
    assert last_run(awake).trigger == "refuse"
    assert artifacts["retraining-small-2024-01-29"].startswith("# Retraining refused: drift asked")
    awake.contract(monitors={"retraining_cost": 250})
    assert "At stake are 0.01 a decision" in awake.retrain(4)  # an answer stands until somebody asks
    awake.retrain(4, reason="It costs less now.")
    assert {run.trigger for run in learn_runs(awake.ledger, "small") if run.as_of == as_of(4)} == {"refuse", "drift"}


def test_missing_labels_keep_their_cohort_from_teaching_and_no_other_one(awake):
    """They used to stop every training; now the hole alone is left out, also of a forced one."""
    raise_incident(awake, "labels", 1, words="A third of the outcomes is missing.", monitor="missing_labels")
    raise_incident(awake, "value", 1)
    awake.retrain(4)
    assert (last_run(awake).trigger, last_run(awake).is_triggered) == ("value_lost", True)
    assert awake.retrain(4, reason="They are all there.", is_forced=True).startswith("A person insists")
    with awake.ledger.connect() as connection:
        sets = connection.execute(select(training_set.c.left_out).where(training_set.c.as_of == as_of(4))).scalars()
        assert set(sets) == {f'["{as_of(1):%Y-%m-%d}"]'}


def test_an_outcome_whose_rate_has_changed_is_there_to_be_learnt_from(awake):
    raise_incident(awake, "labels", 1, words="More shops fail.", monitor="outcome_shift")
    raise_incident(awake, "value", 1)
    awake.retrain(4)
    assert (last_run(awake).trigger, last_run(awake).is_triggered) == ("value_lost", True)


def test_an_incident_that_was_closed_asks_for_nothing(awake):
    incident_id = raise_incident(awake, "inputs", 1)
    close(awake.ledger, incident_id, "ann", "false: a new price list")
    awake.retrain(4, event=event_of(incident_id))
    assert last_run(awake).trigger == "none"


def test_an_alarm_that_the_ledger_does_not_know_is_taken_at_its_word(awake):
    awake.retrain(4, event=event_of("", family="feedback", words="The gap grows."))
    assert last_run(awake).trigger == "event"
    assert "(feedback): The gap grows." in last_run(awake).reason


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"is_forced": True}, "Say why in `reason`"),
        ({"candidates": []}, "empty list"),
        ({"event": {"monitor": "auc"}}, "none of an alarm"),
        ({"event": {"name": "decisionloop.batch.halted", "measurement": {}}}, "which family"),
        ({"event": {"name": DRIFT, "measurement": {"cohort": "yesterday"}}}, "no date"),
        ({"event": {"name": DRIFT, "measurement": {"stake_per_decision": "much"}}}, "Give a number"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_leaves_no_trace(modelled, asked, told):
    before = modelled.tables()
    with pytest.raises(UsageError, match=told):
        modelled.retrain(3, **asked)
    assert modelled.tables() == before


def test_a_candidate_is_told_where_decisions_lost_money(begun):
    begun.observe(1)
    told = {"use_case": "small", "cohort": "2024-01-01", "release_id": None, "low": -9.0, "high": -3.0, "n": 90}
    deep = write_predicate((Condition("debt", above=6.0),))
    later = {**told, "cohort": "2024-01-22", "as_of": as_of(4), "at": as_of(4)}
    found = [
        WeakSlice(**told, rank=1, description="debt above 6", predicate=deep, money_per_decision=-6.0,
                  money_total=-540.0, as_of=as_of(1), at=as_of(1)),
        WeakSlice(**later, rank=1, description="not known yet", predicate=deep, money_per_decision=-6.0,
                  money_total=-540.0),
    ]  # fmt: skip
    append_weak_slices(begun.ledger, found)
    begun.retrain(1)
    (shadow,) = shadows(begun.ledger, "small")
    (weakness,) = json.loads(shadow.release.card_json)["weak_slices"]
    assert (weakness["description"], weakness["money_per_decision"]) == ("debt above 6", -6.0)
    found = weakness["candidate_money"]
    assert found["low"] < found["value"] < found["high"]
    assert weakness["candidate_money"]["n"] > 50
