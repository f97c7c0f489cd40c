"""After a change who has learnt from the new world takes the place of who is on trial, where it earns more there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from decisionloop.learn.ramp import Standing
from decisionloop.ledger.incidents import close
from decisionloop.ledger.releases import canary, challengers, find_stage
from decisionloop.observe.estimate import Estimate
from tasks.learn.succession import HeadToHead, head_to_head
from tests.small_use_case import as_of
from tests.tasks.installation import copy, working_in
from tests.tasks.test_newcomers import STEPS
from tests.tasks.test_retraining import raise_incident

pytestmark = pytest.mark.xdist_group("loop")


@pytest.fixture
def changed(saved, tmp_path):
    """A model taught by week 0 is on trial, the world has changed in week 1, and another was taught by both weeks."""
    with working_in(tmp_path / "life", copy(saved / "begun", tmp_path / "life")) as installation:
        installation.contract(shadow={"on_newest_batch": True}, canary={"steps": STEPS})
        installation.turn(1)
        installation.predict(2)
        installation.act(2)
        installation.observe(2)
        yield installation


def _train(installation, monkeypatch, more):
    """Train another; neither stands for more than the other, and it earns ``more`` than who is on trial (the bound)."""
    monkeypatch.setattr("tasks.learn.canaries.standing_now", lambda *_: Standing(0.8, is_behind=False))
    told = None if more is None else HeadToHead(as_of(1), Estimate(more + 1, more, more + 2, 600, 600.0, 0.1))
    monkeypatch.setattr("tasks.learn.canaries.head_to_head", lambda *_: told)
    return installation.retrain(2, reason="Try another kind.", is_forced=True, candidates=["gradient_boosting"])


@pytest.mark.parametrize(("more", "is_succeeded"), [(0.5, True), (-0.5, False), (None, False)])
def test_who_earns_more_since_the_change_goes_on_with_the_trial_of_who_was_taught_before(
    changed, monkeypatch, more, is_succeeded
):
    first = canary(changed.ledger, "small")
    said = _train(changed, monkeypatch, more)
    now = canary(changed.ledger, "small")
    assert (now.release_id != first.release_id) == is_succeeded
    assert now.event.share == first.event.share == 0.25
    if is_succeeded:
        assert "more per decision since the world changed on 2024-01-08" in now.event.reason
        assert now.event.reason in said
        assert find_stage(changed.ledger, first.release_id).stage == "refused"


def test_where_approvers_must_agree_nobody_gives_way(changed, monkeypatch):
    first = canary(changed.ledger, "small").release_id
    changed.contract(approval={"is_required": True})
    _train(changed, monkeypatch, 0.5)
    assert canary(changed.ledger, "small").release_id == first


def test_they_are_compared_on_what_came_since_a_change_that_one_alone_has_seen(changed):
    first = canary(changed.ledger, "small").release
    changed.retrain(2, reason="Try another kind.", is_forced=True, candidates=["gradient_boosting"])
    (second,) = _others(changed, first.release_id)
    assert head_to_head(changed.workspace, second, first, as_of(3)) is None, "the world is as it was"
    incident = raise_incident(changed, "performance", 1)
    close(changed.ledger, incident, "anna", "usual by now")
    compared = head_to_head(changed.workspace, second, first, as_of(3))
    assert compared.since == as_of(1)
    assert compared.money.n <= 2 * len(changed.decisions(1))
    assert head_to_head(changed.workspace, first, second, as_of(3)) is None, "nobody is succeeded by who knows less"


def test_a_release_does_not_earn_more_than_itself(changed):
    raise_incident(changed, "performance", 1)
    changed.retrain(2, reason="Try another kind.", is_forced=True, candidates=["gradient_boosting"])
    first = canary(changed.ledger, "small").release
    (second,) = _others(changed, first.release_id)
    twin = replace(second, training_set_id=first.training_set_id)
    assert not head_to_head(changed.workspace, second, twin, as_of(3)).is_sure


def _others(installation, release_id):
    return [one.release for one in challengers(installation.ledger, "small") if one.release_id != release_id]
