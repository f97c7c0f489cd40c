"""The story is what the ledger says: filled through the ledger's own functions, read back as the page's lines."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from decisionloop.contract import UseCase
from decisionloop.contract.data_source import TablesSource
from decisionloop.ledger.alerts import NewAlert, append_alert
from decisionloop.ledger.batches import append_batch_event, batches, open_batch
from decisionloop.ledger.decisions import append_decisions
from decisionloop.ledger.measurements import Measurement, append_measurements
from decisionloop.ledger.outcomes import append_outcomes
from decisionloop.ledger.release_changes import register_release
from decisionloop.ledger.releases import Release
from decisionloop.ledger.rollback import roll_back
from decisionloop.ledger.schema import utc_now
from decisionloop.ledger.snapshot_log import Snapshot, record_snapshot
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.storage.facts import canonical_json
from decisionloop.ledger.use_cases import record_use_case
from decisionloop.ledger.validation import ExpectationResult, append_results
from decisionloop.ledger.verdicts import TrainingSet, Verdict, append_training_set, append_verdict
from decisionloop.observe.action_for_all import FOR_ALL
from decisionloop.observe.action_for_some import FOR_SOME, slice_of
from decisionloop.release.grounds import Grounds
from decisionloop.release.stages import Decider
from decisionloop.report.assemble import assemble_story
from decisionloop.report.page import paragraphs, render_story
from decisionloop.report.read.evidence import promises
from decisionloop.report.read.experiment import experiment_of
from decisionloop.report.read.gathered import gather
from decisionloop.report.read.replay_truth import logged_money, rows_of_replay, true_money, truth_by_period
from decisionloop.report.read.trying import tried_otherwise
from decisionloop.report.read.what_next import what_next
from decisionloop.report.read.worked_decision import chosen_decision
from decisionloop.report.record.claims import disagreements
from decisionloop.report.record.estimate import Estimate
from decisionloop.report.record.story import RULES, Story
from decisionloop.report.record.truth import check_truth
from decisionloop.report.record.what_next import WhatNext
from decisionloop.report.words.figures import NBSP, count_of
from decisionloop.report.words.naming import StoryClock
from decisionloop.report.words.recounting import truth_sentences
from decisionloop.snapshots import SnapshotStore
from tests.release_lives import install_rules, into_shadow, promote

RULES_ID, MODEL_ID = "credit_line/rules/00aa", "credit_line/scorecard/11bb"
MODEL = f"the scorecard of 1{NBSP}July"
WALL = datetime(2026, 11, 22, 12, tzinfo=UTC)
CLIENTS = 8


def day(month: int, of_month: int) -> datetime:
    return datetime(2005, month, of_month, tzinfo=UTC)


WEEKS = (day(6, 3), day(6, 10), day(7, 8), day(7, 15))


@dataclass(frozen=True)
class Filled:
    """A filled ledger and the snapshots that its decisions point at."""

    ledger: Ledger
    snapshots: SnapshotStore


def frame() -> pd.DataFrame:
    row = np.arange(CLIENTS)
    return pd.DataFrame(
        {
            "client_id": [f"c{i}" for i in row],
            "status": (row % 3).astype(float),
            "utilisation": row / CLIENTS,
            "limit": 10_000.0 * (row + 1),
            "sex": np.where(row % 2, "2", "1"),
        }
    )


def decision_id(batch: int, row: int) -> str:
    return f"{int(WALL.timestamp()):08x}{batch:08x}{row:016x}"


def decided(number: int, batch_id: str, as_of: datetime, digest: str, is_model: bool, case: UseCase) -> pd.DataFrame:
    """Row 0 explores, row 7 is held out; the model raises everyone else, the rules only even rows."""
    row = np.arange(CLIENTS)
    role = np.array(["exploration", *["champion" if is_model else "baseline"] * 6, "holdout"])
    by_rules = np.where(row % 2 == 0, "increase", "hold")
    action = np.where((role == "champion"), "increase", by_rules)
    size = np.where(row == 3, 0.9, 0.1)
    reasons = [json.dumps([["utilisation", -s]]) for s in size]
    return pd.DataFrame(
        {
            "decision_id": [decision_id(number, i) for i in row],
            "batch_id": batch_id,
            "use_case": "credit_line",
            "entity_id": [f"c{i}" for i in row],
            "as_of": as_of,
            "snapshot_digest": digest,
            "snapshot_row": row,
            "release_id": np.where(is_model & (role != "holdout"), MODEL_ID, RULES_ID),
            "role": role,
            "score": np.where(is_model, 0.04, np.nan),
            "action_values": '{"hold":0,"increase":84.5}',
            "action": action,
            "rules_action": by_rules,
            "is_sent": False,
            "propensity": np.where(role == "holdout", 1.0, 0.95),
            "reason_codes": reasons if is_model else "[]",
            "policy_version": "1",
            "contract_digest": case.digest,
            "latency_ms": 0.1,
            "decided_at": WALL,
        }
    )


def _outcomes(decisions: pd.DataFrame) -> pd.DataFrame:
    seen = decisions[decisions["action"] == "increase"]
    return pd.DataFrame(
        {
            "decision_id": seen["decision_id"],
            "revision": 1,
            "outcome_class": (seen["snapshot_row"] == 0).astype(int),
            "observed_at": seen["as_of"] + pd.Timedelta(days=28),
            "recorded_at": WALL,
            "kind": "first",
        }
    )


def _figure(monitor: str, cohort: datetime, value: float, half: float, **named: object) -> Measurement:
    plain = Measurement(
        use_case="credit_line",
        release_id=None,
        monitor=monitor,
        slice="all",
        cohort=f"{cohort:%Y-%m-%d}",
        value=value,
        low=value - half,
        high=value + half,
        n=6,
        effective_n=5.0,
        is_mature=True,
        as_of=cohort + timedelta(days=28),
    )
    return replace(plain, **named)  # type: ignore[arg-type]


def _measure(ledger: Ledger) -> None:
    money = {WEEKS[0]: (100.0, 90.0), WEEKS[1]: (110.0, 95.0), WEEKS[2]: (-50.0, -40.0), WEEKS[3]: (-60.0, -70.0)}
    figures = []
    for week, (policy, rules) in money.items():
        figures += [
            _figure("value_policy_total", week, policy, 3.0),
            _figure("value_policy", week, policy / 6, 0.5),
            _figure("value_rules_total", week, rules, 4.0),
            _figure("value_difference_total", week, policy - rules, 15.0),
            _figure("exploration_cost", week, 2.5, 0.5),
            _figure("selection_rate", week, 0.6, 0.1, slice="sex=1", n=400),
            _figure("selection_rate", week, 0.5, 0.1, slice="sex=2", n=300),
            _figure("impact_ratio", week, 1.0, 0.0, slice="sex=1", n=400),
            _figure("impact_ratio", week, 0.7, 0.05, slice="sex=2", n=300),
        ]
    for week, auc in zip(WEEKS[2:], (0.9, 0.8), strict=True):
        figures += [
            _figure("auc", week, 0.99, 0.0, release_id=MODEL_ID),
            _figure("auc_weighted", week, auc, 0.03, release_id=MODEL_ID),
            _figure("predicted_rate", week, 0.1, 0.0, release_id=MODEL_ID),
            _figure("observed_rate", week, 0.2, 0.0, release_id=MODEL_ID),
        ]
    append_measurements(ledger, figures)


def _releases(ledger: Ledger, case: UseCase) -> None:
    record_snapshot(ledger, Snapshot("d" * 64, "training_set", "memory", 3, 10))
    record_snapshot(ledger, Snapshot("e" * 64, "scorer", "memory", 0, 10))
    taught = TrainingSet("credit_line", day(7, 1), WEEKS[0], WEEKS[1], 8, "d" * 64)
    append_training_set(ledger, taught)
    rules = Release(RULES_ID, "credit_line", "rules", case.digest, None, None, None, "null", "{}", WEEKS[0])
    card = canonical_json({"kind": "scorecard", "metrics": {"auc": 0.97, "auc_weighted": 0.91}})
    model = Release(
        MODEL_ID,
        "credit_line",
        "scorecard",
        case.digest,
        "e" * 64,
        taught.training_set_id,
        "1",
        "null",
        card,
        day(7, 1),
    )
    install_rules(ledger, rules)
    register_release(ledger, model, "trained on 8 outcomes", "decisionloop")
    into_shadow(ledger, model, day(7, 1), f"{MODEL_ID} passed")
    checks = [
        {"name": "money", "is_passed": None, "observed": None, "required": 0, "reason": "The log is thin."},
        {"name": "auc", "is_passed": True, "observed": 0.9, "required": 0.8, "reason": "It holds."},
    ]
    for as_of, decision in ((day(7, 5), "insufficient"), (day(7, 6), "insufficient"), (day(7, 8), "promote")):
        verdict = Verdict(
            use_case="credit_line",
            challenger_id=MODEL_ID,
            champion_id=RULES_ID,
            look=2,
            as_of=as_of,
            decision=decision,  # type: ignore[arg-type]
            reasons=canonical_json(checks),
            evidence="{}",
        )
        append_verdict(ledger, verdict)
    promote(ledger, model, day(7, 8), "second look")


def _halted(ledger: Ledger, case: UseCase) -> None:
    halted = open_batch(ledger, "credit_line", day(6, 17), case.digest, WALL)
    append_batch_event(ledger, halted.batch_id, "frozen", {"rows": 5})
    failed = ExpectationResult("nulls", "limit", "critical", False, "100% missing", 5, 1.0, "Repair the feed.")
    append_results(ledger, halted.batch_id, 1, [failed, replace(failed, column_name="status", is_success=True)])
    append_batch_event(ledger, halted.batch_id, "halted", {"check": "limit is missing"})
    new = NewAlert("critical", "validation", "limit is missing", "Repair the feed.", halted.batch_id)
    append_alert(ledger, "credit_line", new, WALL)


@pytest.fixture
def filled(sqlite_ledger: Ledger, use_case: UseCase, tmp_path: Path) -> Filled:
    """Four weekly batches in two months, one halted, a model that takes over in July, all measured."""
    return fill(sqlite_ledger, use_case, SnapshotStore(str(tmp_path / "snapshots")))


def fill(ledger: Ledger, case: UseCase, snapshots: SnapshotStore) -> Filled:
    digest = snapshots.put_table(pa.Table.from_pandas(frame(), preserve_index=False)).digest
    record_use_case(ledger, "credit_line", case.digest, 1, "name: credit_line")
    _releases(ledger, case)
    for number, as_of in enumerate(WEEKS):
        batch = open_batch(ledger, "credit_line", as_of, case.digest, WALL + timedelta(minutes=number))
        warned = ExpectationResult("constant_columns", "sex", "warning", number != 1, None, None, None, "Look at it.")
        append_results(ledger, batch.batch_id, 1, [warned])
        append_batch_event(ledger, batch.batch_id, "validated", {"fault_rows": number})
        decisions = decided(number, batch.batch_id, as_of, digest, number >= 2, case)
        with ledger.begin() as connection:
            append_decisions(connection, decisions)
        append_outcomes(ledger, _outcomes(decisions))
        append_batch_event(ledger, batch.batch_id, "complete", {"sent": 4})
    _halted(ledger, case)
    _measure(ledger)
    return Filled(ledger, snapshots)


@pytest.fixture
def told(filled: Filled, use_case: UseCase) -> Story:
    return assemble_story(filled.ledger, use_case, snapshots=filled.snapshots)


def _only_rules(ledger: Ledger, use_case: UseCase) -> None:
    record_use_case(ledger, "credit_line", use_case.digest, 1, "name: credit_line")
    rules = Release(RULES_ID, "credit_line", "rules", use_case.digest, None, None, None, "null", "{}", WEEKS[0])
    install_rules(ledger, rules)


def test_what_the_rules_would_not_have_done_is_counted_while_they_decide(
    sqlite_ledger: Ledger, use_case: UseCase
) -> None:
    _only_rules(sqlite_ledger, use_case)
    for number, as_of in enumerate(WEEKS[:3]):  # the last one is young
        batch = open_batch(sqlite_ledger, "credit_line", as_of, use_case.digest, WALL)
        decisions = decided(number, batch.batch_id, as_of, "d" * 64, False, use_case)
        tried = [1, 3, 5] if number == 2 else [1, 3]
        decisions.loc[tried, "action"] = "increase"  # which the rules would hold
        if number == 1:
            decisions.loc[1, "fallback_reason"] = "limit: share of increase of at most 0.5"
        with sqlite_ledger.begin() as connection:
            append_decisions(connection, decisions)
        append_batch_event(sqlite_ledger, batch.batch_id, "complete", {"sent": 4})
        append_outcomes(sqlite_ledger, _outcomes(decisions))
    made = batches(sqlite_ledger, "credit_line")
    told = tried_otherwise(sqlite_ledger, use_case, made)
    assert told is not None
    assert told.cut == 1
    assert (told.outcomes, told.needed, told.is_enough) == (7, use_case.gate.minimum_effective_n, False)
    # As the gate counts: of two people three times each with the same chance, and of another one once.
    assert told.seen == pytest.approx(7**2 / (3**2 + 3**2 + 1))
    assert told.a_week == 2 / 2  # of the two that are mature: of the young one nobody knows yet how many come
    assert tried_otherwise(sqlite_ledger, use_case, ()) is None
    # One that was measured is mature, though it is the last and no batch came after it.
    append_measurements(sqlite_ledger, [_figure("value_policy_total", WEEKS[2], 1.0, 0.1)])
    measured = tried_otherwise(sqlite_ledger, use_case, made)
    assert measured is not None
    assert measured.a_week == pytest.approx(told.seen / 3)


def test_where_the_rules_do_for_everybody_what_would_have_to_be_tried_nothing_is_left_to_try(
    sqlite_ledger: Ledger, use_case: UseCase
) -> None:
    _only_rules(sqlite_ledger, use_case)
    batch = open_batch(sqlite_ledger, "credit_line", WEEKS[0], use_case.digest, WALL)
    decisions = decided(0, batch.batch_id, WEEKS[0], "d" * 64, False, use_case)
    with sqlite_ledger.begin() as connection:
        append_decisions(connection, decisions.assign(action="increase", rules_action="increase"))
    append_batch_event(sqlite_ledger, batch.batch_id, "complete", {"sent": 8})
    assert tried_otherwise(sqlite_ledger, use_case, batches(sqlite_ledger, "credit_line")) is None


def test_money_of_batches_is_added_up_by_month(told: Story) -> None:
    june, july = told.money
    assert (june.period, july.period) == ("2005-06", "2005-07")
    assert june.policy.value == pytest.approx(210.0)
    assert june.policy.low == pytest.approx(210.0 - np.hypot(3.0, 3.0))
    assert june.difference.value == pytest.approx(25.0)
    assert june.decisions == 12
    assert june.decided_by == (RULES,)
    assert july.decided_by == (MODEL,)
    assert july.policy.value == pytest.approx(-110.0)


def test_the_headline_is_about_all_counted_money(told: Story) -> None:
    assert told.headline.verdict == (
        "In two months the decisions earned NT$100 and the rules alone would have earned NT$75: "
        "the data cannot tell the two apart."
    )
    assert f"In July{NBSP}2005 both lost money: the loop NT$110, the rules NT$110." in told.headline.standfirst
    assert (told.first, told.last) == (date(2005, 6, 3), date(2005, 7, 15))


def test_a_total_that_was_not_measured_is_made_from_the_value_per_decision(filled: Filled, use_case: UseCase) -> None:
    late = [_figure("value_policy", day(8, 5), 2.0, 0.5, n=10), _figure("value_rules", day(8, 5), 1.0, 0.5, n=10)]
    append_measurements(filled.ledger, [replace(one, is_mature=False) for one in late])
    august = assemble_story(filled.ledger, use_case).money[-1]
    assert august.policy == Estimate(20.0, 15.0, 25.0)
    assert august.difference == Estimate()
    assert not august.is_mature


def test_a_month_measured_as_such_is_taken_as_it_is(filled: Filled, use_case: UseCase) -> None:
    append_measurements(filled.ledger, [replace(_figure("value_policy_total", day(6, 1), 7.0, 1.0), cohort="2005-06")])
    money = assemble_story(filled.ledger, use_case).money
    assert [one.policy.value for one in money] == [7.0, -110.0]


def test_a_newer_measurement_replaces_an_older_one(filled: Filled, use_case: UseCase) -> None:
    newer = _figure("value_policy_total", WEEKS[0], 90.0, 3.0, as_of=day(9, 1))
    append_measurements(filled.ledger, [newer])
    assert assemble_story(filled.ledger, use_case).money[0].policy.value == pytest.approx(200.0)


def test_skill_is_the_weighted_auc_averaged_over_a_month(told: Story) -> None:
    (july,) = told.performance
    assert (july.cohort, july.release, july.is_deciding) == ("2005-07", MODEL, True)
    assert july.auc.value == pytest.approx(0.85)
    assert july.auc.low == pytest.approx(0.85 - np.hypot(0.03, 0.03) / 2)
    assert (july.predicted_rate, july.observed_rate) == (pytest.approx(0.1), pytest.approx(0.2))
    assert (july.n, july.effective_n) == (12, 10.0)
    assert july.auc_threshold == pytest.approx(0.86)


def test_batches_tell_state_shares_champion_and_warnings(told: Story) -> None:
    assert [line.as_of.isoformat() for line in told.batches] == [
        "2005-06-03",
        "2005-06-10",
        "2005-06-17",
        "2005-07-08",
        "2005-07-15",
    ]
    first, second, halted, fourth, _ = told.batches
    assert (first.champion, fourth.champion) == (RULES, MODEL)
    assert first.warnings == ()
    assert second.warnings == ("sex: constant columns",)
    assert dict(fourth.shares) == {"hold": 1 / 8, "increase": 7 / 8}
    assert (halted.state, halted.rows, halted.halted_reason) == ("halted", 5, "limit is missing")


def test_releases_are_named_for_people_and_follow_the_story_clock(told: Story) -> None:
    steps = [(line.on.isoformat(), line.release, line.stage) for line in told.releases]
    assert steps[0] == ("2005-06-03", RULES, "candidate")
    assert ("2005-07-08", MODEL, "champion") in steps
    assert f"{MODEL} passed" in [line.reason for line in told.releases]


def test_repeated_looks_are_told_once_with_their_checks(told: Story) -> None:
    (verdict,) = told.verdicts
    assert (verdict.decision, verdict.look, verdict.asked) == ("promote", 2, 3)
    assert (verdict.challenger, verdict.champion) == (MODEL, RULES)
    assert [(c.name, c.is_passed, c.sentence) for c in verdict.checks] == [
        ("money", None, "The log is thin."),
        ("auc", True, "It holds."),
    ]


def test_exploration_is_counted_with_what_it_showed(told: Story) -> None:
    explored = told.explored
    assert explored is not None
    assert (explored.decisions, explored.all_decisions, explored.outcomes_seen) == (4, 32, 4)
    assert explored.yes_rate == 1.0
    assert explored.other_yes_rate == 0.0
    assert explored.cost.value == pytest.approx(10.0)


def test_groups_are_those_of_the_latest_month(told: Story) -> None:
    men, women = told.impact
    assert (men.group, men.is_best, women.is_best) == ("men", True, False)
    assert (women.cohort, women.n) == ("2005-07", 600)
    assert women.selection_rate == pytest.approx(0.5)
    # Of the rates beside it, not the average of the batches' ratios: each batch may have another best group.
    assert women.ratio.value == pytest.approx(0.5 / 0.6)
    assert women.ratio.low is not None
    assert women.ratio.high is not None
    assert women.ratio.low < 0.5 / 0.6 < women.ratio.high


def test_who_was_chosen_most_often_is_so_by_the_rates_beside_it(filled: Filled, use_case: UseCase) -> None:
    swapped = [
        _figure("selection_rate", WEEKS[3], rate, 0.1, slice=f"sex={group}", n=n, as_of=day(9, 1))
        for group, rate, n in (("1", 0.2, 1_000), ("2", 0.9, 100))
    ]
    append_measurements(filled.ledger, swapped)
    men, women = assemble_story(filled.ledger, use_case).impact
    assert men.selection_rate is not None
    assert women.selection_rate is not None
    assert women.is_best
    assert men.ratio.value == pytest.approx(men.selection_rate / women.selection_rate)


def test_a_group_below_the_minimum_is_neither_the_most_nor_the_least_chosen(filled: Filled, use_case: UseCase) -> None:
    few = [_figure("selection_rate", week, 1.0, 0.1, slice="sex=3", n=20) for week in WEEKS]
    append_measurements(filled.ledger, few)
    men, _, others = assemble_story(filled.ledger, use_case).impact
    assert (men.is_best, others.is_best, others.selection_rate, others.ratio) == (True, False, 1.0, Estimate())


def test_a_group_that_the_contract_does_not_name_is_not_hidden(filled: Filled, use_case: UseCase) -> None:
    figure = _figure("selection_rate", WEEKS[3], 0.3, 0.1, slice="sex=not_stated", n=1_000)
    append_measurements(filled.ledger, [figure])
    lines = assemble_story(filled.ledger, use_case).impact
    assert [(line.group, line.ratio.value) for line in lines][-1] == ("not stated", pytest.approx(0.5))


def test_before_any_model_decided_an_explored_decision_is_told(
    sqlite_ledger: Ledger, use_case: UseCase, tmp_path: Path
) -> None:
    snapshots = SnapshotStore(str(tmp_path / "snapshots"))
    digest = snapshots.put_table(pa.Table.from_pandas(frame(), preserve_index=False)).digest
    record_use_case(sqlite_ledger, "credit_line", use_case.digest, 1, "name: credit_line")
    _releases(sqlite_ledger, use_case)
    batch = open_batch(sqlite_ledger, "credit_line", WEEKS[0], use_case.digest, WALL)
    decisions = decided(0, batch.batch_id, WEEKS[0], digest, False, use_case)
    with sqlite_ledger.begin() as connection:
        append_decisions(connection, decisions)
    append_outcomes(sqlite_ledger, _outcomes(decisions))
    worked = assemble_story(sqlite_ledger, use_case, snapshots=snapshots).worked
    assert worked is not None
    assert (worked.entity, worked.role, worked.outcome_class) == ("c0", "exploration", 1)
    assert worked.money == pytest.approx(-0.1 * 10_000 * 0.45)


def test_the_worked_decision_contradicts_the_rules_and_has_the_largest_reason(told: Story) -> None:
    worked = told.worked
    assert worked is not None
    assert (worked.decision_id, worked.entity) == (decision_id(2, 3), "c3")
    assert (worked.action, worked.rules_action, worked.release) == ("increase", "hold", MODEL)
    assert [(f.wording, f.value) for f in worked.features] == [
        ("repayment status", "0 months late"),
        ("share of the limit in use", "38%"),
        ("credit limit", "NT$40,000"),
    ]
    assert worked.reasons[0].contribution == -0.9
    assert worked.reasons[0].value == "38%"
    assert [(v.action, v.expected, v.is_chosen, v.is_rules) for v in worked.values] == [
        ("hold", 0.0, False, True),
        ("increase", 84.5, True, False),
    ]
    assert worked.outcome_class == 0
    assert worked.money == pytest.approx(0.1 * 40_000 * 0.03)


def test_where_nobody_contradicted_the_rules_the_largest_reason_alone_decides() -> None:
    reasons = ['[["use",0.2]]', '[["age",-0.7],["use",0.1]]', '[["use",0.7]]', '["the limit is reached"]']
    telling = pd.DataFrame(
        {
            "decision_id": ["a", "c", "b", "d"],
            "reason_codes": reasons,
            "rules_action": [None, "hold", None, "hold"],
        }
    )
    assert chosen_decision(telling) == "b"
    assert chosen_decision(telling[:0]) is None


def test_without_snapshots_the_worked_decision_has_no_features_and_no_money(filled: Filled, use_case: UseCase) -> None:
    worked = assemble_story(filled.ledger, use_case).worked
    assert worked is not None
    assert worked.features == ()
    assert worked.money is None


def test_a_later_revision_of_an_outcome_is_what_counts(filled: Filled, use_case: UseCase) -> None:
    revision = pd.DataFrame(
        {
            "decision_id": [decision_id(2, 3)],
            "revision": 2,
            "outcome_class": 1,
            "observed_at": day(9, 1),
            "recorded_at": WALL,
            "kind": "contradiction",
        }
    )
    append_outcomes(filled.ledger, revision)
    story = assemble_story(filled.ledger, use_case, snapshots=filled.snapshots)
    assert story.worked is not None
    assert story.worked.money == pytest.approx(-0.1 * 40_000 * 0.45)
    assert story.explored is not None
    assert story.explored.other_yes_rate == pytest.approx(1 / 18)


def test_alarms_and_checks_of_data(told: Story) -> None:
    (alarm,) = told.alerts
    assert (alarm.on, alarm.kind, alarm.message) == (date(2005, 6, 17), "validation", "limit is missing")
    quality = told.quality
    assert quality is not None
    assert (quality.checks, quality.batches, quality.rows_to_rules) == (6, 5, 6)
    failed = [(one.expectation, one.column, one.batches, one.rows) for one in quality.failed]
    assert failed == [("constant_columns", "sex", 1, 0), ("nulls", "limit", 1, 5)]


def test_the_ledger_is_counted(told: Story) -> None:
    counts = dict(told.ledger)
    assert counts["decisions"] == 32
    assert counts["releases"] == 2
    assert counts["alerts"] == len(told.alerts) == 1
    alarms = sum(len(one.alarms) for one in told.monitoring.families) if told.monitoring else 0
    assert counts.get("alarms of the monitors", 0) == alarms
    assert "deliveries" not in counts


@dataclass(frozen=True)
class Replay:
    """A source that knows everyone's outcome: those of the explored row are bad.

    A report must not read anything else of a source, so everything else fails.
    """

    time_column: str = "time"
    columns: tuple[str, ...] = ("entity_id", "as_of", "outcome_class", "amount")

    def due(self, as_of: pd.Timestamp, covers_days: float) -> pd.DataFrame:
        raise AssertionError("a report reads the hidden truth of a source and nothing else")

    def known(self, entities: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
        raise AssertionError("a report reads the hidden truth of a source and nothing else")

    def newest_time(self, as_of: pd.Timestamp) -> pd.Timestamp | None:
        raise AssertionError("a report reads the hidden truth of a source and nothing else")

    def outcomes(self, as_of: pd.Timestamp, decided: pd.DataFrame) -> pd.DataFrame:
        raise AssertionError("a report reads the hidden truth of a source and nothing else")

    def calendar(self) -> tuple[pd.Timestamp, ...]:
        return ()

    def hidden_truth(self) -> pd.DataFrame:
        rows = [(f"c{i}", pd.Timestamp(week), float(i == 0), np.nan) for week in WEEKS for i in range(CLIENTS)]
        truth = pd.DataFrame(rows, columns=["entity_id", "as_of", "outcome_class", "amount"])
        return truth.assign(action="increase", propensity=1.0) if "action" in self.columns else truth


@dataclass(frozen=True)
class Opened:
    """As much of a workspace as the truth needs."""

    ledger: Ledger
    snapshots: SnapshotStore
    use_case: UseCase
    source: object


def _truth_of(opened: Opened) -> pd.DataFrame | None:
    rows = rows_of_replay(opened)  # type: ignore[arg-type]
    return None if rows is None else truth_by_period(rows)


def test_the_truth_of_a_replay_prices_four_ways_to_decide(filled: Filled, use_case: UseCase) -> None:
    truth = _truth_of(Opened(filled.ledger, filled.snapshots, use_case, Replay()))
    assert truth is not None
    june, july = truth.set_index("period").loc[["2005-06", "2005-07"]].to_dict("records")
    # One batch: raising row i earns 30 (i + 1), and row 0 loses 450. Row 7 is held out; the rules raise even rows.
    rules = 2 * (-450 + 30 * (3 + 5 + 7))
    by_model = 2 * (-450 + 30 * (2 + 3 + 4 + 5 + 6 + 7))
    everyone = by_model + 2 * 30 * 8
    four = {"policy": rules, "rules": rules, "everyone": everyone, "hindsight": everyone + 900}
    assert june == pytest.approx(four | {"unrecorded_n": 0})
    assert july == pytest.approx(june | {"policy": by_model})


class Forgetful(Replay):
    """Of one client it has no outcome."""

    def hidden_truth(self) -> pd.DataFrame:
        truth = super().hidden_truth()
        return truth[truth["entity_id"] != "c2"]


def test_the_truth_says_how_many_decisions_it_leaves_out(filled: Filled, use_case: UseCase) -> None:
    """An outcome that nobody recorded is no truth: such totals are not what the loop's intervals are about."""
    truth = _truth_of(Opened(filled.ledger, filled.snapshots, use_case, Forgetful()))
    assert truth is not None
    assert truth.set_index("period").loc["2005-06", ["rules", "unrecorded_n"]].tolist() == [2 * (-450 + 30 * 12), 2]
    story = assemble_story(filled.ledger, use_case, truth)
    assert check_truth(story.truth, story.money, 0.95).tested == 0
    left_out = sum(one.unrecorded_n for one in story.truth)
    said = " ".join(truth_sentences(story.truth, story.money, story.use_case))
    assert f"That leaves out {count_of(left_out, 'decision')}" in said


