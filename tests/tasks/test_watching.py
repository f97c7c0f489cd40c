"""What monitors do to a loop that runs: alarms and incidents, halts, the plug, causes, promises and their errors."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import select

from decisionloop.errors import BatchHalted
from decisionloop.ledger.alarms import alarms_of
from decisionloop.ledger.alerts import alerts
from decisionloop.ledger.batch_parts import parts_of
from decisionloop.ledger.batches import batches, events
from decisionloop.ledger.flags import current_flag, is_kill_switch_on, set_flag
from decisionloop.ledger.incidents import incidents, open_incidents
from decisionloop.ledger.measurements import measurements_of
from decisionloop.ledger.monitor_references import keep_reference, reference_of
from decisionloop.ledger.releases import baseline, champion
from decisionloop.ledger.schema import failure, measurement
from decisionloop.ledger.storage.frames import read_frame
from decisionloop.observe.failures import FailureCause
from tasks.readback.lives import decided_before
from tasks.readback.tables import read_table
from tasks.watch.entity_money import KIND, entity_money_before
from tasks.watch.inputs import SUPPORT
from tests.small_use_case import as_of
from tests.tasks.installation import STALE_SHOPS, UNGUARDED, copy, run_flow, working_in

pytestmark = pytest.mark.xdist_group("loop")

CHANGED_SHOPS = slice(120, 200)


@pytest.fixture(scope="module")
def observed(week_three, tmp_path_factory):
    """A week later; meanwhile the source has changed what it says of week 3."""
    folder = tmp_path_factory.mktemp("observed") / "life"
    with working_in(folder, copy(week_three, folder)) as life:
        life.written.set("turnover", 1.0, 3, CHANGED_SHOPS)
        life.observe(4)
        yield life


def _alarms(life, family):
    return [one for one in alarms_of(life.ledger, "small") if one.family == family]


def _alarmed(life):
    return {one.family for one in alarms_of(life.ledger, "small")}


def _measured(life, monitor, week):
    """The figure of a monitor over a whole cohort."""
    told = measurements_of(life.ledger, "small", monitor)
    (row,) = told[(told["cohort"] == f"{as_of(week):%Y-%m-%d}") & (told["slice"] == "all")].itertuples()
    return row


def test_money_of_policy_and_holdout_by_entity_is_kept_of_each_cohort_and_can_be_made_again(observed):
    workspace, found = observed.workspace, batches(observed.ledger, "small")
    last = replace(found[-1], as_of=as_of(5))  # the one that would come next
    decides = champion(observed.ledger, "small").release
    decided = decided_before(observed.ledger, decides.release_id, last)
    kept = entity_money_before(workspace, decides, decided, as_of(4), ())
    assert [one.is_held.sum() > 0 for one in kept] == [True]  # of week 3, the first that the model decided
    assert (~np.isnan(kept[0].before)).any()  # people from before any model decided
    rules = baseline(observed.ledger, "small").release
    table = reference_of(observed.ledger, "small", rules.release_id, KIND)
    names = [f"{as_of(week):%Y-%m-%d}" for week in range(4)]
    assert sorted(json.loads(table.content)) == names
    keep_reference(observed.ledger, "small", table.release_id, "{}", as_of(4) + timedelta(days=1), KIND)
    again = entity_money_before(workspace, decides, decided, as_of(4), ())
    np.testing.assert_array_equal(again[0].money, kept[0].money)
    np.testing.assert_array_equal(again[0].before, kept[0].before)
    assert entity_money_before(workspace, decides, decided, as_of(4), names[3:]) == ()
    ruled = decided_before(observed.ledger, rules.release_id, last)
    assert entity_money_before(workspace, rules, ruled, as_of(4), ()) == ()


def test_a_feature_that_moved_a_little_is_told_of_and_the_batch_acts(modelled):
    modelled.written.set("turnover", 900.0, 3, slice(0, 210))  # a third of them: surely more than a tenth
    modelled.predict(3)
    modelled.act(3)
    assert modelled.state(3) == "complete"
    told = _alarms(modelled, "inputs")
    assert {one.slice for one in told} == {"feature=turnover"}
    assert {one.batch_id for one in told} == {modelled.batch(3)}
    assert all(one.bound > one.threshold for one in told)
    (incident,) = open_incidents(modelled.ledger, "small")
    assert (incident.family, incident.slices) == ("inputs", ("feature=turnover",))
    (event,) = modelled.announced("drift.detected")
    assert (event["payload"]["incident_id"], event["payload"]["family"]) == (incident.incident_id, "inputs")
    assert event["payload"]["alarms"] == len(told)
    assert modelled.announced("batch.halted") == []


def test_a_feature_that_jumped_halts_before_anything_is_scored_where_the_contract_says_so(modelled):
    modelled.contract(guardrails={"when_halted": "hold"})
    modelled.written.set("turnover", 900.0, 3, slice(0, 400))
    with pytest.raises(BatchHalted, match="Weekly turnover"):
        modelled.predict(3)
    batch_id = modelled.batch(3)
    assert [event.state for event in events(modelled.ledger, batch_id)] == ["opened", "frozen", "halted"]
    assert parts_of(modelled.ledger, batch_id, "scores") == ()
    (alert,) = alerts(modelled.ledger, "small", batch_id)
    assert (alert.severity, alert.kind) == ("critical", "drift")
    assert "Weekly turnover" in alert.message
    assert {one.severity for one in _alarms(modelled, "inputs")} == {"critical"}
    before = alarms_of(modelled.ledger, "small")
    set_flag(modelled.ledger, "small", "kill_switch", "on", "while we look", "head")
    modelled.predict(3)
    modelled.act(3)
    assert modelled.state(3) == "complete"
    assert set(modelled.decisions(3)["fallback_reason"]) == {"kill switch"}
    assert alarms_of(modelled.ledger, "small") == before


def test_rules_that_suddenly_say_yes_to_everybody_are_told_of_and_go_on(small):
    small.contract(guardrails={**UNGUARDED, "maximum_action_shift": 0.15})
    small.predict(0)
    small.act(0)
    small.written.set("turnover", 500.0, 1)
    small.predict(1)
    small.act(1)
    assert small.state(1) == "complete"
    assert set(small.decisions(1)["rules_action"]) == {"lend"}
    assert [one.severity for one in alerts(small.ledger, "small", small.batch(1)) if one.kind == "jump"] == ["warning"]
    told = [one for one in _alarms(small, "outputs") if one.monitor == "action_shift"]
    assert [(one.slice, one.against, one.severity) for one in told] == [("all", "recent", "critical")]
    assert {event["payload"]["family"] for event in small.announced("drift.detected")} == {"inputs", "outputs"}


def test_adverse_impact_hands_the_batch_to_fairer_rules_until_a_person_says_otherwise(unfair):
    unfair.predict(3)
    unfair.act(3)
    (alarm,) = [one for one in _alarms(unfair, "impact") if one.slice == "owner_sex=f" and one.against == "best"]
    assert alarm.severity == "critical"
    assert "debt" in alarm.words  # what carries the gap
    assert is_kill_switch_on(unfair.ledger, "small")
    pulled = current_flag(unfair.ledger, "small", "kill_switch")
    assert pulled.set_by == "monitor of adverse impact"
    assert "owner_sex=f has a ratio of" in pulled.reason
    (event,) = unfair.announced("plug.pulled")
    assert event["payload"]["reason"] == pulled.reason
    decisions = unfair.decisions(3)
    assert set(decisions["fallback_reason"]) == {"kill switch"}
    assert set(decisions["release_id"]) == {baseline(unfair.ledger, "small").release_id}
    assert unfair.state(3) == "complete"
    assert champion(unfair.ledger, "small").release.kind == "scorecard"  # it is only kept from deciding
    unfair.predict(4)
    unfair.act(4)
    assert set(unfair.decisions(4)["fallback_reason"]) == {"kill switch"}
    assert len(unfair.announced("plug.pulled")) == 1
    assert set(unfair.decisions(3)["fallback_reason"]) == {"kill switch"}


def test_adverse_impact_that_the_rules_would_not_mend_is_only_told_of(unfair):
    unfair.written.set("turnover", 1.0, 3, slice(1, None, 2))  # the rules lend where turnover is high
    unfair.predict(3)
    unfair.act(3)
    assert "owner_sex=f" in {one.slice for one in _alarms(unfair, "impact")}
    assert [event["payload"]["family"] for event in unfair.announced("impact.adverse")] == ["impact"]
    assert not is_kill_switch_on(unfair.ledger, "small")
    assert unfair.announced("plug.pulled") == []
    assert "champion" in set(unfair.decisions(3)["role"])


def _of_week_three(outcomes):
    return outcomes["decided_at"] == as_of(3)


def _who_pays_back_is_not_told_of(outcomes):
    """Every outcome that comes is a default."""
    is_missing = _of_week_three(outcomes) & (outcomes["defaulted"] == 0)
    return outcomes.assign(told_at=outcomes["told_at"].mask(is_missing, pd.Timestamp("2030-01-01", tz="UTC")))


def _nobody_pays_back(outcomes):
    return outcomes.assign(defaulted=outcomes["defaulted"].mask(_of_week_three(outcomes), 1))


def test_outcomes_that_do_not_come_raise_an_alarm_about_labels_and_none_about_the_model(decided):
    decided.written.change("outcomes.parquet", _who_pays_back_is_not_told_of)
    decided.observe(4)
    assert _alarmed(decided) == {"labels"}
    of_usual, of_promise = _alarms(decided, "labels")  # both are missed: what is usual, and what is promised
    assert (of_usual.monitor, of_promise.monitor) == ("missing_labels", "promised_labels")
    assert {of_usual.cohort, of_promise.cohort} == {f"{as_of(3):%Y-%m-%d}"}
    assert len(open_incidents(decided.ledger, "small")) == 1
    assert [event["payload"]["monitor"] for event in decided.announced("labels.missing")] == ["missing_labels"]
    assert decided.announced("performance.decayed") == []
    assert _measured(decided, "calibration", 3).value > 0.2  # which is what would have been believed
    usual = reference_of(decided.ledger, "small", baseline(decided.ledger, "small").release_id, "labels")
    assert as_of(2).isoformat() in usual.content
    assert as_of(3).isoformat() not in usual.content  # what fell short does not become usual


def test_labels_are_judged_once_a_batch_however_often_outcomes_are_read(decided):
    times = [as_of(3) + timedelta(hours=hours) for hours in (150, 156, 162)]
    for moment in times:
        run_flow("observe", "small", moment)
    statement = select(measurement.c.as_of).where(measurement.c.monitor == "late_labels").distinct()
    with decided.ledger.connect() as connection:
        assert connection.execute(statement).scalars().all() == [times[0]]


def test_a_world_that_changed_raises_an_alarm_about_the_model_and_none_about_labels(decided):
    """What the alarm about labels keeps quiet: the same rate, and this time all of it is there."""
    decided.written.change("outcomes.parquet", _nobody_pays_back)
    decided.observe(4)
    assert "performance" in _alarmed(decided)
    assert "labels" not in _alarmed(decided)
    assert {one.cohort for one in _alarms(decided, "performance")} == {f"{as_of(3):%Y-%m-%d}"}
    assert len(decided.announced("performance.decayed")) == 1


def test_a_source_that_changed_its_past_is_named_with_the_feature(observed):
    (alarm,) = _alarms(observed, "skew")
    assert (alarm.slice, alarm.against, alarm.batch_id) == ("feature=turnover", "source", observed.batch(3))
    share = (CHANGED_SHOPS.stop - CHANGED_SHOPS.start) / 600
    assert alarm.low < share < alarm.high
    assert [one.family for one in incidents(observed.ledger, "small")] == ["skew"]
    figures = measurements_of(observed.ledger, "small", "skew")
    sound = figures[(figures["cohort"] == f"{as_of(3):%Y-%m-%d}") & (figures["slice"] != "feature=turnover")]
    assert set(sound["slice"]) >= {"feature=debt", "feature=trade"}
    assert (sound["value"] == 0).all()


def test_the_ages_of_what_was_known_are_kept_with_the_batch(observed):
    (features,) = parts_of(observed.ledger, observed.batch(3), "features")
    (ages,) = parts_of(observed.ledger, observed.batch(3), "ages")
    shops = read_table(observed.workspace, features.digest)["shop_id"].to_pylist()
    age_days = pd.Series(read_table(observed.workspace, ages.digest)["age_days"].to_numpy(), index=shops).sort_index()
    assert age_days.iloc[STALE_SHOPS].eq(7).all()
    assert age_days.iloc[STALE_SHOPS.stop :].eq(0).all()


def test_every_large_miss_gets_a_cause(observed):
    misses = read_frame(observed.ledger, select(failure).where(failure.c.batch_id == observed.batch(3)))
    decisions = observed.decisions(3).set_index("decision_id")
    assert 0 < len(misses) <= 0.2 * len(decisions)
    assert set(misses["cause"]) <= set(FailureCause)
    assert set(decisions.loc[misses["decision_id"], "action"]) == {"lend"}
    shops = decisions.loc[misses["decision_id"], "entity_id"].str.removeprefix("shop-").astype(int)
    is_stale = (shops < STALE_SHOPS.stop).to_numpy()
    assert set(misses.loc[is_stale, "cause"]) == {"stale_features"}
    assert "stale_features" not in set(misses.loc[~is_stale, "cause"])
    assert reference_of(observed.ledger, "small", champion(observed.ledger, "small").release_id, SUPPORT) is not None


def test_what_scores_promised_is_compared_with_what_came(observed):
    promised, came = _measured(observed, "auc_estimated", 3), _measured(observed, "auc_estimation_error", 3)
    assert not promised.is_mature
    assert promised.as_of == as_of(3)  # before any outcome
    assert 0.7 < promised.value < 1
    assert came.is_mature
    assert came.low < came.value < came.high
    assert came.low < 0.1  # the world is the one that the model learnt from, but for features that were stale
    assert came.high > -0.3
    assert _measured(observed, "value_estimation_error", 3).n > 50


def test_watching_again_adds_nothing(observed):
    before = observed.tables()
    observed.observe(4)
    after = observed.tables()
    assert [name for name in before if before[name] != after[name]] == []
