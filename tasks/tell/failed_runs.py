"""A run that failed is told of, whatever broke it: the ledger alone, and the last contract that can be read, do."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

from prefect import Flow
from prefect.client.schemas.objects import FlowRun, State

from decisionloop.contract import UseCase, load_use_case, use_case_folder
from decisionloop.errors import (
    BatchHalted,
    ContractError,
    DecisionLoopError,
    DeliveryError,
    DeploymentStopped,
    DrillFailed,
    LedgerOutOfReach,
    SourceError,
    UsageError,
)
from decisionloop.ledger.alerts import FAILED_RUN, NewAlert, append_alert
from decisionloop.ledger.schema import utc_now
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.use_cases import last_readable_contract
from decisionloop.settings import load_settings
from decisionloop.workspace import open_ledger_alone
from tasks.tell.queueing import append_alert_and_notices
from tasks.tell.sending import send_due_notices

TOLD_OTHERWISE = (BatchHalted, DeliveryError, DeploymentStopped, DrillFailed, UsageError)
"""What halts a batch, refuses a delivery, stops a deployment or fails a drill has an alert of its own; who asks for
what is not there is told at once."""
REMEDY = "Mend the cause and run it again: what is in the ledger is not done twice."


def tell_of_failed_run(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Keep an alert of a failed flow run, and send it at once; a run that is part of another leaves it to that one.

    A hook of Prefect's: it runs after the flow's own body, so that even a body that could not begin is told of.
    """
    cause = state.result(raise_on_failure=False)
    if flow_run.parent_task_run_id is not None or isinstance(cause, TOLD_OTHERWISE):
        return
    name, message = str(flow_run.parameters["use_case"]), f"The run {flow.name} failed. {_in_words(cause)}"
    new = NewAlert("critical", FAILED_RUN, message, REMEDY, occasion=_occasion(flow_run))
    if not isinstance(cause, LedgerOutOfReach):
        _tell(open_ledger_alone(), name, new)
        return
    with suppress(LedgerOutOfReach):  # the run has waited for it, and says so itself: it may be back by now
        _tell(replace(open_ledger_alone(), retry_seconds=0.0), name, new)


def _tell(ledger: Ledger, name: str, new: NewAlert) -> None:
    contract = _contract(ledger, name)
    if contract is None:
        append_alert(ledger, name, new)
        return
    with ledger.begin() as connection:
        append_alert_and_notices(connection, contract, new)
    send_due_notices(ledger, name, utc_now())


def _occasion(flow_run: FlowRun) -> str:
    """What it ran for, so that the same failure of the same run tried again is told once."""
    asked = flow_run.parameters
    return str(asked.get("batch_id") or asked.get("as_of") or flow_run.expected_start_time)


def _in_words(cause: Any) -> str:
    """Our own errors name cause and remedy; what any other says, or a user's code, may quote a person's data, and stays
    in Prefect."""
    if isinstance(cause, ContractError):
        return str(cause.without_quotes())
    if isinstance(cause, SourceError) and cause.unquoted:
        return cause.unquoted
    if isinstance(cause, DecisionLoopError):
        return str(cause)
    return f"{type(cause).__name__}: the run's log in Prefect's UI says where."


def _contract(ledger: Ledger, use_case: str) -> UseCase | None:
    """Who wants to be told: says the present contract, or while that is broken the last one that can be read."""
    try:
        return load_use_case(use_case_folder(load_settings().usecases_dir, use_case)).use_case
    except (DecisionLoopError, OSError, ValueError, RecursionError):
        return last_readable_contract(ledger, use_case)
