"""Watchdog: whether the loop itself is well."""

from __future__ import annotations

from prefect import flow

from flows.ending import says
from flows.naming import run_name
from tasks.observed import observed
from tasks.tell.loop_health import watch_loop
from tasks.tell.notices import deliver_notices
from tasks.tell.sign_of_life import is_of_the_schedule, keep_sign_of_life


@flow(name="watchdog", flow_run_name=run_name)
@says()
@observed
def watchdog(use_case: str) -> str:
    """Look whether batches come, actions leave and critical alerts are answered; returns what was found.

    1. Say that the worker lives, where the schedule has started this run. Who looks from outside
       (`decisionloop watchdog`, `decisionloop status --check`, the service's /metrics) sees when that stops.
    2. Raise an alert for what is wrong with the loop, once, and close it when it is over.
    3. Pass on what is critical and nobody has acknowledged, and send every notice that is due.

    Args:
        use_case: Name of the use case.
    """
    keep_sign_of_life(use_case, "watchdog", is_of_the_schedule())
    found = watch_loop(use_case)
    told = deliver_notices(use_case)
    return f"{found.as_text()}. {told.delivered} notices delivered, {told.failed} failed, {told.waiting} wait."
