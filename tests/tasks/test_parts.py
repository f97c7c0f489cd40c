"""A batch that is computed in parts is decided bit for bit as in one piece, also where it was killed in between."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import select

from decisionloop.ledger.batch_parts import parts_of
from decisionloop.ledger.flags import set_flag
from decisionloop.ledger.measured_cohorts import measured_cohorts
from decisionloop.ledger.outbox import messages_of_batch
from decisionloop.ledger.releases import champion
from decisionloop.ledger.schema import measurement
from decisionloop.ledger.stage_costs import batch_cost
from decisionloop.ledger.validation import results
from tasks.each_part import cut
from tests.small_use_case import ENTITIES
from tests.tasks.moment import Moment

pytestmark = pytest.mark.xdist_group("trial")

PART_ROWS = 100
WHERE = ["snapshot_digest", "snapshot_row"]
"""Where the features of a decision are frozen, which differs with the parts."""


# Where a process is killed: at which call of which function, counted since its flow began, and what earlier runs have
# done is not done again.
PREDICTING = [
    ("tasks.predict.due", "append_part", 3),
    ("tasks.keep", "append_part", 4),
    ("tasks.keep", "append_part", 9),
    ("tasks.keep", "append_part", 16),
]
ACTING = [
    ("tasks.act.choose", "choose_part", 3),
    ("tasks.act.log_in_ranges", "append_laid_out_decisions", 1),
    ("tasks.act.log_in_ranges", "append_laid_out_decisions", 3),
    ("tasks.keep", "append_batch_event", 1),
]
PREDICTING_ONE_AFTER_THE_OTHER = [
    ("tasks.predict.due", "append_part", 3),
    ("tasks.keep", "append_part", 4),
    ("tasks.keep", "append_part", 6),
    ("tasks.keep", "append_part", 8),
]


def in_one_life_or_each_alone(one_after_the_other, alone):
    """The kills that a batch meets: all of them in its one life; `make torture` gives each kill a life of its own."""
    yield pytest.param(one_after_the_other, id="one after the other")
    for where in alone:
        yield pytest.param([where], id=f"{where[1]}-{where[2]}", marks=pytest.mark.exhaustive)


class KilledError(Exception):
    """Stands for kill -9."""


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut batches into parts of 100 rows."""
    monkeypatch.setenv("DECISIONLOOP_PARTITION_ROWS", str(PART_ROWS))


@pytest.fixture(scope="session")
def predicted_life(saved, tmp_path_factory):
    """Week 3 of ``modelled`` is scored in small parts."""
    with Moment(saved / "modelled").copied(tmp_path_factory.mktemp("predicted") / "life") as moment:
        with pytest.MonkeyPatch.context() as patch, moment.work() as life:
            patch.setenv("DECISIONLOOP_PARTITION_ROWS", str(PART_ROWS))
            life.predict(3)
        yield moment


@pytest.fixture
def predicted(predicted_life, small_parts, tmp_path):
    """Week 3 is scored in small parts."""
    with predicted_life.copied(tmp_path / "predicted") as moment, moment.work() as installation:
        yield installation


@pytest.fixture(scope="session")
def in_one_piece(saved, tmp_path_factory):
    """Week 3 of ``modelled`` in one piece: decisions, what was sent, what was checked and measured."""
    from tests.tasks.installation import copy, working_in

    folder = tmp_path_factory.mktemp("whole") / "modelled"
    with working_in(folder, copy(saved / "modelled", folder)) as installation:
        return _week(installation)


def _week(installation):
    installation.predict(3)
    installation.act(3)
    installation.observe(3)
    installation.observe(4)
    return _decisions(installation, 3), installation.sent(), _checks(installation, 3), _measured(installation)


def _decisions(installation, week):
    """Decisions by id; what of them must not depend on parts."""
    return installation.decisions(week).drop(columns=WHERE).sort_values("decision_id", ignore_index=True)


def _checks(installation, week):
    found = results(installation.ledger, installation.batch(week), 1)
    return sorted((r.expectation, r.column_name or "", r.is_success, r.observed, r.unexpected_count) for r in found)


def _measured(installation):
    assert measured_cohorts(installation.ledger, "small") >= {"2024-01-15", "2024-01-22"}
    table = measurement.c
    names = (table.cohort, table.monitor, table.slice, table.release_id, table.value, table.low, table.high, table.n)
    with installation.ledger.connect() as connection:
        rows = pd.DataFrame(connection.execute(select(*names)).all(), columns=[name.name for name in names])
    return rows.sort_values(["cohort", "monitor", "slice", "release_id"], ignore_index=True)


