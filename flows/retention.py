"""Retention: what is kept no longer goes."""

from __future__ import annotations

from datetime import datetime

from prefect import flow

from flows.naming import run_name
from tasks.observed import observed
from tasks.retain.expired import expire_batches
from tasks.tell.failed_runs import tell_of_failed_run


@flow(name="retention", flow_run_name=run_name, on_failure=[tell_of_failed_run])
@observed
def retention(use_case: str, as_of: datetime | None = None) -> str:
    """Take away features, outcomes and decisions that are older than the contract keeps them; returns what went.

    The audit chain keeps commitments and verifies as before. What is still needed stays: batches that are not finished
    or may still get outcomes or teach, those that a living release learnt from, and the newest ones.
    `decisionloop retention USE_CASE` says beforehand what would go.

    Args:
        use_case: The use case.
        as_of: A time of the past as of which ages are counted. Empty: now; of a replay, its last batch.
    """
    return expire_batches(use_case, as_of)
