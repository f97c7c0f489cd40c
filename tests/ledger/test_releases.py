"""A release is registered once; its stage is the last that it entered, and who decides follows from the stages."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from decisionloop.errors import UsageError
from decisionloop.ledger.releases import (
    Release,
    StageChange,
    append_release_event,
    baseline,
    champion,
    current_stages,
    find_stage,
    register_release,
    release_events,
    release_id_of,
    shadows,
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

AT = datetime(2005, 7, 8, tzinfo=UTC)
CONTRACT = "c" * 64
RULES = "credit_line/rules/000000000001"


def scorecard(n: int = 1) -> Release:
    """The n-th scorecard; its scorer is not stored."""
    release_id = release_id_of("credit_line", "scorecard", CONTRACT, f"{n:064x}")
    at = AT + timedelta(days=n)
    return Release(release_id, "credit_line", "scorecard", CONTRACT, None, None, str(n), "[0.1, 0.9]", "{}", at)


def test_before_the_first_release_nobody_decides(ready: Ledger) -> None:
    assert champion(ready, "credit_line") is None
    assert baseline(ready, "credit_line") is None
    assert current_stages(ready, "credit_line") == ()


def test_the_same_content_has_the_same_id_and_says_its_kind() -> None:
    first = release_id_of("credit_line", "scorecard", CONTRACT, "a" * 64)
    assert first == release_id_of("credit_line", "scorecard", CONTRACT, "a" * 64)
    assert first.startswith("credit_line/scorecard/")
    assert first != release_id_of("credit_line", "scorecard", CONTRACT, "b" * 64)


def test_registering_again_changes_neither_release_nor_stage(released: Ledger) -> None:
    new = scorecard()
    assert register_release(released, new, "trained", "learn")
    append_release_event(released, StageChange(new.release_id, "refused", "no skill", "gate"))
    assert not register_release(released, replace(new, card_json='{"other": 1}'), "trained again", "learn")
    stage = find_stage(released, new.release_id)
    assert stage is not None
    assert (stage.stage, stage.release, stage.event.decided_by) == ("refused", new, "gate")


def test_a_challenger_goes_from_shadow_to_champion_and_the_rules_stay_the_baseline(released: Ledger) -> None:
    new = scorecard()
    register_release(released, new, "trained", "learn", stage="shadow")
    assert [found.release_id for found in shadows(released, "credit_line")] == [new.release_id]
    append_release_event(released, StageChange(new.release_id, "champion", "won", "gate", at=AT + timedelta(days=9)))
    append_release_event(released, StageChange(RULES, "rolled_back", "replaced", "gate", at=AT + timedelta(days=9)))
    decides, rules = champion(released, "credit_line"), baseline(released, "credit_line")
    assert decides is not None
    assert rules is not None
    assert (decides.release_id, rules.release_id) == (new.release_id, RULES)
    assert shadows(released, "credit_line") == ()
    assert champion(released, "another") is None


def test_of_two_champions_the_later_one_decides(released: Ledger) -> None:
    new = scorecard()
    register_release(released, new, "trained", "learn")
    append_release_event(released, StageChange(new.release_id, "champion", "won", "gate", at=AT + timedelta(days=30)))
    decides = champion(released, "credit_line")
    assert decides is not None
    assert decides.release_id == new.release_id


def test_newer_rules_become_the_baseline_and_retired_ones_do_not(released: Ledger) -> None:
    newer = replace(scorecard(), release_id="credit_line/rules/2", kind="rules")
    register_release(released, newer, "contract changed", "test")
    found = baseline(released, "credit_line")
    assert found is not None
    assert found.release_id == newer.release_id
    append_release_event(released, StageChange(newer.release_id, "retired", "withdrawn", "test"))
    found = baseline(released, "credit_line")
    assert found is not None
    assert found.release_id == RULES


def test_entering_the_stage_that_it_is_in_adds_no_event(released: Ledger) -> None:
    assert not append_release_event(released, StageChange(RULES, "champion", "again", "test"))
    assert [event.stage for event in release_events(released, RULES)] == ["champion"]


def test_a_stage_is_entered_only_from_those_named(released: Ledger) -> None:
    assert not append_release_event(
        released, StageChange(RULES, "retired", "late", "test"), only_from={"shadow", "candidate"}
    )
    assert append_release_event(released, StageChange(RULES, "retired", "in time", "test"), only_from={"champion"})
    assert [event.seq for event in release_events(released, RULES)] == [1, 2]


def test_a_release_that_is_not_registered_is_refused(released: Ledger) -> None:
    with pytest.raises(UsageError, match="credit_line/nothing is not in the ledger"):
        append_release_event(released, StageChange("credit_line/nothing", "champion", "", "test"))


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
    assert [run.is_triggered for run in learn_runs(released, "credit_line")] == [True]
    found = verdicts(released, "credit_line", new.release_id)
    assert [(verdict.look, verdict.decision) for verdict in found] == [(1, "insufficient")]
    assert verdicts(released, "credit_line", "nobody") == ()


def test_a_training_set_names_its_snapshot_and_cohorts(ready: Ledger) -> None:
    record_snapshot(ready, Snapshot("a" * 64, "training_set", "memory://x", 10, 100))
    one = TrainingSet("credit_line", AT, AT, AT, 10, "a" * 64, created_at=AT)
    assert append_training_set(ready, one)
    assert not append_training_set(ready, TrainingSet("credit_line", AT, AT, AT, 10, "a" * 64))
    assert find_training_set(ready, one.training_set_id) == one
    assert find_training_set(ready, "nothing") is None
