"""One batch of decisions read back: who was decided how, what was predicted of them, what became of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import numpy as np
import pandas as pd

from decisionloop.errors import IntegrityError
from decisionloop.frozen_rows import frozen_rows
from decisionloop.ledger.batches import Batch
from decisionloop.ledger.decisions import LEARNING_COLUMNS, decisions_with_outcomes
from decisionloop.observe.decided_cohort import DecidedCohort
from decisionloop.observe.executed_actions import as_executed, as_named
from decisionloop.observe.maturity import with_absent_outcomes, with_due_at
from decisionloop.predict.release_model import ReleaseModel, predict
from decisionloop.release_store import load_release
from decisionloop.workspace import Workspace
from tasks.readback.amounts import usual_amounts_of
from tasks.readback.batch_in_hand import own_workspace
from tasks.readback.predictions import read_predictions
from tasks.readback.releases import release_of


def read_cohort(workspace: Workspace, batch: Batch, known_at: datetime) -> DecidedCohort:
    """Read a decided batch, under the contract that it was decided by, with the outcomes known of it at ``known_at``.

    The log also says when each outcome is due (`due_at`), and what its absence means (`outcome.absent_means`).
    Raises IntegrityError where what was decided on is not what was recorded.
    """
    workspace = own_workspace(workspace, batch)
    use_case, span = workspace.use_case, (batch.as_of, batch.as_of)
    log = decisions_with_outcomes(workspace.ledger, use_case.name, *span, known_at, (*LEARNING_COLUMNS, "score"))
    frame, predictions = frozen_rows(workspace, log), read_predictions(workspace, batch.batch_id, log)
    log = as_executed(use_case, as_named(use_case, with_due_at(use_case, log, frame)))
    log = with_absent_outcomes(use_case, log, known_at)
    champion_id = predictions.champion_id
    amounts = usual_amounts_of(workspace, batch, release_of(workspace, champion_id), log, known_at)
    cohort = DecidedCohort.of(use_case, log, frame, predictions, lambda: _probability(workspace, champion_id, frame))
    return replace(cohort, amounts=amounts)


def model_of(workspace: Workspace, release_id: str) -> ReleaseModel | None:
    """The model of a release; None for rules, and where its file is damaged: scoring has told people of that.

    What is read back goes on without what only the model could say.
    """
    settings, digest = workspace.settings, release_of(workspace, release_id).scorer_digest
    if digest is None:
        return None
    try:
        return load_release(workspace.snapshots, digest, settings.scorer_engine, settings.scorer_threads)
    except IntegrityError:
        return None


def _probability(workspace: Workspace, release_id: str, frame: pd.DataFrame) -> np.ndarray:
    model = model_of(workspace, release_id)
    if model is None:
        return np.full((len(frame), len(workspace.use_case.actions)), np.nan)
    probability = predict(workspace.use_case, model, frame).probability
    assert probability is not None  # the outcome has a class
    return probability
