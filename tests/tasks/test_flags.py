"""A flag of a release, of everything, or with an end: while it holds nothing that it forbids is logged or leaves."""

from __future__ import annotations

from datetime import timedelta
from time import sleep

import pytest

from decisionloop.errors import UsageError
from decisionloop.ledger.alerts import alerts
from decisionloop.ledger.flags import KILL_SWITCH, NewFlag, put_flag, switch_of
from decisionloop.ledger.held_actions import waiting_actions
from decisionloop.ledger.kill_switch import Turn, engaged, lifted
from decisionloop.ledger.releases import canary, champion, find_stage, shadows
from decisionloop.ledger.schema import utc_now
from decisionloop.ledger.switch_lock import EVERYTHING
from tasks.act import decide
from tests.tasks.installation import run_task
from tests.tasks.test_kill_switch import STEPS, chosen_by_model, interrupt, left
from tests.tasks.test_stopping import by_it

pytestmark = pytest.mark.xdist_group("trial")

MOMENT = timedelta(seconds=0.4)
AT = ("after the choice", "between two logs", "between two chunks")


def stop(life, release_id=None, position="on", use_case="small", lasts=None):
    """Engage the kill switch of a scope."""
    until = None if lasts is None else utc_now() + lasts
    return engaged(life.ledger, Turn(use_case, position, "complaints", "head", 0, release_id, until))


def champion_of(life):
    """The release that decides."""
    return champion(life.ledger, "small").release_id


def test_where_the_champion_is_flagged_the_rules_decide_and_it_stays_champion(predicted):
    decides = champion_of(predicted)
    stop(predicted, decides)
    predicted.act(3)
    decided = predicted.decisions(3)
    assert set(decided["role"]) <= {"baseline", "holdout"}
    assert set(decided["fallback_reason"]) == {"kill switch"}
    assert champion_of(predicted) == decides
    lifted(predicted.ledger, Turn("small", "off", "mended", "head", release_id=decides), ["head"])
    predicted.predict(4)
    predicted.act(4)
    assert "champion" in set(predicted.decisions(4)["role"])


def test_a_flag_that_has_ended_stops_nobody_any_more(predicted):
    stop(predicted, lasts=MOMENT)
    stop(predicted, use_case=EVERYTHING, lasts=MOMENT)
    stop(predicted, champion_of(predicted), lasts=MOMENT)
    sleep(MOMENT.total_seconds())
    predicted.act(3)
    assert "champion" in set(predicted.decisions(3)["role"])
    assert waiting_actions(predicted.ledger, "small") == ()


def test_people_are_told_once_that_a_flag_has_ended(small):
    stop(small, lasts=4 * MOMENT)  # where the machine is busy, all of this takes longer than one
    stop(small, use_case=EVERYTHING, lasts=4 * MOMENT)
    stop(small, position="default")
    assert run_task("tasks.tell.expired_flags", "tell_of_expired_flags", "small") == 0
    sleep(4 * MOMENT.total_seconds())
    assert run_task("tasks.tell.expired_flags", "tell_of_expired_flags", "small") == 2
    assert run_task("tasks.tell.expired_flags", "tell_of_expired_flags", "small") == 0
    told = [one for one in alerts(small.ledger, "small") if one.kind == "flag"]
    assert ["everything: on until" in one.message for one in told] == [True, False]


@pytest.mark.parametrize("step", AT)
def test_whenever_the_champion_is_flagged_nothing_that_it_chose_is_logged_or_leaves_afterwards(
    predicted,
    step,
    monkeypatch,
):
    there: dict[str, set[str]] = {}

    def deed():
        stop(predicted, champion_of(predicted))
        there["logged"] = set(chosen_by_model(predicted.ledger, predicted.batch(3)))
        there["sent"] = left(predicted)

    with monkeypatch.context() as patch:
        interrupt(patch, *STEPS[step], deed)
        predicted.act(3)
    by_model = set(chosen_by_model(predicted.ledger, predicted.batch(3)))
    assert by_model == there["logged"]
    assert left(predicted) & by_model == there["sent"] & by_model
    assert (predicted.state(3), len(predicted.decisions(3))) == ("complete", 600)
    assert bool(waiting_actions(predicted.ledger, "small")) == bool(there["logged"])


@pytest.mark.parametrize("step", AT)
def test_whenever_who_is_on_trial_is_flagged_nothing_that_it_chose_is_logged_or_leaves_afterwards(
    tried,
    step,
    monkeypatch,
):
    on_trial = canary(tried.ledger, "small").release_id
    there: dict[str, set[str]] = {}

    def deed():
        stop(tried, on_trial)
        there["logged"], there["sent"] = by_it(tried), left(tried)

    with monkeypatch.context() as patch:
        interrupt(patch, *STEPS[step], deed)
        tried.act(3)
    assert by_it(tried) == there["logged"]
    assert left(tried) & by_it(tried) == there["sent"] & by_it(tried)
    assert (tried.state(3), len(tried.decisions(3))) == ("complete", 600)


def test_who_is_on_trial_and_flagged_has_no_say_and_the_champion_decides_for_its_share(tried):
    on_trial = canary(tried.ledger, "small").release_id
    stop(tried, on_trial)
    tried.act(3)
    decided = tried.decisions(3)
    assert on_trial not in set(decided["release_id"])
    assert decided["fallback_reason"].isna().any()  # the champion, and no kill switch for all
    assert "exploration" in set(decided["role"])
    tried.turn(4)  # and it takes no further step, nor is it held against it
    assert canary(tried.ledger, "small").event.share == 0.25
    assert on_trial not in set(tried.decisions(4)["release_id"])


def test_a_switch_that_ends_while_a_batch_is_logged_leaves_nobody_undecided(predicted, monkeypatch):
    """What it overtook is chosen again, when it has ended: by the rules, for the reason that it was."""

    def deed():
        stop(predicted, lasts=MOMENT)

    def ended(*arguments):
        sleep(MOMENT.total_seconds())
        return original(*arguments)

    original = decide._why_overtaken
    with monkeypatch.context() as patch:
        interrupt(patch, *STEPS["between two logs"], deed)
        patch.setattr("tasks.act.decide._why_overtaken", ended)
        decide.decide_batch.fn("small", predicted.batch(3))
    assert switch_of(predicted.ledger, "small").holding == ()
    decided = predicted.decisions(3)
    assert len(decided) == 600
    assert set(decided["fallback_reason"].dropna()) == {"kill switch"}


def test_a_model_that_is_flagged_is_not_promoted_and_waits(shadowed):
    (shadow,) = shadows(shadowed.ledger, "small")
    put_flag(shadowed.ledger, NewFlag("small", KILL_SWITCH, "on", "so", "head", shadow.release_id))
    shadowed.turn(2)  # without the flag it becomes champion in this turn
    assert find_stage(shadowed.ledger, shadow.release_id).stage == "shadow"
    with pytest.raises(UsageError, match="may not lift the kill switch of release small/"):
        lifted(shadowed.ledger, Turn("small", "off", "so", "anna", release_id=shadow.release_id), ["head"])


def test_everything_stops_a_use_case_that_is_made_later(small):
    stop(small, position="default", use_case=EVERYTHING)
    small.turn(0)
    assert set(small.decisions(0)["fallback_reason"]) == {"kill switch: default action"}
    assert set(small.decisions(0)["action"]) == {"hold"}
