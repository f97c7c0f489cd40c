"""When batches are mature: each when its last outcome is due, as it was frozen."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import pandas as pd

from decisionloop.frozen_rows import frozen_rows
from decisionloop.ledger.batches import Batch, batches, latest_details
from decisionloop.observe.maturity import with_due_at
from decisionloop.workspace import Workspace

DUE_DAYS = "due_days"
"""What the event `frozen` says of a batch whose outcomes fall due row by row: after how many days the last one does."""


def mature_at(workspace: Workspace, found: Sequence[Batch]) -> tuple[datetime, ...]:
    """When each batch is mature: when the outcome of the last of its rows is due, whatever is done about that row."""
    outcome = workspace.use_case.outcome
    if not outcome.due:
        return tuple(one.as_of + timedelta(days=outcome.maturity_days) for one in found)
    frozen = latest_details(workspace.ledger, [one.batch_id for one in found], "frozen")
    days = [min(float(detail.get(DUE_DAYS) or outcome.maturity_days), outcome.maturity_days) for detail in frozen]
    return tuple(one.as_of + timedelta(days=after) for one, after in zip(found, days, strict=True))


def mature_batches_by(workspace: Workspace, as_of: datetime) -> tuple[Batch, ...]:
    """The batches that are mature at ``as_of``, by their own as-of."""
    found = batches(workspace.ledger, workspace.use_case.name, as_of_to=as_of)
    return tuple(one for one, at in zip(found, mature_at(workspace, found), strict=True) if at <= as_of)


def mature_until(workspace: Workspace, as_of: datetime) -> datetime:
    """The latest time up to which every batch is mature at ``as_of``: what learning may look back on.

    A batch that matures sooner than one before it waits for that one, so that what teaches is a span.
    """
    oldest = as_of - timedelta(days=workspace.use_case.outcome.maturity_days)
    if not workspace.use_case.outcome.due:
        return oldest
    young = batches(workspace.ledger, workspace.use_case.name, oldest, as_of)
    waiting = [one.as_of for one, at in zip(young, mature_at(workspace, young), strict=True) if at > as_of]
    return min(waiting) - timedelta(microseconds=1) if waiting else as_of


def due_at_of(workspace: Workspace, decided: pd.DataFrame) -> pd.DataFrame:
    """Decisions (as_of, snapshot_digest, snapshot_row) with ``due_at``, told from their frozen features."""
    frame = frozen_rows(workspace, decided) if len(decided) else decided
    return with_due_at(workspace.use_case, decided.reset_index(drop=True), frame)
