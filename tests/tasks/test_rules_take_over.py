"""Where a model must not decide a batch the rules do, at once, and rules themselves know no drift."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from decisionloop.errors import BatchHalted, UsageError
from decisionloop.ledger.alarms import alarms_of
from decisionloop.ledger.alerts import alerts
from decisionloop.ledger.batches import events, latest_detail
from decisionloop.ledger.decisions import shadow_runs
from decisionloop.ledger.flags import set_flag
from decisionloop.ledger.incidents import open_incidents
from decisionloop.ledger.measurements import measurements_of
from decisionloop.ledger.releases import baseline, champion, current_stages, find_stage
from decisionloop.ledger.summary import batch_summary
from decisionloop.ledger.teaching import teaching_by_batch
from decisionloop.predict.release_model import ReleaseManifest
from tests.small_use_case import WEEKS, as_of
from tests.tasks.installation import UNGUARDED

pytestmark = pytest.mark.xdist_group("loop")

BY_RULES = {"baseline", "holdout"}


def _by_rules(installation, week, reason):
    """Everybody in the batch of a week was decided by the rules, and every row says why."""
    decisions = installation.decisions(week)
    assert len(decisions) == 600
    is_killed = reason == "kill switch"
    assert set(decisions["role"]) == (BY_RULES if is_killed else {*BY_RULES, "exploration"})
    assert set(decisions["release_id"]) == {baseline(installation.ledger, "small").release_id}
    told = reason if is_killed else f"rules stand in: {reason}"
    assert set(decisions["fallback_reason"].str.partition("; ")[0]) == {told}
    assert installation.state(week) == "complete"
    return decisions


def _alerts(installation, week, kind):
    return [one for one in alerts(installation.ledger, "small", installation.batch(week)) if one.kind == kind]


def _farms_become_shops(installation, since):
    def change(history):
        late = pd.to_datetime(history["seen_at"]) >= since
        return history.assign(trade=history["trade"].where(~late, history["trade"].replace({"farm": "retail"})))

    installation.written.change("history.csv", change)


@pytest.fixture
def drifting(modelled):
    """The turnover of most shops has jumped in week 3."""
    modelled.written.set("turnover", 900.0, 3, slice(0, 400))
    return modelled


def test_a_model_s_batch_that_drifted_is_decided_by_the_rules_at_once(drifting):
    drifting.turn(3)
    _by_rules(drifting, 3, "input drift")
    (alert,) = _alerts(drifting, 3, "drift")
    assert alert.severity == "critical"
    assert "Weekly turnover" in alert.message
    assert alert.message.endswith("The rules decide this batch.")
    assert len(drifting.announced("batch.handed_over")) == 1
    assert drifting.announced("batch.halted") == []
    assert (
        latest_detail(drifting.ledger, drifting.batch(3), "decided")["rules_because"] == "rules stand in: input drift"
    )
    assert champion(drifting.ledger, "small").release.kind == "scorecard"


@pytest.mark.parametrize(("when_halted", "attempts"), [("hold", 2), ("nobody", 1)])
def test_the_contract_may_rather_have_nobody_decide(drifting, when_halted, attempts):
    drifting.contract(guardrails={"when_halted": when_halted})
    for _ in range(2):
        if when_halted == "nobody" and drifting.state(3) == "halted":
            drifting.predict(3)  # closed: running it again decides nobody
            continue
        with pytest.raises(BatchHalted, match="Weekly turnover"):
            drifting.predict(3)
    assert drifting.state(3) == "halted"
    assert drifting.decisions(3).empty
    states = [event.state for event in events(drifting.ledger, drifting.batch(3))]
    assert states.count("opened") == attempts
    assert {one.severity for one in _alerts(drifting, 3, "drift")} == {"critical"}


def test_a_batch_that_waits_is_decided_once_a_person_turned_to_the_rules(drifting):
    drifting.contract(guardrails={"when_halted": "hold"})
    with pytest.raises(BatchHalted):
        drifting.predict(3)
    set_flag(drifting.ledger, "small", "kill_switch", "on", "while we look", "head")
    drifting.turn(3)
    _by_rules(drifting, 3, "kill switch")


def test_scores_that_jumped_hand_the_batch_over(modelled):
    modelled.contract(guardrails={"maximum_feature_shift": 1})
    modelled.written.set("debt", 9.5, 3)
    modelled.turn(3)
    _by_rules(modelled, 3, "guardrail: score shift")
    (alert,) = _alerts(modelled, 3, "guardrail")
    assert "score shift" in alert.message


def test_a_model_that_would_exceed_a_share_hands_the_batch_over(modelled):
    modelled.contract(guardrails={**UNGUARDED, "action_share": {"lend": [0.0, 0.1]}})
    modelled.turn(3)
    decisions = _by_rules(modelled, 3, "guardrail: largest share of lend")
    assert (decisions["action"] == "lend").mean() <= 0.1  # the limit binds the rules too
    cut = decisions["fallback_reason"].str.endswith("limit: largest share of lend")
    assert set(decisions.loc[cut, "action"]) == {"hold"}
    assert decisions.loc[cut, "propensity"].between(0, 1, inclusive="neither").all()


@pytest.mark.exhaustive
def test_rules_decide_on_whatever_became_of_the_features_and_the_change_becomes_the_new_usual(begun):
    """Nothing was ever trained. A feature moves for good: alarms, never a halt, and after a while it is usual."""

    def jump(history):
        late = pd.to_datetime(history["seen_at"]) >= pd.Timestamp("2024-01-08", tz="UTC")
        return history.assign(turnover=history["turnover"].where(~late, 900.0))

    begun.written.change("history.csv", jump)
    for week in range(1, WEEKS):
        begun.predict(week)
        begun.act(week)
        begun.observe(week)
        assert begun.state(week) == "complete"
        assert set(begun.decisions(week)["role"]) <= {*BY_RULES, "exploration"}
    (incident,) = [one for one in open_incidents(begun.ledger, "small") if one.family == "inputs"]
    assert incident.slices == ("feature=turnover",)
    recent = {one.batch_id for one in alarms_of(begun.ledger, "small") if one.monitor == "input_shift_recent"}
    assert begun.batch(WEEKS - 1) not in recent
    assert begun.announced("batch.halted") == []


def test_a_category_that_vanished_for_good_does_not_lock_the_rules_out(begun):
    _farms_become_shops(begun, pd.Timestamp("2024-01-08", tz="UTC"))
    for week in (1, 2):
        begun.predict(week)
        begun.act(week)
        assert begun.state(week) == "complete"
    (alert,) = _alerts(begun, 1, "drift")
    assert alert.severity == "warning"
    assert "vanished_categories: trade" in alert.message


def _debts_stop_arriving(installation, since):
    def change(history):
        return history.assign(debt=history["debt"].where(pd.to_datetime(history["seen_at"]) < since))

    installation.written.change("history.csv", change)


def test_a_feature_that_may_be_missing_and_stops_for_good_does_not_lock_the_rules_out(begun):
    _debts_stop_arriving(begun, pd.Timestamp("2024-01-01", tz="UTC"))
    for week in (1, 2):
        begun.predict(week)
        begun.act(week)
        assert begun.state(week) == "complete"
    (alert,) = _alerts(begun, 1, "drift")
    assert "usual_nulls: debt" in alert.message


def test_a_week_in_which_nobody_is_due_is_as_it_should_be_where_the_contract_says_so(begun):
    begun.contract(data_quality={"rows": [0, 2000], "maximum_age_days": 6})
    begun.written.change("outcomes.parquet", lambda due: due[due["decided_at"] != as_of(1)])
    begun.turn(1)
    assert begun.state(1) == "covered"
    assert alerts(begun.ledger, "small", begun.batch(1)) == ()
    assert batch_summary(begun.ledger, begun.batch(1)).as_text().endswith("nobody was due.")
    begun.turn(2)
    assert begun.state(2) == "complete"


def test_a_category_that_vanished_keeps_the_model_from_deciding(modelled):
    modelled.contract(guardrails={"maximum_feature_shift": 1})
    _farms_become_shops(modelled, pd.Timestamp("2024-01-22", tz="UTC"))
    modelled.turn(3)
    _by_rules(modelled, 3, "input drift")
    assert "vanished_categories: trade" in _alerts(modelled, 3, "drift")[0].message


def _truncate(installation, monkeypatch):
    digest = champion(installation.ledger, "small").release.scorer_digest
    manifest = ReleaseManifest.from_bytes(installation.workspace.snapshots.get_bytes(digest))
    (file,) = (installation.folder / "home" / "snapshots").rglob(f"{manifest.class_digest}*")
    file.write_bytes(file.read_bytes()[:40])


def _remove(installation, monkeypatch):
    digest = champion(installation.ledger, "small").release.scorer_digest
    (file,) = (installation.folder / "home" / "snapshots").rglob(f"{digest}*")
    file.unlink()


def _values_nobody(installation, monkeypatch):
    def predicts_nothing(use_case, model, frame):
        from decisionloop.predict.predictions import Predictions

        return Predictions(np.full((len(frame), len(use_case.actions)), np.nan), None)

    monkeypatch.setattr("decisionloop.act.side_by_side.predict", predicts_nothing)


def _raises(installation, monkeypatch):
    def explode(*_):
        raise ZeroDivisionError("inside the model")

    monkeypatch.setattr("decisionloop.act.side_by_side.predict", explode)


@pytest.mark.parametrize(
    ("damage", "words", "is_killed"),
    [
        pytest.param(_truncate, "IntegrityError", False, marks=pytest.mark.exhaustive),
        (_remove, "IntegrityError", False),
        (_raises, "ZeroDivisionError: inside the model", False),
        (_values_nobody, "could not value a single row", False),
        (_remove, "IntegrityError", True),
        pytest.param(_truncate, "IntegrityError", True, marks=pytest.mark.exhaustive),
        pytest.param(_raises, "ZeroDivisionError: inside the model", True, marks=pytest.mark.exhaustive),
        pytest.param(_values_nobody, "could not value a single row", True, marks=pytest.mark.exhaustive),
    ],
)
def test_a_champion_that_cannot_score_leaves_the_batch_to_the_rules(modelled, monkeypatch, damage, words, is_killed):
    release_id = champion(modelled.ledger, "small").release_id
    damage(modelled, monkeypatch)
    if is_killed:
        set_flag(modelled.ledger, "small", "kill_switch", "on", "complaints", "head")
    modelled.turn(3)
    _by_rules(modelled, 3, "kill switch" if is_killed else "champion failed")
    (alert,) = _alerts(modelled, 3, "champion")
    assert alert.severity == "critical"
    assert words in alert.message
    failed = [run for run in shadow_runs(modelled.ledger, release_id) if run.batch_id == modelled.batch(3)]
    assert [run.status for run in failed] == ["nan" if damage is _values_nobody else "failed"]
    # It is new: what could not decide in its first days does not stay (`canary.baking_days`).
    assert find_stage(modelled.ledger, release_id).stage == "rolled_back"


def test_a_row_whose_rule_inputs_are_broken_gets_the_default_action(begun):
    """The rules read the turnover and not the debt."""
    begun.written.set("turnover", 5000, 1, slice(0, 5))
    begun.written.set("debt", 99, 1, slice(5, 10))
    begun.written.set("turnover", 500, 1, slice(5, 10))
    begun.predict(1)
    begun.act(1)
    decisions = begun.decisions(1).set_index("entity_id")
    broken, other = ([f"shop-{i:04d}" for i in rows] for rows in (range(5), range(5, 10)))
    assert set(decisions.loc[broken, "action"]) == {"hold"}
    assert set(decisions.loc[broken, "fallback_reason"]) == {"range: turnover"}
    assert decisions.loc[broken, "reason_codes"].str.contains("default action").all()
    assert set(decisions.loc[other, "action"]) == {"lend"}
    assert set(decisions.loc[other, "fallback_reason"]) == {"range: debt"}


SWAPPED = [
    {"name": "lend", "wording": "lend", "reveals_outcome": True, "is_favourable": True},
    {"name": "hold", "wording": "lend nothing", "is_default": True, "reveals_outcome": False, "is_sent": False},
]


def _stop_before_logging(monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("tasks.act.decide._log", killed)


def test_a_batch_that_was_chosen_is_finished_under_its_own_contract(restored, monkeypatch):
    """The contract's actions change places between choosing and logging."""
    with restored("modelled") as sound:
        sound.predict(3)
        sound.act(3)
        expected = sound.decisions(3)
    with restored("modelled") as installation:
        installation.predict(3)
        with monkeypatch.context() as patch:
            _stop_before_logging(patch)
            with pytest.raises(KeyboardInterrupt):
                installation.act(3)
        installation.contract(actions=SWAPPED, version=2)
        installation.act(3)
        pd.testing.assert_frame_equal(installation.decisions(3), expected)


