"""A release is registered once; its stage is the last that it entered, and who decides follows from the stages."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from decisionloop.errors import UsageError
from decisionloop.ledger.release_changes import change_stages, judgement_of, register_release
from decisionloop.ledger.releases import (
    Release,
    baseline,
    champion,
    current_stages,
    events_of_releases,
    find_stage,
    release_events,
    release_id_of,
    roster_of,
    shadows,
    standing,
)
from decisionloop.ledger.snapshot_log import Snapshot, record_snapshot
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.verdicts import (
    LearnRun,
    TrainingSet,
    Verdict,
    append_learn_run,
    append_training_set,
    append_verdict,
    find_training_set,
    learn_runs,
    verdicts,
)
from decisionloop.release.grounds import GATE, Grounds
from decisionloop.release.requests import EnterShadow, InstallRules, Promote, Refuse
from decisionloop.release.stages import TransitionRefused
from tests.release_lives import OURSELVES, install_rules, into_shadow, promote

AT = datetime(2005, 7, 8, tzinfo=UTC)
CONTRACT = "c" * 64
RULES = "credit_line/rules/000000000001"
BY_GATE = Grounds(GATE, "no skill", AT, {"verdict_id": "v"})


def scorecard(n: int = 1) -> Release:
    """The n-th scorecard; its scorer is not stored."""
    release_id = release_id_of("credit_line", "scorecard", CONTRACT, f"{n:064x}")
    at = AT + timedelta(days=n)
    return Release(release_id, "credit_line", "scorecard", CONTRACT, None, None, str(n), "[0.1, 0.9]", "{}", at)


def newer_rules(n: int = 2) -> Release:
    """The rules of another contract."""
    return replace(scorecard(n), release_id=f"credit_line/rules/{n}", kind="rules", mlflow_version=None)


def who(found: object) -> str | None:
    """The id of a release that was found."""
    return getattr(found, "release_id", None)


def test_before_the_first_release_nobody_decides(ready: Ledger) -> None:
    assert champion(ready, "credit_line") is None
    assert baseline(ready, "credit_line") is None
    assert standing(ready, "credit_line") is None
    assert current_stages(ready, "credit_line") == ()


def test_the_same_content_has_the_same_id_and_says_its_kind() -> None:
    first = release_id_of("credit_line", "scorecard", CONTRACT, "a" * 64)
    assert first == release_id_of("credit_line", "scorecard", CONTRACT, "a" * 64)
    assert first.startswith("credit_line/scorecard/")
    assert first != release_id_of("credit_line", "scorecard", CONTRACT, "b" * 64)


def test_registering_again_changes_neither_release_nor_stage(released: Ledger) -> None:
    new = scorecard()
    assert register_release(released, new, "trained", "learn")
    change_stages(released, "credit_line", Refuse(new.release_id), BY_GATE)
    assert not register_release(released, replace(new, card_json='{"other": 1}'), "trained again", "learn")
    stage = find_stage(released, new.release_id)
    assert stage is not None
    assert (stage.stage, stage.release, stage.event.decided_by) == ("refused", new, "gate")


def test_a_challenger_goes_from_shadow_to_champion_and_the_rules_stay_the_baseline(released: Ledger) -> None:
    new = scorecard()
    into_shadow(released, new)
    assert [found.release_id for found in shadows(released, "credit_line")] == [new.release_id]
    assert who(champion(released, "credit_line")) == who(baseline(released, "credit_line")) == RULES
    promote(released, new)
    assert who(champion(released, "credit_line")) == new.release_id
    assert who(baseline(released, "credit_line")) == RULES
    assert shadows(released, "credit_line") == ()
    assert champion(released, "another") is None


def test_a_second_model_that_wins_retires_the_first(released: Ledger) -> None:
    for n in (1, 2):
        into_shadow(released, scorecard(n))
        promote(released, scorecard(n))
    stages = {found.release_id: found.stage for found in current_stages(released, "credit_line")}
    assert stages == {RULES: "baseline", scorecard(1).release_id: "retired", scorecard(2).release_id: "champion"}
    (left,) = [one for one in release_events(released, scorecard(1).release_id) if one.stage == "retired"]
    assert left.reason == f"{scorecard(2).release_id} decides"


def test_newer_rules_take_the_place_of_the_rules_wherever_that_is(released: Ledger) -> None:
    install_rules(released, newer_rules(2))
    assert who(champion(released, "credit_line")) == newer_rules(2).release_id
    into_shadow(released, scorecard())
    promote(released, scorecard())
    install_rules(released, newer_rules(3))
    assert who(champion(released, "credit_line")) == scorecard().release_id
    assert who(baseline(released, "credit_line")) == newer_rules(3).release_id
    install_rules(released, newer_rules(2))  # the contract was put back
    assert who(baseline(released, "credit_line")) == newer_rules(2).release_id


def test_every_event_says_who_why_from_where_on_what_and_when_in_one_order(released: Ledger) -> None:
    register_release(released, scorecard(), "trained", "learn")
    change_stages(released, "credit_line", Refuse(scorecard().release_id), BY_GATE)
    told = events_of_releases(released, "credit_line")
    assert [one.seq for one in told] == [1, 2, 3, 4]
    last = told[-1]
    assert (last.stage_before, last.stage, last.decider, last.decided_by) == ("candidate", "refused", "gate", "gate")
    assert (last.reason, last.evidence, last.as_of) == ("no skill", '{"verdict_id": "v"}', AT)
    assert last.recorded_at is not None
    assert last.recorded_at > AT + timedelta(days=365)  # the clock on the wall, whatever the as-of


def test_asking_for_what_is_so_adds_no_event(released: Ledger) -> None:
    into_shadow(released, scorecard())
    promote(released, scorecard())
    before = events_of_releases(released, "credit_line")
    assert promote(released, scorecard()) == ()
    again = Grounds(OURSELVES, "again", AT)
    assert change_stages(released, "credit_line", InstallRules(RULES), again) == ()
    assert events_of_releases(released, "credit_line") == before


def test_what_the_state_machine_refuses_writes_nothing(released: Ledger) -> None:
    into_shadow(released, scorecard())
    promote(released, scorecard())
    before = events_of_releases(released, "credit_line")
    for request in (Refuse(scorecard().release_id), EnterShadow(scorecard().release_id)):
        with pytest.raises(TransitionRefused, match="cannot go from champion"):
            change_stages(released, "credit_line", request, BY_GATE)
    assert events_of_releases(released, "credit_line") == before


def test_a_release_that_is_not_registered_is_refused(released: Ledger) -> None:
    with pytest.raises(UsageError, match="credit_line/nothing is not in the ledger"):
        change_stages(released, "credit_line", EnterShadow("credit_line/nothing"), BY_GATE)


def test_a_promotion_rests_on_a_verdict_that_the_ledger_knows(released: Ledger) -> None:
    into_shadow(released, scorecard())
    with pytest.raises(UsageError, match="knows no verdict unheard"):
        judgement_of(released, "unheard")
    said = Verdict("credit_line", scorecard().release_id, RULES, 2, AT, "insufficient", "[]", "{}")
    append_verdict(released, said)
    request = Promote(scorecard().release_id, judgement_of(released, said.verdict_id))
    with pytest.raises(TransitionRefused, match="says insufficient"):
        change_stages(released, "credit_line", request, BY_GATE)


def test_who_stands_where_is_read_at_once(released: Ledger) -> None:
    into_shadow(released, scorecard())
    promote(released, scorecard())
    now = standing(released, "credit_line")
    assert now is not None
    assert (now.champion.release_id, now.baseline.release_id) == (scorecard().release_id, RULES)
    assert now.seq == events_of_releases(released, "credit_line")[-1].seq
    assert roster_of(released, "credit_line").champion == now.champion.release_id


def test_the_trail_of_learning_is_kept_once(released: Ledger) -> None:
    new = scorecard()
    register_release(released, new, "trained", "learn")
    for is_new in (True, False):
        assert append_learn_run(released, LearnRun("credit_line", AT, "first_model", True, "no model yet")) is is_new
        said = Verdict(
            use_case="credit_line", challenger_id=new.release_id, champion_id=RULES, look=1, as_of=AT,
            decision="insufficient", reasons='["12 effective rows"]', evidence="{}",
        )  # fmt: skip
        assert append_verdict(released, said) is is_new
    assert append_verdict(released, replace(said, verdict_id="", attempt=2))  # it came back, and is looked at anew
    assert [run.is_triggered for run in learn_runs(released, "credit_line")] == [True]
    found = verdicts(released, "credit_line", new.release_id)
    assert sorted((verdict.look, verdict.attempt) for verdict in found) == [(1, 1), (1, 2)]
    assert verdicts(released, "credit_line", "nobody") == ()


def test_a_training_set_names_its_snapshot_and_cohorts(ready: Ledger) -> None:
    record_snapshot(ready, Snapshot("a" * 64, "training_set", "memory://x", 10, 100))
    one = TrainingSet("credit_line", AT, AT, AT, 10, "a" * 64, created_at=AT)
    assert append_training_set(ready, one)
    assert not append_training_set(ready, TrainingSet("credit_line", AT, AT, AT, 10, "a" * 64))
    assert find_training_set(ready, one.training_set_id) == one
    assert find_training_set(ready, "nothing") is None