def test_where_no_news_is_a_zero_the_truth_knows_everybody(filled: Filled, use_case: UseCase) -> None:
    outcome = use_case.outcome.model_copy(update={"absent_means": "0"})
    zero = use_case.model_copy(update={"outcome": outcome})
    asked = (filled.ledger, filled.snapshots, zero)
    whole, forgetful = (_truth_of(Opened(*asked, one)) for one in (Replay(), Forgetful()))
    pd.testing.assert_frame_equal(whole, forgetful)


def test_a_live_source_has_no_truth_to_tell(filled: Filled, use_case: UseCase) -> None:
    opened = Opened(filled.ledger, filled.snapshots, use_case, object())
    assert _truth_of(opened) is None


def test_a_logged_experiment_tells_the_truth_of_loop_and_rules_as_far_as_it_can(
    filled: Filled, use_case: UseCase
) -> None:
    logged = Replay(columns=("action",))  # everyone was increased, so it knows what every increase brings
    truth = _truth_of(Opened(filled.ledger, filled.snapshots, use_case, logged))
    assert truth is not None
    (june, _) = truth.set_index("period").loc[["2005-06", "2005-07"]].to_dict("records")
    rules = 2 * (-450 + 30 * (3 + 5 + 7))
    assert (june["policy"], june["rules"]) == (pytest.approx(rules), pytest.approx(rules))
    assert june["policy_error"] > 0
    assert june["difference_error"] == 0
    assert np.isnan(june["hindsight"])
    (told, _) = assemble_story(filled.ledger, use_case, truth).truth
    assert (told.hindsight, told.policy_error) == (None, pytest.approx(june["policy_error"]))