def test_a_batch_of_which_nothing_is_decided_begins_anew_under_a_changed_contract(modelled):
    modelled.predict(3)
    modelled.contract(actions=SWAPPED, version=2)
    modelled.turn(3)
    decisions = modelled.decisions(3)
    assert set(decisions["contract_digest"]) == {modelled.workspace.use_case.digest}
    assert set(decisions["action"]) == {"lend", "hold"}
    assert (decisions["rules_action"] == "lend").mean() > 0.4
    assert [event.state for event in events(modelled.ledger, modelled.batch(3))].count("opened") == 2


def test_a_half_validated_batch_is_not_gone_on_with_under_other_code(begun):
    begun.predict(1)
    rules = begun.written.folder / "rules.py"
    rules.write_text(rules.read_text().replace("> 80", "> 8"))
    begun.contract()
    begun.predict(1)  # anew
    begun.act(1)
    assert (begun.decisions(1)["rules_action"] == "lend").mean() > 0.95


def test_a_step_alone_refuses_a_batch_whose_code_has_changed(begun):
    from tasks.predict.freeze import freeze_batch
    from tasks.predict.validate import validate_batch

    freeze_batch.fn("small", as_of(1))
    rules = begun.written.folder / "rules.py"
    rules.write_text(rules.read_text().replace("> 80", "> 8"))
    begun.contract()
    with pytest.raises(UsageError, match="code of small has changed"):
        validate_batch.fn("small", begun.batch(1))


