"""Catch up: what earlier turns of the loop should have decided, and did not, is decided now."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from prefect import flow
from prefect.states import State

from flows.act import act
from flows.ending import says
from flows.naming import as_of_turn, run_name
from flows.predict import predict
from tasks.observed import observed
from tasks.predict.missed import find_missed_runs
from tasks.tell.failed_runs import tell_of_failed_run
from tasks.tell.first_cause import with_ledger


@flow(name="catch_up", flow_run_name=run_name, on_failure=[tell_of_failed_run])
@says("{} earlier runs were made up for.")
@observed
def catch_up(
    use_case: str, as_of: datetime | None = None, allow_future: bool = False, with_halted: bool = False
) -> int:
    """Predict and act for every run that was missed before ``as_of``, each as of its own time; returns how many.

    1. Find the due times that passed without a run, and tell people of those who were never decided.
    2. Predict and act as of each of them, oldest first. One that fails or is halted keeps none of the others from it,
       and fails this run at its end; a ledger out of reach ends it there.

    Rows that arrived late need no run of their own: the next batch of the loop takes them in.

    Args:
        use_case: Name of the use case.
        as_of: Up to when; empty: the last due time of the schedule.
        allow_future: The as-of may be still to come.
        with_halted: Begin halted batches anew as well, once each, because somebody has removed the reason. No run of
            the schedule does: it would tell of each again for as long as it is not mended.
    """
    missed = find_missed_runs(use_case, as_of_turn(use_case, as_of, allow_future), with_halted)
    made_up = [with_ledger(_decide(use_case, moment)) for moment in missed]
    failed = [state for state in made_up if not state.is_completed()]
    if failed:
        failed[0].result()
    return len(made_up)


def _decide(use_case: str, as_of: datetime) -> State[Any]:
    predicted = predict(use_case, as_of, return_state=True)
    return act(use_case, predicted.result(), return_state=True) if predicted.is_completed() else predicted
