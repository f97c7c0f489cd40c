"""Predict: what is known of everyone who is due, checked, and scored side by side."""

from __future__ import annotations

from datetime import datetime

from prefect import flow

from decisionloop.schedule import checked_as_of
from flows.ending import says
from flows.naming import run_name
from tasks.observed import observed
from tasks.predict.freeze import freeze_batch
from tasks.predict.score import score_batch
from tasks.predict.validate import validate_batch
from tasks.runner import PartRunner
from tasks.tell.failed_runs import tell_of_failed_run


@flow(name="predict", flow_run_name=run_name, on_failure=[tell_of_failed_run], task_runner=PartRunner())
@says("{} is checked and scored.")
@observed
def predict(use_case: str, as_of: datetime, allow_future: bool = False, with_late: bool = False) -> str:
    """Prepare and score one batch, part by part; returns its batch id.

    1. Freeze the point-in-time features of everyone who is due, and was not decided before, as a content-addressed
       snapshot. Where nobody is left to decide, the batch ends here.
    2. Validate the snapshot with the suite built from the contract. A critical failure halts the batch here:
       no model sees it, and the run fails with what to do.
    3. Score it with the champion, every challenger in shadow and the rules, with a reason for every score.

    Args:
        use_case: Name of the use case.
        as_of: What is known by then counts (UTC where it names no zone).
        allow_future: The as-of may be still to come.
        with_late: Take in also whom an earlier batch should have decided.
    """
    batch_id = freeze_batch(use_case, checked_as_of(as_of, allow_future), with_late)
    validate_batch(use_case, batch_id)
    score_batch(use_case, batch_id)
    return batch_id