def test_what_an_experiment_says_is_unbiased_and_as_sure_as_it_says(use_case: UseCase) -> None:
    draws, n = np.random.default_rng(4), 4_000
    features = pd.DataFrame({"limit": draws.uniform(10_000, 90_000, n), "status": 0.0, "utilisation": 0.1, "sex": "1"})
    known = pd.DataFrame(
        {
            "action": np.where(draws.random(n) < 0.7, "increase", "hold"),
            "rules_action": np.where(features["limit"] > 40_000, "increase", "hold"),
            "outcome_class": (draws.random(n) < 0.06).astype(float),
            "amount": np.nan,
        }
    )
    truth = true_money(use_case, features, known)
    everybody = (truth["everyone"] - truth["rules"]).mean()
    misses, held = [], []
    for _ in range(50):
        logged = np.where(draws.random(n) < 0.3, "increase", "hold")
        log = known.assign(logged_action=logged, logged_propensity=np.where(logged == "increase", 0.3, 0.7))
        log["outcome_class"] = log["outcome_class"].where(logged == "increase")
        told = truth_by_period(logged_money(use_case, features, log).assign(as_of=WEEKS[0])).iloc[0]
        misses.append((told["rules"] - truth["rules"].sum()) / told["rules_error"])
        experiment = experiment_of(use_case, logged_money(use_case, features, log))
        assert experiment is not None
        over = experiment.arms[use_case.action_names.index("increase")].over_rules
        held.append(over.low <= everybody <= over.high)  # type: ignore[operator]
    assert np.mean(held) >= 0.88
    assert abs(np.mean(misses)) < 4 / 1.96 / np.sqrt(50)
    assert np.mean(np.abs(misses) <= 1) >= 0.88


