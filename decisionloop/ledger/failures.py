"""Why decisions missed: one cause each, appended by the hundred thousand and read back as sums."""

from __future__ import annotations

from datetime import datetime

import pandas as pd
from sqlalchemy import Connection, func, select

from decisionloop.ledger.schema import batch, failure, utc_now
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.bulk import append
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.storage.frames import read_frame


def append_failures(
    target: Ledger | Connection, use_case: str, batch_id: str, failures: pd.DataFrame, at: datetime | None = None
) -> int:
    """Append the causes of misses of one batch; returns how many were new.

    ``failures``: columns decision_id (str), cause (str), surprise (money, never missing). A decision keeps the cause
    that it was given first. Raises UsageError for other columns or missing values.
    """
    rows = failures.assign(use_case=use_case, batch_id=batch_id, recorded_at=pd.Timestamp(at or utc_now()))
    with facts.writing(target) as connection:
        return append(connection, failure, rows)


def failures_by_cause(ledger: Ledger, use_case: str) -> pd.DataFrame:
    """What each cause cost in each batch: columns batch_id, as_of, cause, failures, surprise (money, the sum)."""
    statement = (
        select(
            batch.c.batch_id,
            batch.c.as_of,
            failure.c.cause,
            func.count(failure.c.decision_id).label("failures"),
            func.sum(failure.c.surprise).label("surprise"),
        )
        .join(batch, batch.c.batch_id == failure.c.batch_id)
        .where(failure.c.use_case == use_case)
        .group_by(batch.c.batch_id, batch.c.as_of, failure.c.cause)
        .order_by(batch.c.as_of, failure.c.cause)
    )
    return read_frame(ledger, statement)
