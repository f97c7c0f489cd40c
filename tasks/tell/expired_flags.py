"""The step that tells people that a kill switch has ended by itself."""

from __future__ import annotations

from typing import Final

from decisionloop.ledger.alerts import NewAlert
from decisionloop.ledger.flag_spans import expired_flags
from decisionloop.ledger.switch_lock import EVERYTHING
from decisionloop.workspace import open_workspace
from tasks.step import step
from tasks.tell.queueing import raise_alert

KIND: Final = "flag"


@step
def tell_of_expired_flags(use_case: str) -> int:
    """Tell once of each flag of the use case, its releases or everything that has ended; returns how many are news."""
    workspace = open_workspace(use_case)
    ended = [flag for name in (EVERYTHING, use_case) for flag in expired_flags(workspace.ledger, name)]
    told = 0
    for flag in ended:
        new = NewAlert(
            severity="warning",
            kind=KIND,
            message=f"A kill switch has ended by itself: {flag.as_text()}.",
            remedy=f"`decisionloop flags {use_case}` shows what holds now; `decisionloop outbox list {use_case}` what "
            "is held, and stays so until a person releases it.",
            occasion=f"{flag.use_case} {flag.seq}",
        )
        told += raise_alert(workspace, new)
    return told
