"""An alias that somebody moved in MLflow is a request: people are told, and a model may be compared again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from decisionloop.ledger.alerts import NewAlert
from decisionloop.ledger.release_changes import change_stages
from decisionloop.ledger.releases import RULES, find_stage
from decisionloop.ledger.schema import utc_now
from decisionloop.registry import Alias
from decisionloop.release.grounds import Grounds
from decisionloop.release.requests import EnterShadow
from decisionloop.release.stages import GONE, Decider
from decisionloop.workspace import Workspace
from tasks.tell.announcements import announce
from tasks.tell.queueing import append_alert_and_notices

KIND: Final = "alias"
SOMEBODY = Decider("person", "somebody in MLflow")
"""MLflow does not tell who moved an alias."""


@dataclass(frozen=True)
class MovedByHand:
    """An alias that somebody has moved; ``version`` is what it named (None: it was removed), and of which release."""

    alias: Alias
    version: str | None
    release_id: str | None

    def __str__(self) -> str:
        whose = f" ({self.release_id})" if self.release_id else ""
        return f"{self.alias} → {f'version {self.version}{whose}' if self.version else 'nothing'}"


def answer(workspace: Workspace, moved: Sequence[MovedByHand], occasion: str) -> None:
    """Answer each in one transaction: what it asks for, and what people are told; an ``occasion`` is told once."""
    for one in moved:
        with workspace.ledger.begin() as connection:
            becomes = _becomes(connection, workspace, one)
            new = NewAlert(
                severity="warning",
                kind=KIND,
                message=f"Somebody moved an alias of {workspace.use_case.name} in MLflow: {one}. It was set back, and "
                f"nobody else decides. {becomes}",
                remedy="Aliases follow the ledger: `decisionloop rollback` lets an earlier release decide, "
                "`decisionloop history` says what was done.",
                occasion=occasion,
            )
            append_alert_and_notices(connection, workspace.use_case, new)
        announce("alias.moved", workspace.use_case.name, one.alias, {"moved": str(one), "answer": becomes})


def _becomes(connection: Connection, workspace: Workspace, moved: MovedByHand) -> str:
    """What becomes of the request, done and in words: a model that is not looked at any more is compared again."""
    found = None if moved.release_id is None else find_stage(connection, moved.release_id)
    if found is None:
        return "It asks for nothing that there is." if moved.version is None else "The ledger knows no such release."
    if found.release.kind == RULES or moved.alias == "baseline":
        return "Which rules stand is said by the contract."
    if found.stage not in GONE:
        return f"{found.release_id} is {found.stage}: that is for the gate."
    grounds = Grounds(SOMEBODY, f"the alias {moved.alias} was moved to it in MLflow", utc_now())
    change_stages(connection, workspace.use_case.name, EnterShadow(found.release_id), grounds)
    return f"{found.release_id} was {found.stage}; it is in shadow again, and the gate compares it with the champion."
