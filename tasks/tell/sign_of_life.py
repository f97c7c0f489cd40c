"""A run says that its worker lives, and how much memory it took."""

from __future__ import annotations

import socket
import sys
from typing import cast

from prefect.context import FlowRunContext, get_run_context
from prefect.runtime import flow_run

from decisionloop.ledger.schema import utc_now
from decisionloop.ledger.worker_turns import WorkerTurn, append_worker_turn
from decisionloop.workspace import open_workspace
from tasks.step import step


@step
def keep_sign_of_life(use_case: str, flow: str, is_scheduled: bool) -> bool:
    """Keep that a run of this flow was done here, with the most memory that its process held; once a run.

    A process of a Dask cluster that computes parts is another one, and not counted.
    """
    run_id = flow_run.id or flow_run.parent_flow_run_id or ""
    turn = WorkerTurn(f"{run_id}/{flow}", use_case, flow, socket.gethostname(), is_scheduled, peak_bytes(), utc_now())
    return append_worker_turn(open_workspace(use_case).ledger, turn)


def is_of_the_schedule() -> bool:
    """Whether the running flow was started by its deployment's schedule, so that server and worker both work."""
    context = get_run_context()
    run = cast(FlowRunContext, context).flow_run
    return bool(run and run.auto_scheduled)


def peak_bytes() -> int | None:
    """The most memory that this process has held so far (resident set), in bytes; None where nobody counts it."""
    try:
        import resource
    except ImportError:  # as on Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
