"""Whoever computes the parts of a batch, one flow's process or its threads: the decisions are the same."""

from __future__ import annotations

import shutil
import threading

import pandas as pd
import pytest

from decisionloop.ledger.batches import batch_state
from decisionloop.ledger.decisions import decisions_of_batch
from decisionloop.ledger.outbox import messages_of_batch
from flows.act import act
from flows.predict import predict
from tests.small_use_case import as_of, batch_id, settings_of

pytestmark = pytest.mark.xdist_group("flows")

WEEK, PART_ROWS = 5, 200
LEFT_OUT = ["decided_at", "latency_ms", "snapshot_digest", "snapshot_row"]


def _decided(lived, folder, runner, rows, **settings):
    """The batch of a week in a copy of the life, by that runner: its decisions, and the threads that scored it."""
    from tasks.predict import score as scoring

    lived.ledger.close()
    shutil.copytree(lived.folder, folder)
    life, by, score = type(lived)(folder), set(), scoring.value_side_by_side

    def watched(*arguments):
        by.add(threading.current_thread().name)
        return score(*arguments)

    named = {"RUNNER": runner, "RUNNER_WORKERS": "2", "PARTITION_ROWS": str(rows), **settings}
    with pytest.MonkeyPatch.context() as patch, settings_of(folder):
        for name, value in named.items():
            patch.setenv(f"DECISIONLOOP_{name}", value)
        patch.setattr(scoring, "value_side_by_side", watched)
        assert predict("small", as_of(WEEK)) == batch_id(WEEK)
        sent = act("small", batch_id(WEEK))
    assert batch_state(life.ledger, batch_id(WEEK)) == "complete"
    assert sent == len(messages_of_batch(life.ledger, batch_id(WEEK)))
    decisions = decisions_of_batch(life.ledger, batch_id(WEEK)).drop(columns=LEFT_OUT)
    return decisions.sort_values("decision_id", ignore_index=True), by


@pytest.fixture(scope="module")
def one_after_another(lived, tmp_path_factory):
    """The batch decided in parts by one process."""
    return _decided(lived, tmp_path_factory.mktemp("parts") / "life", "in_process", PART_ROWS)


@pytest.mark.exhaustive
def test_parts_in_threads_and_one_after_another_decide_as_the_whole(lived, one_after_another, tmp_path):
    whole, _ = _decided(lived, tmp_path / "whole", "in_process", 250_000)
    assert set(whole["role"]) == {"champion", "exploration", "holdout", "baseline"}  # outside its support
    in_turn, by_one = one_after_another
    pd.testing.assert_frame_equal(in_turn, whole, check_exact=True)
    at_once, by_many = _decided(lived, tmp_path / "at once", "threads", PART_ROWS)
    pd.testing.assert_frame_equal(at_once, whole, check_exact=True)
    assert len(by_one) == 1 < len(by_many)


@pytest.mark.exhaustive
def test_a_dask_cluster_decides_as_one_process(lived, one_after_another, tmp_path):
    from distributed import LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None) as cluster:
        at = {"DASK_ADDRESS": cluster.scheduler_address}
        on_cluster, by = _decided(lived, tmp_path / "cluster", "dask", PART_ROWS, **at)
    pd.testing.assert_frame_equal(on_cluster, one_after_another[0], check_exact=True)
    assert all(name.startswith("Dask") for name in by)
