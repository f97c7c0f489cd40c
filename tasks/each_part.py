"""A step of a batch is done part by part: how a batch is cut, and how a step is taken over all of its parts."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pandas as pd
from prefect import Task
from prefect.context import FlowRunContext

from decisionloop.ledger.batch_parts import parts_of
from decisionloop.workspace import Workspace

R = TypeVar("R")


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