def test_truth_comes_from_the_argument_and_only_from_there(filled: Filled, use_case: UseCase) -> None:
    truth = pd.DataFrame(
        {
            "period": ["2005-07", "2005-06"],
            "policy": [1.0, 2.0],
            "rules": [3.0, np.nan],
            "everyone": [5.0, 6.0],
            "hindsight": [7.0, 8.0],
        }
    )
    assert assemble_story(filled.ledger, use_case).truth == ()
    june, july = assemble_story(filled.ledger, use_case, truth).truth
    assert (june.period, june.rules, july.hindsight) == ("2005-06", None, 7.0)


def test_an_empty_ledger_gives_a_page_that_says_it_is_too_early(sqlite_ledger: Ledger, use_case: UseCase) -> None:
    story = assemble_story(sqlite_ledger, use_case)
    assert "It is too early to say what these decisions earned." in render_story(story)


def test_another_use_case_in_the_same_ledger_changes_nothing(filled: Filled, use_case: UseCase, told: Story) -> None:
    record_use_case(filled.ledger, "other", "f" * 64, 1, "name: other")
    other = open_batch(filled.ledger, "other", WEEKS[0], "f" * 64, WALL)
    decisions = decided(99, other.batch_id, WEEKS[0], "a" * 64, False, use_case).assign(use_case="other")
    with filled.ledger.begin() as connection:
        append_decisions(connection, decisions)
    append_measurements(filled.ledger, [_figure("value_policy_total", WEEKS[0], 9e9, 0.0, use_case="other")])
    assert assemble_story(filled.ledger, use_case, snapshots=filled.snapshots) == told