def _killed_at(patch, module, name, call):
    """Let the n-th call of a function be the end of the process."""
    import importlib

    owner, calls = importlib.import_module(module), []
    original = getattr(owner, name)

    def killing(*arguments, **named):
        calls.append(name)
        if len(calls) == call:
            raise KilledError
        return original(*arguments, **named)

    patch.setattr(owner, name, killing)


def _kill(installation, monkeypatch, flow, week, *where):
    """Run a flow that is killed there; nothing has left the house then."""
    sent = installation.sent()
    with monkeypatch.context() as patch:
        _killed_at(patch, *where)
        with pytest.raises(KilledError):
            flow(week)
    assert installation.state(week) not in ("decided", "complete")
    assert installation.sent() == sent


def test_parts_are_decided_sent_checked_and_measured_as_the_whole(in_one_piece, small_parts, restored):
    decisions, sent, checks, measured = in_one_piece
    with restored("modelled") as installation:
        told = _week(installation)
        assert len(parts_of(installation.ledger, installation.batch(3), "choice")) == ENTITIES / PART_ROWS
        assert set(installation.decisions(3)["snapshot_row"]) == set(range(PART_ROWS))
        assert installation.state(3) == "complete"
        cost = batch_cost(installation.ledger, installation.batch(3))
        assert {line.stage: line.rows for line in cost.lines if line.is_shared} == dict.fromkeys(
            ("freeze", "validate", "score", "decide", "log"), ENTITIES
        ) | {"dispatch": len(messages_of_batch(installation.ledger, installation.batch(3)))}
    pd.testing.assert_frame_equal(told[0], decisions, check_exact=True)
    assert set(decisions["role"]) == {"champion", "exploration", "holdout", "baseline"}  # outside its support
    assert told[1:3] == (sent, checks)
    pd.testing.assert_frame_equal(told[3], measured, rtol=1e-12)


def test_parts_in_threads_outside_of_a_flow_are_decided_as_the_whole(in_one_piece, small_parts, restored, monkeypatch):
    monkeypatch.setenv("DECISIONLOOP_RUNNER", "threads")
    monkeypatch.setenv("DECISIONLOOP_RUNNER_WORKERS", "3")
    with restored("modelled") as installation:
        installation.predict(3)
        installation.act(3)
        pd.testing.assert_frame_equal(_decisions(installation, 3), in_one_piece[0], check_exact=True)
        assert installation.sent() == in_one_piece[1]


@pytest.mark.exhaustive
@pytest.mark.exhaustive
def test_a_shadow_is_told_of_by_parts_as_by_the_whole(restored, monkeypatch):
    told = []
    for moment, rows in (("modelled", "250000"), ("shadowed", "70")):
        monkeypatch.setenv("DECISIONLOOP_PARTITION_ROWS", rows)
        with restored(moment) as installation:
            if moment == "shadowed":  # `modelled` is the same life a week later, and was never cut
                installation.turn(2)
            decides = champion(installation.ledger, "small").release_id
            installation.observe(3)
            measured = _measured_of(installation, "2024-01-15", decides)
            told.append((decides, _decisions(installation, 2), measured))
    (whole, decisions, measured), (of_parts, by_parts, measured_by_parts) = told
    assert of_parts == whole
    pd.testing.assert_frame_equal(by_parts, decisions, check_exact=True)
    assert "auc" in set(measured["monitor"])
    pd.testing.assert_frame_equal(measured_by_parts, measured, rtol=1e-12)


def _measured_of(installation, cohort, release_id):
    rows = pd.DataFrame(
        [
            (row.monitor, row.slice, row.value, row.low, row.high)
            for row in _rows(installation, measurement)
            if row.cohort == cohort and row.release_id == release_id
        ],
        columns=["monitor", "slice", "value", "low", "high"],
    )
    return rows.sort_values(["monitor", "slice"], ignore_index=True)


def _rows(installation, table):
    with installation.ledger.connect() as connection:
        return connection.execute(select(table)).all()


@pytest.mark.parametrize("kills", in_one_life_or_each_alone(PREDICTING_ONE_AFTER_THE_OTHER, PREDICTING))
def test_a_batch_killed_between_its_parts_while_it_is_scored_completes_as_if_nothing_had_happened(
    in_one_piece, small_parts, modelled, monkeypatch, kills
):
    for where in kills:
        _kill(modelled, monkeypatch, modelled.predict, 3, *where)
    _completes(modelled, in_one_piece)


