"""A person stops a release on trial or in shadow: from then on it decides for nobody, and what it chose is held."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from _pytest.mark import ParameterSet

from decisionloop.ledger.alerts import alerts
from decisionloop.ledger.held_actions import count_unsent, waiting_actions
from decisionloop.ledger.releases import canary, champion, find_stage, release_events, shadows
from decisionloop.release.stages import TransitionRefused
from tests.tasks.installation import Installation, run_flow
from tests.tasks.test_kill_switch import STEPS, interrupt, left

pytestmark = pytest.mark.xdist_group("trial")

WHY = ("complaints", "anna")
AT = {step: STEPS[step] for step in ("after the choice", "between two logs", "between two chunks")}


def by_it(life: Installation) -> set[str]:
    """The decisions of week 3 that were logged for the release on trial."""
    return set(life.decisions(3).query("role == 'canary'")["decision_id"])


def test_history_says_who_and_why_and_people_are_told_once(tried):
    on_trial = canary(tried.ledger, "small").release_id
    assert "on trial, was stopped: complaints (anna)." in run_flow("stop", "small", on_trial, *WHY)
    event = release_events(tried.ledger, on_trial)[-1]
    assert (event.stage_before, event.stage, event.decider) == ("canary", "rolled_back", "person")
    assert (event.reason, event.decided_by) == WHY
    assert canary(tried.ledger, "small") is None
    before = tried.tables()
    assert "stopped before" in run_flow("stop", "small", on_trial, *WHY)
    assert tried.tables() == before
    assert [one.kind for one in alerts(tried.ledger, "small")].count("stopped") == 1
    tried.turn(3)  # nor does the gate bring it back
    assert find_stage(tried.ledger, on_trial).stage == "rolled_back"


def _each_step() -> Iterator[ParameterSet]:
    """Engine by engine: what they exclude each other by on either is shown in test_kill_switch.py."""
    for engine in ("sqlite", "postgresql"):
        for step in AT:
            marks = () if engine == "sqlite" else pytest.mark.exhaustive
            yield pytest.param(engine, step, id=f"{engine}-{step}", marks=marks)


@pytest.mark.parametrize(("waiting_life", "step"), _each_step(), indirect=["waiting_life"], scope="session")
def test_whenever_it_is_stopped_nothing_that_it_chose_is_logged_or_leaves_afterwards(tried, step, monkeypatch):
    on_trial = canary(tried.ledger, "small").release_id
    there: dict[str, set[str]] = {}

    def deed() -> None:
        run_flow("stop", "small", on_trial, *WHY)
        there["logged"], there["sent"] = by_it(tried), left(tried)

    with monkeypatch.context() as patch:
        interrupt(patch, *AT[step], deed)
        tried.act(3)
    assert by_it(tried) == there["logged"]
    assert left(tried) & by_it(tried) == there["sent"] & by_it(tried)
    assert (tried.state(3), len(tried.decisions(3))) == ("complete", 600)
    assert sum(one.actions for one in waiting_actions(tried.ledger, "small")) == count_unsent(
        tried.ledger, tried.batch(3)
    )


class Killed(BaseException):
    """Nobody catches it."""


def test_stopped_while_a_killed_run_waits_to_be_repeated_it_decides_for_nobody(tried, monkeypatch):
    on_trial = canary(tried.ledger, "small").release_id

    def die() -> None:
        raise Killed

    with monkeypatch.context() as patch:
        interrupt(patch, *AT["after the choice"], die)
        with pytest.raises(Killed):
            tried.act(3)
    run_flow("stop", "small", on_trial, *WHY)
    tried.act(3)  # what was chosen before stands, and may not be logged
    assert by_it(tried) == set()
    assert on_trial not in set(tried.decisions(3)["release_id"])
    assert (tried.state(3), len(tried.decisions(3))) == ("complete", 600)


def test_a_wrong_choice_is_refused_with_what_can_be_stopped(tried):
    on_trial, before = canary(tried.ledger, "small").release_id, tried.tables()
    for name, why in (("small/nothing", "not known"), (champion(tried.ledger, "small").release_id, "rollback")):
        with pytest.raises(TransitionRefused, match=rf"{why}.* Choose one of: {on_trial} \(on trial\)"):
            run_flow("stop", "small", name, *WHY)
    assert tried.tables() == before


def test_one_in_shadow_is_compared_no_further(shadowed):
    (shadow,) = shadows(shadowed.ledger, "small")
    run_flow("stop", "small", shadow.release_id, *WHY)
    assert release_events(shadowed.ledger, shadow.release_id)[-1].stage == "refused"
    shadowed.predict(2)
    shadowed.learn(2)
    assert find_stage(shadowed.ledger, shadow.release_id).stage == "refused"
