"""A cohort with a hole neither teaches nor judges until its outcomes come or a person releases it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import select

from decisionloop.ledger import schema
from decisionloop.ledger.alarms import alarms_of
from decisionloop.ledger.batches import batches, cohort_name
from decisionloop.ledger.held_cohorts import exclude_cohorts, held_cohorts, include_cohorts
from decisionloop.ledger.incidents import open_incidents
from decisionloop.ledger.measurements import measurements_of
from decisionloop.ledger.outcomes import append_outcomes, latest_outcomes
from decisionloop.ledger.releases import champion, shadows
from decisionloop.ledger.verdicts import find_training_set, learn_runs, verdicts
from decisionloop.monitor.labels import LABEL_SHORTFALL
from decisionloop.monitor.outcome_shift import NO_COHORTS, UsualRate
from decisionloop.report.assemble import assemble_story
from decisionloop.report.read.losses import causes_of
from tasks.learn.training_rows import training_rows_of
from tasks.learn.training_set import build_training_set
from tasks.learn.trigger_state import trigger_state
from tasks.readback.cohort import read_cohort
from tasks.readback.tables import read_table
from tasks.watch.cohorts import cohorts_before
from tests.live_use_case import MONDAY, orders, returns, write_live
from tests.small_use_case import as_of
from tests.tasks.installation import run_flow, working_in
from tests.tasks.test_watching_killed import Killed, _killed

pytestmark = pytest.mark.xdist_group("loop")

WHO = ("the branch says that they are lost for good", "anna")
DAY = timedelta(days=1)


def lose_outcomes(installation, week: int, until: str = "2030-01-01") -> None:
    """Of most who pay back nothing is told before ``until``."""

    def lost(outcomes):
        is_most = pd.util.hash_array(outcomes["shop_id"].to_numpy(dtype=object)) % 5 > 0
        is_lost = (outcomes["decided_at"] == as_of(week)) & (outcomes["defaulted"] == 0) & is_most
        return outcomes.assign(told_at=outcomes["told_at"].mask(is_lost, pd.Timestamp(until, tz="UTC")))

    installation.written.change("outcomes.parquet", lost)


def held(installation) -> list[str]:
    return list(held_cohorts(installation.ledger, installation.written.name))


def named(week: int) -> str:
    return cohort_name(as_of(week))


def decide(installation, week: int) -> None:
    installation.predict(week)
    installation.act(week)


@pytest.fixture
def hole(small, fast_mlflow):
    """Week 0 is decided and mature, and the outcomes of who pays back are lost."""
    lose_outcomes(small, 0)
    decide(small, 0)
    small.observe(1)
    return small


def test_a_hole_of_the_first_day_is_told_and_teaches_only_once_a_person_releases_it(hole):
    (alarm,) = alarms_of(hole.ledger, "small")
    assert (alarm.monitor, alarm.cohort, alarm.against) == ("promised_labels", named(0), "the contract")
    assert held(hole) == [named(0)]
    said = hole.retrain(1)
    assert "Only 0 outcomes have matured" in said
    assert "One cohort is held back: `decisionloop cohorts list`" in said
    include_cohorts(hole.ledger, "small", [named(0)], *WHO)
    hole.observe(1)  # the alarm that is in the ledger already is no news
    assert held(hole) == []
    assert "are enough for the first" in hole.retrain(1, reason="released")
    assert learn_runs(hole.ledger, "small")[-1].is_triggered or shadows(hole.ledger, "small")


def test_nobody_s_word_makes_a_held_cohort_teach_without_releasing_it(hole):
    assert "Nobody's word" in hole.retrain(1, reason="I want it.", is_forced=True)


def test_outcomes_that_come_late_release_their_cohort(hole):
    hole.tell_when_it_happened()  # else what is seen after the window may have happened after it
    lose_outcomes(hole, 0, until="2024-01-10")
    hole.observe(1)
    assert held(hole) == [named(0)]
    hole.observe(2)
    assert held(hole) == []
    assert "are enough for the first" in hole.retrain(2)


def test_what_a_person_excluded_waits_for_a_person_however_complete_it_is(begun):
    exclude_cohorts(begun.ledger, "small", [named(0)], *WHO)
    begun.observe(1)
    assert held(begun) == [named(0)]
    assert "Only 0 outcomes have matured" in begun.retrain(1)
    assert usual_rates(begun, 1) == NO_COHORTS  # it says nothing of what is usual either


def test_a_hole_that_matured_in_a_pause_is_found_when_the_loop_goes_on(small):
    lose_outcomes(small, 0)
    decide(small, 0)
    decide(small, 1)
    small.observe(2)  # a turn later than it should be: the cohort was never looked at when it had just matured
    assert {one.cohort for one in alarms_of(small.ledger, "small")} == {named(0)}
    assert held(small) == [named(0)]


def test_a_held_cohort_judges_no_challenger_and_no_champion(shadowed):
    lose_outcomes(shadowed, 1)
    decide(shadowed, 2)
    shadowed.observe(2)
    assert held(shadowed) == [named(1)]
    (incident,) = open_incidents(shadowed.ledger, "small")
    assert "From now on the cohort neither teaches nor judges" in incident.suggestion
    said = shadowed.learn(2)
    assert "no decision that it has not learnt from is mature" in said
    assert f"but in {named(1)}, held back" in said
    assert champion(shadowed.ledger, "small").release.kind == "rules"
    include_cohorts(shadowed.ledger, "small", [named(1)], *WHO)
    (incident,) = open_incidents(shadowed.ledger, "small")  # which is not over, and no longer says that it holds back
    assert "teaches and judges again since" in incident.suggestion
    shadowed.learn(2)
    assert [one.decision for one in verdicts(shadowed.ledger, "small") if one.look == 2] != []


def test_a_held_cohort_asks_for_no_retraining(decided):
    lose_outcomes(decided, 3)
    decided.observe(4)
    assert held(decided) == [named(3)]
    state = trigger_state(decided.workspace, as_of(4))
    assert (state.auc_cohort, state.cohorts_held_back) != (named(3), 0)
    taught = state.new_outcomes
    include_cohorts(decided.ledger, "small", [named(3)], *WHO)
    state = trigger_state(decided.workspace, as_of(4))
    assert (state.auc_cohort, state.cohorts_held_back) == (named(3), 0)
    assert state.new_outcomes > taught


def test_a_turn_of_an_old_day_knows_what_was_known_then(decided):
    def known():
        state = trigger_state(decided.workspace, as_of(3))
        return state.mature_outcomes, state.mature_events, state.auc_cohort, state.champion_auc

    then = known()
    decided.observe(4)
    recorded = latest_outcomes(decided.ledger, "small", as_of(1), as_of(1))
    told = recorded[["decision_id"]].assign(
        outcome_class=1 - recorded["outcome_class"], revision=2, kind="contradiction", amount=np.nan,
        happened_at=None, observed_at=pd.Timestamp(as_of(4)), recorded_at=pd.Timestamp(as_of(4)),
    )  # fmt: skip
    append_outcomes(decided.ledger, told)
    assert known() == then
    now = trigger_state(decided.workspace, as_of(4))
    assert now.auc_cohort > then[2]
    assert now.mature_events != then[1]


def test_a_training_set_says_what_it_left_out_and_is_rebuilt_when_that_is_released(modelled):
    modelled.observe(3)
    exclude_cohorts(modelled.ledger, "small", [named(1)], *WHO)
    fact = find_training_set(modelled.ledger, build_training_set.fn("small", as_of(3)))
    assert fact.cohorts_left_out == {named(1)}
    rows, log = training_rows_of(modelled.workspace, fact)
    assert set(log.log["as_of"]) == {as_of(0), as_of(2)}
    include_cohorts(modelled.ledger, "small", [named(1)], *WHO)
    again, _ = training_rows_of(modelled.workspace, fact)
    assert list(again.decision_id) == list(rows.decision_id)
    new = find_training_set(modelled.ledger, build_training_set.fn("small", as_of(3)))
    assert (new.cohorts_left_out, new.rows > fact.rows) == (frozenset(), True)
    assert len(read_table(modelled.workspace, new.snapshot_digest)) == new.rows


def test_outcomes_of_a_cohort_that_the_last_training_left_out_are_new_once_it_is_released(modelled):
    modelled.observe(3)
    before = trigger_state(modelled.workspace, as_of(3)).new_outcomes
    (shadow,) = [one.release for one in [champion(modelled.ledger, "small")]]
    fact = find_training_set(modelled.ledger, shadow.training_set_id)
    assert fact.cohorts_left_out == frozenset()
    exclude_cohorts(modelled.ledger, "small", [named(2)], *WHO)
    assert trigger_state(modelled.workspace, as_of(3)).new_outcomes < before


def test_figures_of_a_held_cohort_say_so(decided):
    lose_outcomes(decided, 3)
    decided.observe(4)
    story = assemble_story(decided.ledger, decided.workspace.use_case)
    assert {name for one in story.money for name in one.held_back} == {named(3)}
    assert {name for one in story.performance for name in one.held_back} == {named(3)}
    (told,) = [one.words for one in story.caveats if "minimum_arrived" in one.words]
    assert "1 of 4 complete cohorts had fewer outcomes than is usual or the contract promises (80%)" in told
    assert "1 of them is held back and does not teach either; `decisionloop cohorts include` releases a cohort" in told


def test_the_rate_of_a_held_cohort_is_bounded_and_says_nothing_of_what_is_usual(decided):
    before = usual_rates(decided, 4)
    lose_outcomes(decided, 3)
    decided.observe(4)
    told = measurements_of(decided.ledger, "small", "outcome_rate").set_index("cohort").loc[named(3)]
    (batch,) = [one for one in batches(decided.ledger, "small") if one.as_of == as_of(3)]
    cohort = read_cohort(decided.workspace, batch, as_of(4))
    lent = cohort.log[cohort.is_own_choice & (cohort.log["action"] == "lend").to_numpy()]
    outcomes = pd.read_parquet(decided.written.folder / "data" / "outcomes.parquet")
    of_week = outcomes[outcomes["decided_at"] == as_of(3)].set_index("shop_id")["defaulted"]
    true = of_week.reindex(lent["entity_id"]).mean()
    assert told["value"] > true  # of those that came, mostly who did not pay
    assert told["worst"] <= true <= told["best"]
    assert usual_rates(decided, 4) == before


def test_what_a_held_cohort_lost_is_not_told(decided):
    """What is missing of it may be what it earned."""
    lose_outcomes(decided, 3)
    decided.observe(4)
    rules = decided.workspace.use_case
    lost = {one.wording: one.misses for one in causes_of(decided.ledger, rules.name)}
    include_cohorts(decided.ledger, "small", [named(3)], *WHO)
    released = {one.wording: one.misses for one in causes_of(decided.ledger, rules.name)}
    assert sum(released.values()) > sum(lost.values())


def usual_rates(installation, week: int) -> UsualRate:
    """The rates that a cohort of that week would be compared with."""
    batch = replace(batches(installation.ledger, "small")[0], as_of=as_of(week))
    decides = champion(installation.ledger, "small")
    assert decides is not None
    return cohorts_before(installation.workspace, batch, decides.release_id, as_of(week)).outcome_rates


@pytest.mark.parametrize(
    "place",
    [("tasks.watch.alarms", "append_alarms", "after"), ("tasks.watch.alarms", "_announce", "before"),
     ("tasks.observe.cohorts", "append_measurements", "before")],
)  # fmt: skip
def test_a_run_killed_while_it_finds_a_hole_holds_it_like_any_other(decided, place):
    lose_outcomes(decided, 3)
    with _killed(*place), pytest.raises(Killed):
        decided.observe(4)
    decided.observe(4)
    assert held(decided) == [named(3)]
    assert len([one for one in alarms_of(decided.ledger, "small") if one.against == "the contract"]) == 1


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_on_either_engine_a_half_that_comes_late_is_held_until_it_is_there(engine, tmp_path, request):
    url = "" if engine == "sqlite" else request.getfixturevalue("postgres_url_with_tables")
    ordered = orders(1)
    late = pd.concat([returns(ordered, 5).iloc[::2], returns(ordered, 20).iloc[1::2]])
    with working_in(tmp_path, write_live(tmp_path / "usecases", ordered, late), url) as live:
        run_flow("act", "live", run_flow("predict", "live", MONDAY))
        told = []
        for day in (8, 15, 21):
            run_flow("observe", "live", MONDAY + day * DAY)
            told.append(held(live))
        assert told == [[cohort_name(MONDAY)], [cohort_name(MONDAY)], []]
        with live.ledger.connect() as connection:
            (event,) = connection.execute(select(schema.cohort_event)).all()
        assert (event.by, event.reason) == ("monitors", "40 of 40 outcomes are there as of 2024-01-22")
        rates = measurements_of(live.ledger, "live", "outcome_rate")
        assert len(rates) == 1
        assert measurements_of(live.ledger, "live", LABEL_SHORTFALL)["value"].tolist() == [0.0]  # it says what is usual