def test_the_page_of_the_same_ledger_has_the_same_bytes(filled: Filled, use_case: UseCase, told: Story) -> None:
    again = assemble_story(filled.ledger, use_case, snapshots=filled.snapshots)
    assert render_story(again) == render_story(told)


def test_both_engines_tell_the_same_story(
    postgresql_ledger: Ledger, use_case: UseCase, tmp_path: Path, told: Story
) -> None:
    other = fill(postgresql_ledger, use_case, SnapshotStore(str(tmp_path / "others")))
    assert assemble_story(other.ledger, use_case, snapshots=other.snapshots) == told


def test_times_on_the_wall_of_a_replay_become_days_of_the_story(filled: Filled) -> None:
    clock = StoryClock(batches(filled.ledger, "credit_line"))
    assert clock.day(WALL + timedelta(minutes=1, seconds=30)) == date(2005, 6, 10)
    assert clock.day(WALL - timedelta(minutes=1)) == date(2005, 6, 3)
    assert clock.day(day(7, 8)) == date(2005, 7, 8)
    late = day(12, 1)  # a turn that only took in outcomes, months after the last batch
    assert clock.day(late) == late.date()


def test_of_live_tables_it_is_said_when_the_next_batch_is_due(filled: Filled, use_case: UseCase) -> None:
    live = use_case.model_copy(update={"source": TablesSource.model_construct(kind="tables")})
    told = assemble_story(filled.ledger, live, snapshots=filled.snapshots).next
    last = max(one.as_of for one in batches(filled.ledger, "credit_line"))
    assert told.batch is not None
    assert last.date() < told.batch <= last.date() + timedelta(days=40)
    assert told.outcomes is not None
    assert told.outcomes_of is not None
    patience = use_case.outcome.maturity_days
    assert told.outcomes - told.outcomes_of == timedelta(days=patience)
    assert told.outcomes > last.date()  # and of the batch before it they are complete


