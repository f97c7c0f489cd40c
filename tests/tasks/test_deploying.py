"""A release is let decide only where every check allows it; until then, and after any kill, the champion decides."""

from __future__ import annotations

import json
from dataclasses import replace

import pandas as pd
import pyarrow as pa
import pytest

from decisionloop.errors import BatchHalted, DeploymentStopped, IntegrityError, UsageError
from decisionloop.ledger.alerts import alerts
from decisionloop.ledger.flags import set_flag
from decisionloop.ledger.release_changes import register_release
from decisionloop.ledger.releases import Release, canary, champion, find_stage, release_events, shadows
from decisionloop.ledger.verdicts import Verdict, append_verdict, verdicts
from decisionloop.release_rehearsal import Rehearsal, rehearsed
from tasks.keep import keep_table
from tasks.readback.tables import read_table
from tests.release_lives import into_shadow
from tests.small_use_case import as_of
from tests.tasks.installation import Installation, run_flow, run_task
from tests.tasks.moment import RAMP

pytestmark = pytest.mark.xdist_group("trial")

BOSS = ("approver@example.com", "the season begins")


@pytest.fixture
def in_this_process(monkeypatch) -> None:
    """It is rehearsed in earnest, in a process that has everything loaded already."""
    monkeypatch.setattr("tasks.release.checks_before.rehearse", rehearsed)


def challenger(life: Installation) -> Release:
    """The model in shadow."""
    (stage,) = shadows(life.ledger, "small")
    return stage.release


def deploy(life: Installation, release: Release | None = None, *by_and_why: str, **more: object) -> str:
    """Deploy the model that waits."""
    return str(run_flow("deploy_release", "small", (release or challenger(life)).release_id, *by_and_why, **more))


ALERTED = {"alert", "notice", "notice_attempt", "audit_waiting"}
"""What an alert writes; of each new fact it is kept that the audit chain does not hold it yet."""


def without_alerts(life: Installation) -> dict[str, object]:
    """Everything in the ledger that a deployment could change."""
    return {name: rows for name, rows in life.tables().items() if name not in ALERTED}


def judged(life: Installation, decision: str) -> Verdict:
    """Another word of the gate on the model that waits."""
    (*_, last) = verdicts(life.ledger, "small", challenger(life).release_id)
    said = json.dumps([{"name": "auc", "is_passed": decision == "promote", "reason": "It was looked at."}])
    new = replace(last, decision=decision, as_of=as_of(5), reasons=said, verdict_id="")
    append_verdict(life.ledger, new)
    return new


def test_every_step_is_printed_and_the_first_step_of_the_ramp_is_taken(waiting, capfd):
    model, rules = challenger(waiting), champion(waiting.ledger, "small").release_id
    capfd.readouterr()
    told = deploy(waiting)
    printed = [line.split()[0] for line in capfd.readouterr().out.splitlines()]
    checks = ["data", "load", "contract", "parity", "latency", "shadow", "gate", "approval"]
    assert printed == [*checks, "flip", "watch"]
    assert told.startswith(f"{model.release_id}: Its first look says with ")
    on_trial = canary(waiting.ledger, "small")
    assert (on_trial.release_id, on_trial.event.share, on_trial.event.decider) == (model.release_id, 0.25, "gate")
    assert json.loads(on_trial.event.evidence)["verdict_id"]
    assert champion(waiting.ledger, "small").release_id == rules
    waiting.predict(3)
    waiting.act(3)
    assert "canary" in set(waiting.decisions(3)["role"])


def test_repeated_it_takes_no_second_step_before_the_next_batch(waiting, at_once):
    model = challenger(waiting)
    deploy(waiting)
    before = waiting.tables()
    assert "has scored no batch since" in deploy(waiting, model)
    assert waiting.tables() == before


def test_a_dry_run_says_what_would_happen_and_writes_nothing(waiting, in_this_process, capfd):
    before, events = waiting.tables(), list(waiting.events)
    assert "Would be done: Its first look says with " in deploy(waiting, is_dry_run=True)
    assert "dry run" in capfd.readouterr().out
    assert waiting.tables() == before
    assert waiting.events == events


def test_proven_it_becomes_champion_and_says_on_which_verdict(waiting, at_once):
    model, verdict = challenger(waiting), judged(waiting, "promote")
    deploy(waiting)
    decides = champion(waiting.ledger, "small")
    assert decides.release_id == model.release_id
    assert json.loads(decides.event.evidence)["verdict_id"] == verdict.verdict_id
    assert "decides already" in deploy(waiting, model)


def test_what_the_gate_refuses_nobody_overrules(waiting, at_once):
    judged(waiting, "refuse")
    with pytest.raises(DeploymentStopped, match=r"the gate refuses it, which nobody overrules: It was looked at\."):
        deploy(waiting, None, *BOSS)
    assert canary(waiting.ledger, "small") is None


def test_that_it_is_not_sure_enough_an_approver_may_overrule_and_nobody_else(shadowed, at_once):
    model = challenger(shadowed)
    shadowed.predict(2)
    (first,) = [one for one in verdicts(shadowed.ledger, "small", model.release_id) if one.look == 1]
    as_likely_as_not = json.loads(first.evidence)["money"]["value"]
    shadowed.contract(canary={"steps": RAMP}, gate={"minimum_gain": as_likely_as_not})
    for by in ((), ("anna", "the season begins")):
        with pytest.raises(DeploymentStopped, match=r"not sure enough yet: 50\.0% confidence.*approval\.approvers"):
            deploy(shadowed, None, *by)
    assert [one.kind for one in alerts(shadowed.ledger, "small") if one.kind == "deployment"] == []
    deploy(shadowed, None, *BOSS)
    event = canary(shadowed.ledger, "small").event
    assert (event.release_id, event.decider, event.decided_by, event.reason) == (model.release_id, "approver", *BOSS)
    assert json.loads(event.evidence)["overruled"].startswith("50.0% confidence, and 25% of the entities ask for 55")
    with pytest.raises(UsageError, match="both who you are"):
        deploy(shadowed, model, "anna")


