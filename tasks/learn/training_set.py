"""The step that freezes which decisions teach, what, and with what weight."""

from __future__ import annotations

from datetime import datetime

from decisionloop.learn.training_set import build_training_rows
from decisionloop.ledger.batches import time_of_cohort
from decisionloop.ledger.held_cohorts import held_cohorts
from decisionloop.ledger.storage.facts import canonical_json
from decisionloop.ledger.verdicts import TrainingSet, append_training_set
from decisionloop.ledger.watching_periods import unfinished_of_stream
from decisionloop.workspace import open_workspace
from tasks.keep import keep_table
from tasks.learn.training_rows import manifest_of
from tasks.readback.mature_decisions import mature_batches, training_window
from tasks.step import step


@step
def build_training_set(use_case: str, as_of: datetime) -> str:
    """Freeze which decisions teach, what they teach and with what weight; returns the training set's id.

    Cohorts that are held back do not teach, nor do those that still gather. Which they were is a part of the fact: who
    releases one of them meanwhile changes the next training set and not this one.
    """
    workspace = open_workspace(use_case)
    since, until = training_window(workspace, as_of)
    gathering = [one.partition("/")[2] for one in unfinished_of_stream(workspace.ledger, use_case)]
    names = [*held_cohorts(workspace.ledger, use_case), *gathering]
    held = [name for name in names if since <= time_of_cohort(name) <= until]
    batches = mature_batches(workspace, since, until, as_of, held)
    rows = build_training_rows(workspace.use_case, batches.log, batches.frame)
    cohorts = batches.log["as_of"]
    created = TrainingSet(
        use_case,
        as_of,
        cohorts.min().to_pydatetime(),
        cohorts.max().to_pydatetime(),
        len(rows),
        keep_table(workspace, manifest_of(rows), "training_set"),
        left_out=canonical_json(held),
    )
    append_training_set(workspace.ledger, created)
    return created.training_set_id
