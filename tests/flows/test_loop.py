"""The whole loop through real Prefect: a model is trained, shadows, is promoted and decides, the same in every home."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import select

from decisionloop.errors import BatchHalted, DeliveryError
from decisionloop.ledger import schema
from decisionloop.ledger.batches import batch_state
from decisionloop.ledger.decisions import decisions_of_batch
from decisionloop.ledger.notices import undelivered_notices
from decisionloop.ledger.outcomes import intakes
from decisionloop.ledger.releases import baseline, champion, release_events
from decisionloop.ledger.verdicts import learn_runs
from tasks.act.dispatch import dispatch_batch
from tests.small_use_case import ENTITIES, Written, as_of, batch_id
from tests.tasks.installation import working_in

pytestmark = pytest.mark.xdist_group("flows")

EXPLORATION = 0.2
STAGES = ("predict", "act", "observe", "learn", "loop")


def _decisions(life, week):
    return decisions_of_batch(life.ledger, batch_id(week)).drop(columns=["decided_at", "latency_ms"])


def _tables(life):
    with life.ledger.connect() as connection:
        return {
            name: sorted(map(tuple, connection.execute(select(table))), key=repr)
            for name, table in schema.metadata.tables.items()
        }


def _sent(life):
    files = sorted((life.folder / "home" / "outbox").rglob("*.jsonl"))
    return [line for file in files for line in file.read_text().splitlines()]


def test_a_model_is_trained_shadows_and_is_promoted(lived):
    rules, decides = baseline(lived.ledger, "small"), champion(lived.ledger, "small")
    assert decides.release.kind == "scorecard"
    trail = release_events(lived.ledger, decides.release_id)
    assert [(event.stage, event.as_of) for event in trail] == [
        ("candidate", as_of(1)),
        ("shadow", as_of(1)),
        ("champion", as_of(2)),
    ]
    deciding = [set(_decisions(lived, week)["release_id"]) for week in range(4)]
    assert deciding == [{rules.release_id}] * 3 + [{rules.release_id, decides.release_id}]
    assert [batch_state(lived.ledger, batch_id(week)) for week in range(4)] == ["complete"] * 4


def test_aliases_in_mlflow_name_who_decides(lived):
    decides = champion(lived.ledger, "small").release
    aliases = lived.workspace.registry.aliases("small")
    assert aliases.keys() == {"champion", "baseline"}
    assert aliases["champion"] == decides.mlflow_version != aliases["baseline"]


def test_decisions_of_the_model_carry_reasons_and_exact_propensities(lived):
    decisions = _decisions(lived, 3)
    assert len(decisions) == ENTITIES
    model = decisions[decisions["role"].isin(["champion", "exploration"])]
    values = pd.DataFrame([json.loads(text) for text in model["action_values"]], index=model.index)
    # Outside its support the model prefers what the rules do, whatever it thinks of it.
    is_copied = (model["role"] == "exploration") & (values["lend"] > values["hold"])
    assert (model.loc[is_copied, "rules_action"] == "hold").all()
    prefers_hold = (values["lend"] <= values["hold"]) | is_copied
    lent = model["action"] == "lend"
    # Lending reveals an outcome and holding does not, so only those whom the model would hold are explored.
    expected = np.select([~prefers_hold, lent], [1.0, EXPLORATION], 1 - EXPLORATION)
    np.testing.assert_allclose(model["propensity"], expected)
    assert (lent | prefers_hold).all()
    assert ((model["role"] == "exploration") == (lent & prefers_hold)).all()
    assert 0.1 < (model["role"] == "exploration")[prefers_hold].mean() < 0.3
    reasons = [json.loads(text) for text in model["reason_codes"]]
    assert {feature for row in reasons for feature, _ in row} <= {"turnover", "debt", "trade"}
    assert np.mean([row[0][0] == "debt" for row in reasons]) > 0.8  # debt decides who pays back
    assert {row[0][1] > 0 for row in reasons if row[0][0] == "debt"} == {True, False}


@pytest.mark.exhaustive
def test_the_same_history_in_another_home_is_decided_alike_whether_prefect_runs_it_or_not(lived, prefect, tmp_path):
    shutil.copytree(lived.folder / "usecases", tmp_path / "usecases")
    (tmp_path / "home").mkdir()
    shutil.copy(lived.folder / "home" / "mlflow.db", tmp_path / "home")  # making its tables takes seconds
    other = type(lived)(tmp_path)
    with working_in(tmp_path, Written(tmp_path / "usecases" / "small")) as plain:
        for week in range(4):
            plain.turn(week)
    for week in range(4):
        pd.testing.assert_frame_equal(_decisions(other, week), _decisions(lived, week))
    assert _sent(other) == _sent(lived)
    assert champion(other.ledger, "small").release_id == champion(lived.ledger, "small").release_id
    before, sent = _tables(other), _sent(other)
    for week in (3, 2):
        other.turn(week)
    again = _tables(other)
    assert [name for name in before if before[name] != again[name]] == []
    assert _sent(other) == sent


def test_runs_have_names_that_a_person_can_read(shown):
    learnt = ("Not yet", "Promoted to shadow", "Promoted", "Completed")
    assert shown.runs == tuple(dict.fromkeys(STAGES, "Completed") | {"learn": ending} for ending in learnt)


def test_every_batch_and_every_look_has_its_artifact(lived, shown):
    artifacts = shown.artifacts
    for week in range(4):
        day = f"small-{as_of(week):%Y-%m-%d}"
        assert "600 decisions" in artifacts[f"batch-{day}"]
        assert "accepted" in artifacts[f"validation-{day}"]
    model = champion(lived.ledger, "small").release_id.replace("/", "-")
    for look in (1, 2):
        assert f"look {look}: promote" in artifacts[f"gate-{model}-{look}"]


def test_what_happened_is_told_in_events(lived, prefect):
    model = champion(lived.ledger, "small").release_id
    expected = {
        *(("decisionloop.batch.completed", f"decisionloop.small.{batch_id(week)}") for week in range(4)),
        *(("decisionloop.cohort.measured", f"decisionloop.small.{batch_id(week)}") for week in range(3)),
        ("decisionloop.retraining.triggered", "decisionloop.small.2024-01-08"),
        *(
            (f"decisionloop.{name}", f"decisionloop.small.{model}")
            for name in ("gate.decided", "release.shadow", "release.promoted")
        ),
    }
    assert prefect.missing_events(expected) == set()


def test_a_halted_batch_fails_its_run_after_the_loop_has_observed_and_learnt(lived, prefect, tmp_path):
    """Week 4 of a copy: the other tests want the run names of the life itself."""
    lived.ledger.close()
    shutil.copytree(lived.folder, tmp_path / "copy")
    life = type(lived)(tmp_path / "copy")
    Written(life.folder / "usecases" / "small").set("turnover", float("nan"), 4)
    with pytest.raises(BatchHalted, match="nulls: turnover"):
        life.turn(4)
    assert batch_state(life.ledger, batch_id(4)) == "halted"
    assert [books.first > 0 for books in intakes(life.ledger, "small") if books.as_of == as_of(4)] == [True]
    assert [run.as_of for run in learn_runs(life.ledger, "small")][-1] == as_of(4)
    name = f"small {as_of(4):%Y-%m-%d}"
    assert prefect.flow_runs(name) == {
        "predict": "Halted", "observe": "Completed", "learn": "Not yet", "loop": "Halted",
    }  # fmt: skip
    assert prefect.attempts(name, "validate_batch") == [1]  # a verdict of our own is not worth a second try
    assert prefect.missing_events({("decisionloop.batch.halted", f"decisionloop.small.{batch_id(4)}")}) == set()


@pytest.mark.exhaustive
def test_a_turn_whose_actions_cannot_leave_observes_learns_and_tells_people_all_the_same(
    lived, prefect, tmp_path, monkeypatch
):
    """It fails with its first cause. A receiver that is down must not hide what became of earlier decisions."""
    monkeypatch.setattr(dispatch_batch, "retry_delay_seconds", [0.1, 0.1])  # instead of six seconds
    lived.ledger.close()
    shutil.copytree(lived.folder, tmp_path / "copy")
    life = type(lived)(tmp_path / "copy")
    nobody_listens = {"kind": "http", "url": "http://127.0.0.1:9/actions", "chunk_rows": 500}
    written = Written(life.folder / "usecases" / "small")
    written.contract(actuator=nobody_listens, version=2, monitors={"notifications": [{"block": "slack-webhook/none"}]})
    with pytest.raises(DeliveryError):
        life.turn(4)
    assert batch_state(life.ledger, batch_id(4)) == "decided"
    assert [books.first > 0 for books in intakes(life.ledger, "small") if books.as_of == as_of(4)] == [True]
    assert [run.as_of for run in learn_runs(life.ledger, "small")][-1] == as_of(4)
    waiting = undelivered_notices(life.ledger, "small")  # each was tried: its channel does not exist here
    assert any(one.title.endswith(": delivery") and one.attempts for one in waiting)
