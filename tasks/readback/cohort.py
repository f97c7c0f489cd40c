"""One batch of decisions read back: who was decided how, what was predicted of them, what became of them."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd

from decisionloop.ledger.batches import Batch
from decisionloop.ledger.decisions import LEARNING_COLUMNS, decisions_with_outcomes
from decisionloop.observe.decided_cohort import DecidedCohort
from decisionloop.predict.release_model import ReleaseModel, predict
from decisionloop.release_store import load_release
from decisionloop.workspace import Workspace
from tasks.readback.mature_decisions import frozen_rows
from tasks.readback.predictions import read_predictions
from tasks.readback.stages import release_of


def cohort_name(as_of: datetime) -> str:
    """The name of a batch's cohort in measurements: its date."""
    return f"{as_of:%Y-%m-%d}"


def read_cohort(workspace: Workspace, batch: Batch) -> DecidedCohort:
    """Read a decided batch with the outcomes that are known of it now.

    Raises IntegrityError where what was decided on is not what was recorded.
    """
    use_case = workspace.use_case
    log = decisions_with_outcomes(workspace.ledger, use_case.name, batch.as_of, batch.as_of, columns=LEARNING_COLUMNS)
    frame, predictions = frozen_rows(workspace, log), read_predictions(workspace, batch.batch_id, log)
    champion_id = predictions.champion_id
    return DecidedCohort.of(use_case, log, frame, predictions, lambda: _probability(workspace, champion_id, frame))


def model_of(workspace: Workspace, release_id: str) -> ReleaseModel | None:
    """The model of a release, None for rules. Raises IntegrityError where its digest differs."""
    settings, digest = workspace.settings, release_of(workspace, release_id).scorer_digest
    if digest is None:
        return None
    return load_release(workspace.snapshots, digest, settings.scorer_engine, settings.scorer_threads)


def _probability(workspace: Workspace, release_id: str, frame: pd.DataFrame) -> np.ndarray:
    model = model_of(workspace, release_id)
    assert model is not None  # rules have logged no score
    probability = predict(workspace.use_case, model, frame).probability
    assert probability is not None  # the outcome has a class
    return probability