def halt(life: Installation) -> type[Exception]:
    """The newest batch is broken."""
    life.written.change("history.csv", lambda history: history[pd.to_datetime(history["seen_at"]) != as_of(3)])
    with pytest.raises(BatchHalted):
        life.predict(3)
    return BatchHalted


def open_batch(life: Installation) -> type[Exception]:
    """The newest batch is open, and nobody has looked at its data."""
    run_task("tasks.predict.freeze", "freeze_batch", "small", as_of(3), False)
    return DeploymentStopped


def flip_a_byte(life: Installation) -> type[Exception]:
    """A file of the release is not what it was."""
    digest = challenger(life).scorer_digest
    (file,) = (life.folder / "home" / "snapshots").rglob(f"{digest}*")
    file.chmod(0o600)
    data = bytearray(file.read_bytes())
    data[-3] ^= 1
    file.write_bytes(bytes(data))
    return IntegrityError


def lose_a_feature(life: Installation) -> type[Exception]:
    """What it reads means something else in the contract."""
    features = life.workspace.use_case.model_dump(mode="json", by_alias=True)["features"]
    for one in features:
        if one["name"] == "trade":
            one["categories"] = ["craft", "farm", "retail", "other"]
    life.contract(features=features)
    return DeploymentStopped


def compute_otherwise(life: Installation) -> type[Exception]:
    """What it was compiled from says something else."""
    model = challenger(life)
    card = json.loads(model.card_json)
    kept = read_table(life.workspace, card["parity"]["answers"])
    column = next(name for name in kept.column_names if name.startswith("probability:lend"))
    frame = kept.to_pandas()
    frame[column] += 1e-6
    card["parity"]["answers"] = keep_table(life.workspace, pa.Table.from_pandas(frame, preserve_index=False), "scores")
    other = replace(model, release_id="small/scorecard/other", mlflow_version=None, card_json=json.dumps(card))
    register_release(life.ledger, other, "another", "test")
    return DeploymentStopped


def allow_no_time(life: Installation) -> type[Exception]:
    """No machine is fast enough."""
    life.contract(latency={"online_ms": 1e-7})
    return DeploymentStopped


def turn_the_switch(life: Installation) -> type[Exception]:
    """The kill switch is on."""
    set_flag(life.ledger, "small", "kill_switch", "on", "complaints", "anna")
    return DeploymentStopped


FAULTS = {
    "the newest batch was halted": (halt, "halted", True),
    "the newest batch is open": (open_batch, "its data unchecked", False),
    "a byte of its file is another": (flip_a_byte, "sha256", True),
    "a feature means something else": (lose_a_feature, r"features\.trade\.categories is not what it was", True),
    "no machine is fast enough": (allow_no_time, "surely takes", True),
    "the kill switch is on": (turn_the_switch, "kill switch is on", False),
}


@pytest.mark.parametrize(("fault", "words", "is_alarm"), FAULTS.values(), ids=FAULTS)
def test_a_release_that_fails_a_check_changes_nothing_and_people_are_told(
    waiting, in_this_process, fault, words, is_alarm
):
    error = fault(waiting)
    before = without_alerts(waiting)
    for _ in range(2):
        with pytest.raises(error, match=words):
            deploy(waiting)
    assert without_alerts(waiting) == before
    told = [one for one in alerts(waiting.ledger, "small") if one.kind == "deployment"]
    assert len(told) == is_alarm  # and told once
    assert champion(waiting.ledger, "small").release.kind == "rules"


def test_what_was_compiled_otherwise_is_stopped(waiting, in_this_process):
    compute_otherwise(waiting)
    other = find_stage(waiting.ledger, "small/scorecard/other").release
    into_shadow(waiting.ledger, other)
    with pytest.raises(DeploymentStopped, match=r"differs by 1e-06 .* \(step parity\)"):
        deploy(waiting, other)


def test_a_slow_reading_is_insufficient_and_no_refusal(waiting, monkeypatch):
    slow = Rehearsal(("turnover",), 200, 0.0, 9e9, 100)
    monkeypatch.setattr("tasks.release.checks_before.rehearse", lambda asked: slow)
    waiting.contract(latency={"online_ms": 0.001})
    with pytest.raises(DeploymentStopped, match=r"insufficient: .* ask again"):
        deploy(waiting)
    assert [one.stage for one in release_events(waiting.ledger, challenger(waiting).release_id)][-1] == "shadow"
    assert not [one for one in alerts(waiting.ledger, "small") if one.kind == "deployment"]


@pytest.mark.parametrize("name", ["small/scorecard/nothing", "credit_line/scorecard/1", "rules", ""])
def test_a_wrong_release_is_refused_with_the_right_ones(waiting, name):
    model, before = challenger(waiting).release_id, waiting.tables()
    with pytest.raises(UsageError, match=rf"Choose one of: {model} \(shadow\)\."):
        run_flow("deploy_release", "small", name)
    rules = champion(waiting.ledger, "small").release_id
    with pytest.raises(UsageError, match="is rules"):
        run_flow("deploy_release", "small", rules)
    assert waiting.tables() == before