@pytest.mark.parametrize("damage", [_remove, pytest.param(_truncate, marks=pytest.mark.exhaustive)])
def test_a_champion_whose_file_is_damaged_later_stops_neither_observing_nor_learning(modelled, monkeypatch, damage):
    modelled.turn(3)
    damage(modelled, monkeypatch)
    for week in (4, 5):
        modelled.turn(week)
        assert modelled.state(week) == "complete"
    measured = measurements_of(modelled.ledger, "small")
    mature = set(measured.loc[measured["is_mature"], "cohort"])
    assert {f"{as_of(week):%Y-%m-%d}" for week in (3, 4)} <= mature


def test_one_more_action_stops_no_batch_of_a_model(modelled):
    """What was usual under two actions says nothing of three."""
    modelled.turn(3)
    actions = [*SWAPPED, {"name": "gift", "wording": "send a gift", "reveals_outcome": False}]
    value = {"lend": "where(outcome, -loss, margin)", "hold": "0", "gift": "-1"}
    modelled.contract(actions=actions, economics={"value": value})
    modelled.turn(4)
    assert modelled.state(4) == "complete"
    assert len(modelled.decisions(4)) == 600


@pytest.mark.exhaustive
@pytest.mark.exhaustive
def test_what_rules_decide_in_place_of_a_model_teaches_the_next_one(modelled):
    """Debts have fallen for good: the rules, exploring, decide until a retraining has learnt from what they did."""

    def jump(history):
        late = pd.to_datetime(history["seen_at"]) >= as_of(3)
        return history.assign(debt=history["debt"].where(~late, history["debt"] * 0.2))

    modelled.contract(policy={"exploration": {"kind": "uniform", "share": 0.4}})
    modelled.written.change("history.csv", jump)
    before = champion(modelled.ledger, "small").release_id
    for week in (3, 4, 5):
        modelled.turn(week)
        _by_rules(modelled, week, "input drift")
    revealing = ["lend"]
    (first, *_) = teaching_by_batch(modelled.ledger, "small", (as_of(3), as_of(4)), revealing, as_of(5))
    taught = modelled.decisions(3)
    is_free = (taught["role"] != "holdout") & (taught["action"] == "lend")
    assert first.outcomes == is_free.sum() > 100
    trained = [one.release for one in current_stages(modelled.ledger, "small") if one.release.kind != "rules"]
    assert max(one.created_at for one in trained) > as_of(3)  # the open incident was answered
    assert {one.release_id for one in trained} > {before}
