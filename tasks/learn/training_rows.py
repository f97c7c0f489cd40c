"""From a recorded training set back to the rows that teach, and the log that they were taken from."""

from __future__ import annotations

from datetime import datetime

import pandas as pd
import pyarrow as pa

from decisionloop.errors import IntegrityError, UsageError
from decisionloop.learn.logged_batches import LoggedBatches
from decisionloop.learn.training_set import TrainingSet, build_training_rows
from decisionloop.ledger.releases import Release
from decisionloop.ledger.verdicts import TrainingSet as TrainingSetFact
from decisionloop.ledger.verdicts import find_training_set
from decisionloop.workspace import Workspace
from tasks.readback.mature_decisions import mature_batches
from tasks.readback.tables import read_table


def manifest_of(rows: TrainingSet) -> pa.Table:
    """What a training set is: decision ids, labels and weights. Features stay where they were frozen."""
    columns = {"decision_id": pa.array(rows.decision_id, pa.string()), "weight": pa.array(rows.weight)}
    for name, values in (("outcome_class", rows.outcome_class), ("amount", rows.amount)):
        if values is not None:
            columns[name] = pa.array(values)
    return pa.table(columns)


def training_rows_of(workspace: Workspace, fact: TrainingSetFact) -> tuple[TrainingSet, LoggedBatches]:
    """Rebuild a training set from the ledger and its snapshots.

    Raises IntegrityError when they no longer give the very set that was recorded.
    """
    batches = mature_batches(workspace, fact.cohort_from, fact.cohort_to, fact.as_of, fact.cohorts_left_out)
    rows = build_training_rows(workspace.use_case, batches.log, batches.frame)
    recorded = read_table(workspace, fact.snapshot_digest).to_pandas()
    rebuilt = manifest_of(rows).to_pandas()
    try:
        pd.testing.assert_frame_equal(recorded, rebuilt, check_dtype=False, rtol=1e-9)
    except AssertionError as error:
        raise IntegrityError(
            f"training set {fact.training_set_id} cannot be rebuilt: the ledger gives {len(rebuilt)} rows that differ "
            f"from the {len(recorded)} recorded. Were outcomes backdated? Build a new training set."
        ) from error
    return rows, batches


def training_set_of(workspace: Workspace, training_set_id: str) -> TrainingSetFact:
    """A recorded training set. Raises UsageError where there is none of that id."""
    fact = find_training_set(workspace.ledger, training_set_id)
    if fact is None:
        raise UsageError(f"no training set {training_set_id} in the ledger. Build it first.")
    return fact


def taught_until(workspace: Workspace, release: Release) -> datetime:
    """As-of of the last cohort that taught a release; rules learnt from none."""
    if release.training_set_id is None:
        return datetime.min.replace(tzinfo=release.created_at.tzinfo, year=1970)
    fact = find_training_set(workspace.ledger, release.training_set_id)
    assert fact is not None  # the ledger refers to it by a foreign key
    return fact.cohort_to
