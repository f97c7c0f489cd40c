"""A step of a batch is done part by part: which parts there are, and how a step is taken over all of them."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pandas as pd
import pyarrow as pa
from prefect import Task
from prefect.context import FlowRunContext

from decisionloop.ledger.batch_parts import BatchPart, PartKind, append_part, find_part, parts_of
from decisionloop.ledger.snapshot_log import Kind
from decisionloop.workspace import Workspace
from tasks.readback.tables import keep_table, read_table

R = TypeVar("R")
_SNAPSHOT_KIND: dict[PartKind, Kind] = {
    "due": "features",
    "features": "features",
    "ages": "features",
    "faults": "features",
    "scores": "scores",
    "predictions": "scores",
    "choice": "scores",
    "rules_choice": "scores",
}


def each_part(workspace: Workspace, step: Task[..., R], batch_id: str, *shared: Any) -> list[R]:
    """What ``step(use_case, batch_id, part, *shared)`` returns of every part of the batch, in their order.

    Where they are computed is the settings' business: within a flow each part is a task run of its own, elsewhere a
    plain call. A batch of one part is computed at once and in place.
    """
    settings, name = workspace.settings, workspace.use_case.name
    numbers = [part.part for part in parts_of(workspace.ledger, batch_id, "due")]
    is_flow = FlowRunContext.get() is not None
    if len(numbers) == 1 or (settings.workers == 1 and not is_flow):
        return [step.fn(name, batch_id, number, *shared) for number in numbers]
    if settings.runner == "in_process":
        return [step(name, batch_id, number, *shared) for number in numbers]
    if is_flow:
        futures = [step.submit(name, batch_id, number, *shared) for number in numbers]
        return [future.result() for future in futures]
    with ThreadPoolExecutor(settings.workers) as pool:
        return list(pool.map(lambda number: step.fn(name, batch_id, number, *shared), numbers))


def cut(ids: pd.Series, rows: int) -> Iterator[slice]:
    """Cut sorted entity ids into slices of about ``rows``; an entity that is listed twice stays in one slice."""
    start, many = 0, len(ids)
    while start < many or start == 0:
        stop = min(start + rows, many)
        while 0 < stop < many and ids.iloc[stop] == ids.iloc[stop - 1]:
            stop += 1
        yield slice(start, stop)
        start = max(stop, 1)


def keep_part(workspace: Workspace, batch_id: str, kind: PartKind, part: int, table: pa.Table) -> BatchPart:
    """Store a part's table and record it for the batch's present attempt; what was recorded before stands."""
    digest = keep_table(workspace, table, _SNAPSHOT_KIND[kind])
    return append_part(workspace.ledger, batch_id, kind, part, digest, len(table))


def read_part(
    workspace: Workspace, batch_id: str, kind: PartKind, part: int, columns: list[str] | None = None
) -> pa.Table:
    """A part's table, or some columns of it; raises IntegrityError when its bytes are not what was recorded."""
    found = find_part(workspace.ledger, batch_id, kind, part)
    assert found is not None  # the steps before left it
    return read_table(workspace, found.digest, columns)
