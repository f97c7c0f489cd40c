"""What is decided one at a time is decided as in a batch, and is a batch once it is sealed."""

from __future__ import annotations

import json
import threading
import time
from datetime import timedelta

import pandas as pd
import pytest

from decisionloop.ledger.alerts import alerts
from decisionloop.ledger.batches import batch_id_of, latest_detail
from decisionloop.ledger.decisions import decisions_of_batch
from decisionloop.ledger.flags import is_kill_switch_on
from decisionloop.ledger.kill_switch import engage
from decisionloop.ledger.outcomes import recorded_outcomes
from decisionloop.ledger.releases import shadows
from decisionloop.ledger.stream import unsealed_segments
from decisionloop.ledger.use_cases import record_use_case
from decisionloop.stream.answered_before import hold_models_of_an_older_ledger, remember_answer
from decisionloop.stream.asked import Asked, AskedRow
from decisionloop.stream.decider import Decider
from decisionloop.stream.desk import open_desk
from tasks.predict.register_rules import ensure_rules
from tasks.readback.tables import read_part
from tasks.seal.seal import seal_stream
from tests.small_use_case import as_of

pytestmark = pytest.mark.xdist_group("loop")
NAME = "small"


def begin(installation, week=3):
    """Let the use case be decided one at a time, as the service does when it starts; returns who decides."""
    installation.contract(online={})
    workspace = installation.workspace
    record_use_case(
        workspace.ledger, NAME, workspace.use_case.digest, workspace.use_case.version, workspace.folder.text
    )
    ensure_rules(workspace, as_of(week))
    return Decider(NAME, lambda: open_desk(NAME, workspace.settings))


def asked_of(frame, moment, key=None):
    """One request about every row of a canonical frame."""
    plain = frame.astype(object).where(frame.notna(), None)
    rows = [AskedRow(row.pop("shop_id"), row) for row in plain.to_dict("records")]
    return Asked(rows, moment, key, "digest")


def answered(decider, asked):
    """The answers of one request."""
    decider._answer([asked])
    return json.loads(asked.told.result(timeout=0))


@pytest.mark.parametrize(("moment", "rows_at_once"), [("begun", 7), ("modelled", 7), ("modelled", 1_000)])
def test_the_same_rows_are_decided_to_the_bit_as_in_a_batch(restored, monkeypatch, moment, rows_at_once):
    monkeypatch.setattr("decisionloop.stream.waiting.LARGE_ROWS", rows_at_once)
    with restored(moment) as in_a_batch:
        in_a_batch.contract(online={})
        in_a_batch.predict(3)
        frame = read_part(in_a_batch.workspace, in_a_batch.batch(3), "features", 0).to_pandas()
        in_a_batch.act(3)
        expected = in_a_batch.decisions(3)
    with restored(moment) as online:
        decider = begin(online)
        told = answered(decider, asked_of(frame, as_of(3)))
        assert seal_stream.fn(NAME, is_over=True) == 1
        found = online.decisions(3)
    pd.testing.assert_frame_equal(found.drop(columns="is_sent"), expected.drop(columns="is_sent"))
    assert not found["is_sent"].any()
    by_id = {one["decision_id"]: one for one in told}
    assert list(by_id) == list(expected["decision_id"])
    assert [by_id[one]["action"] for one in expected["decision_id"]] == list(expected["action"])
    assert [by_id[one]["propensity"] for one in expected["decision_id"]] == list(expected["propensity"])


def _is_gone(*_):
    raise OSError("the file is gone")


def test_a_champion_that_cannot_be_loaded_leaves_it_to_the_rules_and_people_are_told(restored, monkeypatch):
    with restored("modelled") as installation:
        decider = begin(installation)
        frame = read_part(installation.workspace, installation.batch(2), "features", 0).to_pandas().head(50)
        monkeypatch.setattr("decisionloop.stream.decide.load_release", _is_gone)
        told = answered(decider, asked_of(frame, None))
        assert {row["fallback_reason"] for row in told if row["role"] == "baseline"} == {
            "rules stand in: champion failed"
        }
        assert seal_stream.fn(NAME, is_over=True) == 1
        assert [one for one in alerts(installation.ledger, NAME) if one.kind == "champion"]


def test_a_ledger_that_does_not_know_the_last_answer_lets_the_rules_decide_and_people_are_told_once(restored):
    with restored("modelled") as installation:
        decider = begin(installation)
        frame = read_part(installation.workspace, installation.batch(2), "features", 0).to_pandas().head(20)
        answered(decider, asked_of(frame, None))
        assert hold_models_of_an_older_ledger(decider.desk().workspace) is None  # it knows what it has kept
        remember_answer(installation.workspace, "of a later time")
        after = Decider(NAME, decider._open_desk)
        assert {row["role"] for row in answered(after, asked_of(frame, None))} <= {"baseline", "holdout"}
        for _ in range(2):
            seal_stream.fn(NAME)
        (told,) = [one for one in alerts(installation.ledger, NAME) if one.kind == "restored"]
        assert (told.severity, is_kill_switch_on(installation.ledger, NAME)) == ("critical", True)