def test_of_a_replay_it_is_said_whether_it_has_ended(filled: Filled, use_case: UseCase) -> None:
    found = batches(filled.ledger, "credit_line")
    last = max(one.as_of for one in found)
    assert what_next(use_case, found, (), last) == WhatNext(ended=last.date())
    assert what_next(use_case, found, (), last + timedelta(days=1)) == WhatNext()
    assert what_next(use_case, (), (), last) == WhatNext()
    assert assemble_story(filled.ledger, use_case, snapshots=filled.snapshots).next == WhatNext()


def test_who_decides_since_a_person_went_back_after_a_replay_is_told_by_that_day(
    filled: Filled, use_case: UseCase
) -> None:
    back = utc_now() + timedelta(days=1)
    roll_back(filled.ledger, "credit_line", "rules", Grounds(Decider("person", "anna"), "it lost money", back))
    told = assemble_story(filled.ledger, use_case, snapshots=filled.snapshots)
    champion = told.standing.champion
    assert champion is not None
    assert (champion.name, champion.since) == (RULES, back.date())
    assert (told.last, "anna" in render_story(told)) == (date(2005, 7, 15), True)


def test_times_of_a_live_loop_stay_as_they_are(sqlite_ledger: Ledger) -> None:
    record_use_case(sqlite_ledger, "credit_line", "f" * 64, 1, "name: credit_line")
    open_batch(sqlite_ledger, "credit_line", day(7, 8), "f" * 64, day(7, 8) + timedelta(hours=1))
    clock = StoryClock(batches(sqlite_ledger, "credit_line"))
    assert clock.day(day(7, 20)) == date(2005, 7, 20)
    assert clock.day(day(7, 1)) == date(2005, 7, 1)


