"""Under which contract what only a replay knows can be told: one that knows every action that was taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from decisionloop.ledger.batches import batches
from decisionloop.report.record.beside import Caveat

if TYPE_CHECKING:
    from decisionloop.workspace import Workspace


NOT_TOLD = Caveat(
    ("money",),
    "What only the replay knows is not told: of the contracts that batches were decided under none knows all of the "
    "actions that were taken.",
)


def as_decided(workspace: Workspace) -> Workspace | None:
    """The present contract, else the newest of the decided batches' that knows the actions of all of them.

    None where none does: a log in which an action went and another one came is told by its measured figures alone.
    """
    made = [one for one in batches(workspace.ledger, workspace.use_case.name) if one.is_decided]
    digests = dict.fromkeys(one.contract_digest for one in reversed(made))
    if not set(digests) - {workspace.use_case.digest}:
        return workspace
    under = [workspace.under(one) for one in digests]
    taken = {name for one in under for name in one.use_case.action_names}
    return next((one for one in (workspace, *under) if taken <= set(one.use_case.action_names)), None)
