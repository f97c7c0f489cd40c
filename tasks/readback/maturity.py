"""When batches are mature: each when its last outcome is due, as it was frozen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import pandas as pd

from decisionloop.frozen_rows import frozen_rows
from decisionloop.ledger.batches import FINISHED_STATES, Batch, Scalar, batches, latest_details
from decisionloop.observe.maturity import with_due_at
from decisionloop.workspace import Workspace

DUE_DAYS = "due_days"
"""What the event `frozen` says of a batch whose outcomes fall due row by row: after how many days the last one does."""


SPAN_DAYS = "span_days"
"""What it says of a batch of the stream: how many days after its as-of its last decision was made."""


def mature_at(workspace: Workspace, found: Sequence[Batch]) -> tuple[datetime, ...]:
    """When each batch is mature: when the outcome of the last of its rows is due, whatever is done about that row.

    While a batch of the stream gathers its last decision may still come at the end of its watching period.
    """
    outcome, online = workspace.use_case.outcome, workspace.use_case.online
    if not outcome.due and online is None:
        return tuple(one.as_of + timedelta(days=outcome.maturity_days) for one in found)
    frozen = latest_details(workspace.ledger, [one.batch_id for one in found], "frozen")
    open_days = 0.0 if online is None else online.period / timedelta(days=1)
    return tuple(
        one.as_of + timedelta(days=_due_days(detail, outcome.maturity_days) + _span_days(detail, one, open_days))
        for one, detail in zip(found, frozen, strict=True)
    )


def _due_days(detail: Mapping[str, Scalar], latest: float) -> float:
    return min(float(detail.get(DUE_DAYS) or latest), latest)


def _span_days(detail: Mapping[str, Scalar], batch: Batch, open_days: float) -> float:
    if detail or batch.state in FINISHED_STATES:
        return float(detail.get(SPAN_DAYS) or 0.0)
    return open_days


def mature_until(workspace: Workspace, as_of: datetime) -> datetime:
    """The latest time up to which every batch is mature at ``as_of``: what learning may look back on.

    A batch that matures sooner than one before it waits for that one, so that what teaches is a span.
    """
    outcome, online = workspace.use_case.outcome, workspace.use_case.online
    oldest = as_of - timedelta(days=outcome.maturity_days)
    if not outcome.due and online is None:
        return oldest
    since = oldest if online is None else oldest - online.period
    young = batches(workspace.ledger, workspace.use_case.name, since, as_of)
    waiting = [one.as_of for one, at in zip(young, mature_at(workspace, young), strict=True) if at > as_of]
    latest = as_of if outcome.due else oldest
    return min([latest, *(one - timedelta(microseconds=1) for one in waiting)])


def due_at_of(workspace: Workspace, decided: pd.DataFrame) -> pd.DataFrame:
    """Decisions (as_of, snapshot_digest, snapshot_row) with ``due_at``, told from their frozen features."""
    frame = frozen_rows(workspace, decided) if len(decided) else decided
    return with_due_at(workspace.use_case, decided.reset_index(drop=True), frame)
