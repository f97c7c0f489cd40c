"""How much the last batches explore and what that is expected to cost, as `decisionloop status` tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decisionloop.workspace import Workspace


def exploring_lines(workspace: Workspace, last: int) -> tuple[str, ...]:
    """One line for each of the ``last`` decided batches that may explore."""
    from decisionloop.report.read.exploring import planned_by_batch
    from decisionloop.report.words.exploring import planned_line

    currency = workspace.use_case.economics.currency
    planned = planned_by_batch(workspace.ledger, workspace.use_case, last)
    return tuple(planned_line(one, currency) for one in planned)
