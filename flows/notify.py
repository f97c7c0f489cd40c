"""Notify: what could not be delivered, or had to wait for the morning, is sent."""

from __future__ import annotations

from prefect import flow

from flows.ending import says
from flows.naming import run_name
from tasks.observed import observed
from tasks.tell.notices import deliver_notices


@flow(name="notify", flow_run_name=run_name)
@says()
@observed
def notify(use_case: str) -> str:
    """Send every notice that is due; returns what became of them in a sentence.

    What fails stays in the ledger and is tried again by the next run; `decisionloop status` shows it.

    Args:
        use_case: Name of the use case.
    """
    told = deliver_notices(use_case)
    return f"{told.delivered} notices delivered, {told.failed} failed, {told.waiting} wait."
