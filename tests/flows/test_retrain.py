"""The flow `retrain` through real Prefect, as a person starts it: a judged candidate, or a reason why not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from decisionloop.errors import UsageError
from decisionloop.ledger.releases import current_stages
from decisionloop.ledger.verdicts import learn_runs, verdicts
from flows.naming import this_hour
from flows.retrain import retrain
from tests.small_use_case import as_of, settings_of

pytestmark = pytest.mark.xdist_group("flows")


def test_a_quiet_loop_is_left_alone_and_the_artifact_says_why(life, prefect):
    before = current_stages(life.ledger, "small")
    with settings_of(life.folder):
        said = retrain("small", as_of(3))
    assert "days of cooldown are left" in said
    assert current_stages(life.ledger, "small") == before
    shown = prefect.artifacts()["retraining-small-2024-01-22"]
    assert shown.startswith("# Not retraining yet: nobody asked")
    assert "days of cooldown are left" in shown


def test_a_person_who_insists_gets_a_candidate_that_the_gate_has_judged(life, prefect):
    before = {known.release_id for known in current_stages(life.ledger, "small")}
    with settings_of(life.folder):
        said = retrain("small", as_of(3), reason="A merger.", is_forced=True, candidates=["gradient_boosting"])
    trained = {known.release_id for known in current_stages(life.ledger, "small")} - before
    judged = {new: one for new in trained for one in verdicts(life.ledger, "small", new) if one.look == 1}
    assert set(judged) == trained
    artifacts = prefect.artifacts()
    assert all(f": {verdict.decision}. " in said for verdict in judged.values())
    assert artifacts["retraining-small-2024-01-22"].startswith("# Retraining: manual asked")
    for new, verdict in judged.items():
        assert f"look 1: {verdict.decision}" in artifacts[f"gate-{new.replace('/', '-').replace('_', '-')}-1"]
    assert ("manual", True) in {(run.trigger, run.is_triggered) for run in learn_runs(life.ledger, "small")}
    expected = {("decisionloop.retraining.triggered", "decisionloop.small.2024-01-22")}
    assert prefect.missing_events(expected) == set()


def test_without_a_time_it_is_as_of_the_hour_at_which_it_was_due(life):
    """As an automation or a schedule starts it; Prefect's own datetime is none to calculate with."""
    before = datetime.now(UTC)
    with settings_of(life.folder):
        said = retrain("small")
    assert said.startswith("Only 0 outcomes have matured")  # those of two years ago are too old to teach
    run = learn_runs(life.ledger, "small")[-1]
    assert timedelta(0) <= before - run.as_of < timedelta(hours=1)
    assert (run.trigger, run.is_triggered) == ("none", False)


def test_the_hour_is_a_plain_datetime(prefect):
    from prefect import flow

    assert type(flow(name="hour")(this_hour)()) is datetime


def test_what_cannot_be_meant_fails_at_once_and_says_what_to_give(life):
    with settings_of(life.folder), pytest.raises(UsageError, match="Say why in `reason`"):
        retrain("small", as_of(3), is_forced=True)
    with settings_of(life.folder), pytest.raises(Exception, match="scorecard"):
        retrain("small", as_of(3), candidates=["neural_network"])