def test_after_the_switch_is_acknowledged_no_model_decides(restored):
    with restored("modelled") as installation:
        decider = begin(installation)
        frame = read_part(installation.workspace, installation.batch(2), "features", 0).to_pandas()
        assert {row["role"] for row in answered(decider, asked_of(frame, None))} > {"champion"}
        decider.begin()
        stop, told = threading.Event(), []

        def ask():
            while not stop.is_set():
                one = asked_of(frame.sample(20), None)
                decider.ask(one)
                one.told.result(timeout=60)
                told.append(time.monotonic())

        askers = [threading.Thread(target=ask) for _ in range(4)]
        for one in askers:
            one.start()
        while len(told) < 20:
            time.sleep(0.01)
        assert engage(installation.ledger, NAME, "a test", "somebody", 0).flag.value == "on"
        before = {one.segment_id for one in unsealed_segments(installation.ledger, NAME)}
        seen = len(told)
        while len(told) < seen + 40:
            time.sleep(0.01)
        stop.set()
        for one in askers:
            one.join()
        decider.end()
        after = [one for one in unsealed_segments(installation.ledger, NAME) if one.segment_id not in before]
        assert len(after) > 5
        assert {json.loads(one.deciders)["rules_because"] for one in after} == {"kill switch"}
        roles = {role for one in after for role in json.loads(one.record)["choice"]["role"]}
        assert roles <= {"baseline", "holdout"}


PRICED = {"exploration": {"kind": "priced", "budget_share": 0.5}}


def test_exploring_uses_the_prices_of_the_last_decided_batch_and_says_so(restored):
    with restored("shadowed") as installation:
        installation.contract(policy=PRICED, online={})
        decider = Decider(NAME, lambda: open_desk(NAME, installation.workspace.settings))
        installation.predict(2)
        frame = read_part(installation.workspace, installation.batch(2), "features", 0).to_pandas()
        before = answered(decider, asked_of(frame, as_of(3)))
        assert {row["priced_by"] for row in before} == {None}
        assert "exploration" not in {row["role"] for row in before}
        installation.act(2)
        decider = Decider(NAME, lambda: open_desk(NAME, installation.workspace.settings))
        after = answered(decider, asked_of(frame, as_of(4)))
        assert {row["priced_by"] for row in after} == {installation.batch(2)}
        assert "exploration" in {row["role"] for row in after}
        logged = decisions_of_batch(installation.ledger, installation.batch(2)).set_index("entity_id")
        same = {row["entity"]: row["propensity"] for row in after if row["role"] == "champion"}
        alike = [one for one in same if logged["role"][one] == "champion"]
        assert [same[one] for one in alike] == [logged["propensity"][one] for one in alike]
        assert seal_stream.fn(NAME, is_over=True) == 2
        first, newest = (
            latest_detail(installation.ledger, batch_id_of(NAME, as_of(week)), "decided") for week in (3, 4)
        )
        assert (first["priced_by"], newest["priced_by"]) == (None, installation.batch(2))
        assert not first["prices"]  # 600 decisions are no sample of what follows
        assert newest["prices"]  # both together are


def test_what_was_decided_one_at_a_time_is_observed_and_learnt_from_like_a_batch(restored):
    with restored("begun") as in_batches:
        in_batches.contract(online={})
        in_batches.predict(1)
        frame = read_part(in_batches.workspace, in_batches.batch(1), "features", 0).to_pandas()
        in_batches.act(1)
        expected = _learnt(in_batches)
    with restored("begun") as online:
        answered(begin(online, 1), asked_of(frame, as_of(1)))
        seal_stream.fn(NAME, is_over=True)
        outcomes, models, said = _learnt(online)
    pd.testing.assert_frame_equal(outcomes, expected[0])
    assert len(outcomes)
    assert (models, said) == expected[1:]


def _learnt(installation):
    """What the outcomes of the second week were, and what was learnt from them: who came into shadow, by its bytes."""
    installation.observe(2)
    said = installation.learn(2)
    outcomes = recorded_outcomes(installation.ledger, NAME, as_of(0), as_of(2))
    models = [(one.release_id, one.release.scorer_digest) for one in shadows(installation.ledger, NAME)]
    return outcomes.sort_values("decision_id", ignore_index=True), models, said


def test_a_batch_decides_nobody_who_was_decided_one_at_a_time(begun):
    decider = begin(begun, 1)
    frame = begun.workspace.source.known(begun.workspace.source.due(pd.Timestamp(as_of(1)), 7), pd.Timestamp(as_of(1)))
    shops = frame["shop_id"].unique()[:500]
    asked = Asked([AskedRow(shop, {"turnover": 1.0}) for shop in shops], as_of(1) + timedelta(hours=1), None, "digest")
    answered(decider, asked)
    seal_stream.fn(NAME, is_over=True)
    begun.predict(1)
    begun.act(1)
    decided = begun.decisions(1)
    assert len(decided) == 100
    assert not set(decided["entity_id"]) & set(shops)


def test_a_guardrail_that_is_surely_violated_turns_the_kill_switch_on(restored):
    with restored("modelled") as installation:
        installation.contract(guardrails={"action_share": {"lend": [0.0, 0.1]}})
        decider = begin(installation)
        frame = read_part(installation.workspace, installation.batch(2), "features", 0).to_pandas()
        lent = [row["entity"] for row in answered(decider, asked_of(frame, as_of(3))) if row["action"] == "lend"]
        assert len(lent) > 100
        few, later = frame[frame["shop_id"].isin(lent[:2])], as_of(3) + timedelta(days=1)
        answered(decider, asked_of(few, later))
        assert seal_stream.fn(NAME, is_over=True) == 2
        assert is_kill_switch_on(installation.ledger, NAME)
        told = [one for one in alerts(installation.ledger, NAME) if one.kind == "guardrail"]
        assert [one.batch_id for one in told] == [installation.batch(3)]  # two decisions prove nothing
        decider = Decider(NAME, lambda: open_desk(NAME, installation.workspace.settings))
        assert {row["role"] for row in answered(decider, asked_of(few, None))} <= {"baseline", "holdout"}
