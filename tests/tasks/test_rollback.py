"""Going back: from then on nothing that the model chose is logged or leaves, and the other release decides."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from decisionloop.ledger.alerts import alerts
from decisionloop.ledger.flags import set_flag
from decisionloop.ledger.held_actions import count_unsent, waiting_actions
from decisionloop.ledger.notices import pending_notices
from decisionloop.ledger.release_changes import change_stages
from decisionloop.ledger.releases import baseline, champion, current_stages, find_stage, release_events, roster_of
from decisionloop.ledger.rollback import RolledBack, roll_back
from decisionloop.ledger.schema import utc_now
from decisionloop.ledger.verdicts import verdicts
from decisionloop.release.grounds import Grounds
from decisionloop.release.requests import EnterShadow
from decisionloop.release.stages import Decider, TransitionRefused
from tasks.learn.comparisons import COMPARISON, find_comparison, review_challenger
from tests.release_lives import into_shadow, promote
from tests.small_use_case import as_of
from tests.tasks.installation import Installation, run_flow
from tests.tasks.moment import PART_ROWS, PARTS, Moment
from tests.tasks.test_kill_switch import STEPS, chosen_by_model, interrupt, left

pytestmark = pytest.mark.xdist_group("trial")

BOSS, ANYBODY = Decider("approver", "approver@example.com"), Decider("person", "anna")


@pytest.fixture
def scored(predicted_life: Moment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    """Week 3 is scored by the model that is champion, the ledger on either engine."""
    monkeypatch.setenv(PARTS, PART_ROWS)
    with predicted_life.copied(tmp_path / "scored") as moment, moment.work() as installation:
        yield installation


def go_back(life: Installation, to: str | None = None, by: Decider = BOSS) -> RolledBack:
    """Roll back, by a person who may."""
    return roll_back(life.ledger, "small", to, Grounds(by, "it lost money", utc_now()))


def deciders(life: Installation, week: int) -> set[str]:
    """The releases that decided a week."""
    return set(life.decisions(week)["release_id"])


def test_the_next_batch_is_decided_by_the_rules_after_a_rollback_to_them(modelled):
    model, rules = champion(modelled.ledger, "small").release_id, baseline(modelled.ledger, "small").release_id
    told = go_back(modelled, "rules", ANYBODY)
    assert told.champion == rules
    modelled.turn(3)
    assert deciders(modelled, 3) == {rules}
    assert modelled.state(3) == "complete"
    assert set(modelled.decisions(3)["role"]) <= {"baseline", "holdout", "exploration"}
    assert find_stage(modelled.ledger, model).stage == "rolled_back"  # nor has the gate brought it back in that turn


def second_model(life: Installation) -> str:
    """Another model takes over from the first: the same scorer, released once more."""
    first = champion(life.ledger, "small").release
    second = replace(first, release_id="small/scorecard/second", mlflow_version=None, created_at=as_of(2))
    into_shadow(life.ledger, second)
    promote(life.ledger, second)
    return second.release_id


def test_the_next_batch_is_decided_by_the_champion_before_after_a_rollback_to_it(modelled):
    first, second = champion(modelled.ledger, "small").release_id, second_model(modelled)
    assert champion(modelled.ledger, "small").release_id == second
    go_back(modelled)
    modelled.predict(3)
    modelled.act(3)
    assert deciders(modelled, 3) == {first, baseline(modelled.ledger, "small").release_id}
    go_back(modelled)  # and before that there were the rules
    modelled.predict(4)
    modelled.act(4)
    assert deciders(modelled, 4) == {baseline(modelled.ledger, "small").release_id}
    go_back(modelled, second)
    modelled.predict(5)
    modelled.act(5)
    assert second in deciders(modelled, 5)


def test_a_batch_that_the_model_had_scored_is_decided_by_the_rules(scored):
    model, rules = champion(scored.ledger, "small").release_id, baseline(scored.ledger, "small").release_id
    go_back(scored)
    scored.act(3)
    decided = scored.decisions(3)
    assert set(decided["release_id"]) == {rules}
    assert set(decided["fallback_reason"].dropna()) == {"model rolled back"}
    assert (scored.state(3), len(decided)) == ("complete", 600)
    assert find_stage(scored.ledger, model).stage == "rolled_back"


@pytest.mark.parametrize(
    ("chunked_life", "step"),
    [
        ("sqlite", "after the choice"),
        ("sqlite", "between two chunks"),
        ("sqlite", "between two logs"),
        pytest.param("postgresql", "between two logs", marks=pytest.mark.exhaustive),
        pytest.param("postgresql", "after the choice", marks=pytest.mark.exhaustive),
        pytest.param("postgresql", "between two chunks", marks=pytest.mark.exhaustive),
    ],
    indirect=["chunked_life"],
    scope="session",
)
def test_whenever_it_happens_nothing_of_the_model_is_logged_or_leaves_afterwards(scored, step, monkeypatch):
    there: dict[str, set[str]] = {}

    def deed() -> None:
        told = go_back(scored)
        assert told.not_called_back == ()
        there["logged"] = set(chosen_by_model(scored.ledger, scored.batch(3)))
        there["sent"] = left(scored)

    with monkeypatch.context() as patch:
        interrupt(patch, *STEPS[step], deed)
        scored.act(3)
    ledger, batch = scored.ledger, scored.batch(3)
    by_model = set(chosen_by_model(ledger, batch))
    assert by_model == there["logged"]
    assert left(scored) & by_model == there["sent"] & by_model
    assert (scored.state(3), len(scored.decisions(3))) == ("complete", 600)
    held = sum(one.actions for one in waiting_actions(ledger, "small"))
    assert held == count_unsent(ledger, batch)
    to_send = set(scored.decisions(3).query("action == 'lend'")["decision_id"])
    assert len(to_send - left(scored)) == held


def test_the_gate_does_not_bring_it_back_and_a_comeback_begins_a_comparison_of_its_own(shadowed):
    (shadow,) = [one.release for one in current_stages(shadowed.ledger, "small") if one.stage == "shadow"]
    shadowed.turn(2)
    assert champion(shadowed.ledger, "small").release_id == shadow.release_id
    go_back(shadowed, "rules", ANYBODY)
    shadowed.learn(3)
    assert find_stage(shadowed.ledger, shadow.release_id).stage == "rolled_back"
    rules = champion(shadowed.ledger, "small").release
    assert find_comparison(shadowed.workspace, shadow, rules) is not None
    promoted = [one for one in verdicts(shadowed.ledger, "small", shadow.release_id) if one.decision == "promote"]
    # A person asks for another comparison: what was judged before counts no more.
    request = EnterShadow(shadow.release_id)
    change_stages(shadowed.ledger, "small", request, Grounds(ANYBODY, "it was the feed", as_of(3)))
    assert find_comparison(shadowed.workspace, shadow, rules) is None
    with pytest.raises(TransitionRefused, match=r"attempt 1.*it is attempt 2"):
        promote_by(shadowed, shadow, promoted[-1].verdict_id)
    shadowed.predict(3)
    again = find_stage(shadowed.ledger, shadow.release_id)
    assert again is not None
    review_challenger(shadowed.workspace, again, as_of(3))
    assert find_comparison(shadowed.workspace, shadow, rules) is not None
    opened = [one for one in verdicts(shadowed.ledger, "small", shadow.release_id) if one.look == COMPARISON]
    assert {one.attempt for one in opened} == {1, 2}
    assert champion(shadowed.ledger, "small").release.kind == "rules"


def promote_by(life: Installation, release, verdict_id: str) -> None:
    """Promote by a verdict that is there already."""
    from tasks.learn.release_stages import by_gate
    from tasks.learn.release_stages import promote as promote_for_good

    promote_for_good(life.workspace, release, by_gate("it earned more", as_of(3), verdict_id))


def test_the_flow_refuses_a_wrong_choice_with_the_right_ones_and_changes_nothing(modelled):
    model, before = champion(modelled.ledger, "small").release_id, roster_of(modelled.ledger, "small")
    with pytest.raises(TransitionRefused, match=r"small/nothing is not what .* Choose one of: rules\."):
        run_flow("rollback", "small", "it lost money", "anna", "small/nothing")
    run_flow("rollback", "small", "it lost money", "anna", "rules")
    with pytest.raises(TransitionRefused, match=r"anna \(person\) may not move .* approval.approvers names"):
        run_flow("rollback", "small", "sorry", "anna", model)
    with pytest.raises(TransitionRefused, match=rf"say what to go back to .* Choose one of: {model} \(rolled back\)\."):
        run_flow("rollback", "small", "sorry", "approver@example.com")
    assert len(roster_of(modelled.ledger, "small").moves) == len(before.moves) + 2
    run_flow("rollback", "small", "it was the feed", "approver@example.com", model)
    assert champion(modelled.ledger, "small").release_id == model


def test_the_flow_tells_people_keeps_who_and_why_and_lets_mlflow_follow(modelled, no_server):
    modelled.contract(monitors={"notifications": [{"block": "slack-webhook/risk", "minimum_severity": "warning"}]})
    model, rules = champion(modelled.ledger, "small").release_id, baseline(modelled.ledger, "small").release_id
    told = run_flow("rollback", "small", "it lost money", "anna")
    assert told.startswith(f"{rules} decides small in place of {model}: it lost money (anna).")
    left_place = release_events(modelled.ledger, model)[-1]
    assert (left_place.stage_before, left_place.stage, left_place.decider) == ("champion", "rolled_back", "person")
    assert (left_place.decided_by, left_place.reason) == ("anna", "it lost money")
    assert [one.kind for one in alerts(modelled.ledger, "small")][-1] == "rollback"
    assert [one.subject for one in pending_notices(modelled.ledger, "small", utc_now())] == ["small/rollback"]
    assert [event["payload"]["by"] for event in modelled.announced("release.rolled_back")] == ["anna"]
    aliases = modelled.workspace.registry.aliases("small")
    assert aliases["champion"] == aliases["baseline"]
    assert "decides already" in run_flow("rollback", "small", "again", "anna", "rules")


def test_going_back_needs_no_model_file_and_works_while_the_switch_is_on(modelled):
    model = champion(modelled.ledger, "small").release
    for file in (modelled.folder / "home" / "snapshots").rglob(f"{model.scorer_digest}*"):
        file.write_bytes(b"damaged")
    set_flag(modelled.ledger, "small", "kill_switch", "on", "so", "anna")
    go_back(modelled, None, ANYBODY)
    assert champion(modelled.ledger, "small").release.kind == "rules"


def test_every_decision_says_where_the_releases_stood_when_it_was_scored(scored):
    seq = roster_of(scored.ledger, "small").moves
    go_back(scored)
    scored.act(3)
    assert set(scored.decisions(3)["release_seq"]) == {len(seq)}  # scored before, so it stood as it stood then