def test_a_halted_batch_has_no_decisions_whatever_it_had_noted_down(filled: Filled, use_case: UseCase) -> None:
    halted = next(one for one in batches(filled.ledger, "credit_line") if one.state == "halted")
    digest = filled.snapshots.put_table(pa.Table.from_pandas(frame(), preserve_index=False)).digest
    noted = decided(50, halted.batch_id, day(6, 17), digest, True, use_case)
    with filled.ledger.begin() as connection:
        append_decisions(connection, noted)
    told = assemble_story(filled.ledger, use_case, snapshots=filled.snapshots)
    line = next(one for one in told.batches if one.state == "halted")
    assert (line.decisions, line.shares) == (0, ())
    assert told.explored is not None
    assert told.explored.all_decisions == 32
    assert told.headline.scope.startswith("32 decisions in 4 batches (one more was halted and decided nothing)")
    assert disagreements([told.headline.scope, *paragraphs(told)["batches"], *paragraphs(told)["explored"]]) == ()


def test_a_promise_stands_beside_what_came(filled: Filled, use_case: UseCase) -> None:
    came = [_figure("value_difference", week, value, 2.0) for week, value in zip(WEEKS[2:], (1.0, 3.0), strict=True)]
    append_measurements(filled.ledger, came)
    money = {"value": 9.0, "low": 5.0, "high": 13.0, "confidence": 0.8}
    kept = Verdict("credit_line", MODEL_ID, RULES_ID, 2, day(7, 8), "promote", "[]", canonical_json({"money": money}))
    assert _promised(use_case, filled, kept) == (Estimate(9.0, 5.0, 13.0), 0.8, 12, pytest.approx(2.0))
    # Of what a model would have earned since it retired nothing is known, so nothing is compared.
    against_a_model = replace(kept, champion_id=MODEL_ID)
    assert _promised(use_case, filled, against_a_model) == (Estimate(9.0, 5.0, 13.0), 0.8, 12, None)
    first_look = replace(kept, challenger_id="credit_line/other")
    read = gather(filled.ledger, use_case.name)
    assert promises([first_look], read.events, read.measured, read.names) == ()