@pytest.mark.parametrize("kills", in_one_life_or_each_alone(ACTING, ACTING))
def test_a_batch_killed_between_its_parts_while_it_is_decided_completes_as_if_nothing_had_happened(
    in_one_piece, predicted, monkeypatch, kills
):
    for where in kills:
        _kill(predicted, monkeypatch, predicted.act, 3, *where)
    _completes(predicted, in_one_piece)


def _completes(installation, in_one_piece):
    """Run again it is decided and sent as the whole, and once more nothing changes."""
    installation.predict(3)
    installation.act(3)
    pd.testing.assert_frame_equal(_decisions(installation, 3), in_one_piece[0], check_exact=True)
    assert installation.sent() == in_one_piece[1]
    again = installation.tables()
    installation.predict(3)
    assert installation.act(3) == 0
    assert installation.tables() == again


def test_what_was_logged_before_the_kill_switch_stands_and_the_rest_goes_to_the_rules(
    in_one_piece, predicted, monkeypatch
):
    _kill(predicted, monkeypatch, predicted.act, 3, "tasks.act.log_in_ranges", "append_laid_out_decisions", 3)
    logged = predicted.decisions(3)["decision_id"]
    assert 0 < len(logged) < ENTITIES
    set_flag(predicted.ledger, "small", "kill_switch", "on", "complaints", "head")
    predicted.act(3)
    decisions, whole = _decisions(predicted, 3), in_one_piece[0]
    stands = decisions["decision_id"].isin(logged)
    pd.testing.assert_frame_equal(decisions[stands], whole[stands], check_exact=True)
    assert set(decisions.loc[~stands, "fallback_reason"]) == {"kill switch"}
    assert decisions["decision_id"].is_unique
    assert len(decisions) == ENTITIES


def test_the_kill_switch_holds_for_everyone_who_is_not_in_the_ledger_yet(predicted, monkeypatch):
    _kill(predicted, monkeypatch, predicted.act, 3, "tasks.act.choose", "choose_part", 3)
    set_flag(predicted.ledger, "small", "kill_switch", "on", "complaints", "head")
    predicted.act(3)
    decisions = _decisions(predicted, 3)
    assert set(decisions["fallback_reason"]) == {"kill switch"}
    assert len(decisions) == ENTITIES
    assert predicted.state(3) == "complete"


def test_on_postgresql_parts_are_logged_one_by_one_and_only_once(
    small, fast_mlflow, postgres_url_with_tables, small_parts, monkeypatch, restored
):
    monkeypatch.setenv("DECISIONLOOP_LEDGER_URL", postgres_url_with_tables)
    small.predict(0)
    _kill(small, monkeypatch, small.act, 0, "tasks.act.log_decisions", "append_decisions", 2)
    assert len(small.decisions(0)) == PART_ROWS
    small.act(0)
    monkeypatch.setenv("DECISIONLOOP_PARTITION_ROWS", "250000")
    with restored("begun") as whole:
        expected, sent = _decisions(whole, 0), whole.sent()
    monkeypatch.setenv("DECISIONLOOP_PARTITION_ROWS", str(PART_ROWS))
    pd.testing.assert_frame_equal(_decisions(small, 0), expected, check_exact=True)
    assert small.sent() == sent


def test_a_batch_that_was_cut_keeps_its_parts_whatever_is_set_since(small_parts, begun, monkeypatch):
    begun.predict(1)
    monkeypatch.setenv("DECISIONLOOP_PARTITION_ROWS", "50")
    begun.predict(1)
    begun.act(1)
    assert len(parts_of(begun.ledger, begun.batch(1), "choice")) == ENTITIES / PART_ROWS
    assert begun.state(1) == "complete"


@pytest.mark.parametrize(("counts", "rows"), [([1] * 10, 3), ([1, 3, 1, 1, 5, 1], 2), ([4], 2), ([1], 1), ([], 3)])
def test_a_cut_keeps_an_entity_in_one_part(counts, rows):
    ids = pd.Series(np.repeat([f"e{i:02d}" for i in range(len(counts))], counts), dtype="str")
    slices = list(cut(ids, rows))
    assert [i for part in slices for i in range(part.start, part.stop)] == list(range(len(ids)))
    assert all(part.stop > part.start for part in slices) or len(ids) == 0
    assert len(slices) >= 1
    seen = [set(ids[part]) for part in slices]
    assert sum(map(len, seen)) == len(set(ids))
    assert all(part.stop - part.start < rows + max(counts) for part in slices if len(ids))