def _promised(case: UseCase, filled: Filled, verdict: Verdict) -> tuple[object, ...]:
    read = gather(filled.ledger, case.name)
    (one,) = promises([verdict], read.events, read.measured, read.names)
    return one.promised, one.level, one.decisions, one.delivered.value


def test_for_whom_an_action_is_better_is_told_of_all_cohorts_with_an_interval_for_all_groups_that_were_looked_at(
    filled: Filled, use_case: UseCase
) -> None:
    groups = ["the rules say “late”", "the rules say “near the limit”"]
    come = [(FOR_SOME, slice_of("increase", group), 3.0, 1_500) for group in groups]
    come.append((FOR_ALL, "action=increase", 0.1, 3_000))
    figures = [_figure(name, week, value, 0.5, slice=part, n=n) for week in WEEKS for name, part, value, n in come]
    append_measurements(filled.ledger, figures)
    told = assemble_story(filled.ledger, use_case)
    (increase,) = told.actions
    assert [(one.group, one.tried_in, one.looked_at) for one in increase.for_some] == [
        (one, 6_000, 2) for one in groups
    ]
    gain = increase.for_some[0].gain
    assert gain.value == pytest.approx(3.0)
    assert gain.high - gain.low > 1.0 / np.sqrt(len(WEEKS))  # wider than one look at one group alone
    said = " ".join(paragraphs(told)["actions"])
    assert "sure for all 2 pairs of an action and a group that were looked at: where the rules say “late”" in said


def test_what_each_action_brought_is_told_over_all_complete_cohorts(filled: Filled, use_case: UseCase) -> None:
    part = "action=increase"
    figures = [_figure("value_of_action", week, 4.0 + i, 1.0, slice=part, n=10) for i, week in enumerate(WEEKS)]
    figures += [_figure("lift_of_action", week, 1.0, 0.2, slice=part, n=10) for week in WEEKS[1:]]
    figures += [
        replace(_figure("lift_of_action", WEEKS[0], 0.0, 0.0, slice=part, n=10), value=None, low=None, high=None),
        _figure("value_of_action", day(8, 5), 99.0, 1.0, slice=part, n=10, is_mature=False),
    ]
    append_measurements(filled.ledger, figures)
    (increase,) = assemble_story(filled.ledger, use_case).actions
    assert (increase.wording, increase.decisions, increase.compared) == ("raise the limit by 10%", 40, 30)
    assert increase.value.value == pytest.approx(5.5)
    assert increase.value.low == pytest.approx(5.5 - 0.5)  # four independent cohorts
    assert increase.lift.value == pytest.approx(1.0)
