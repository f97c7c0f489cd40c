"""Telling people that a ledger which decides one at a time was put back, and does not know what was answered since."""

from __future__ import annotations

from decisionloop.ledger.alerts import NewAlert
from decisionloop.stream.answered_before import hold_models_of_an_older_ledger, told_of_older_ledger
from decisionloop.workspace import Workspace
from tasks.tell.queueing import raise_alert


def tell_of_older_ledger(workspace: Workspace) -> None:
    """Where the ledger does not know what this home answered last, let the rules decide and tell people, once."""
    found = hold_models_of_an_older_ledger(workspace)
    if found is None:
        return
    until = "" if found.known_until is None else f" after {found.known_until:%Y-%m-%d %H:%M} UTC"
    raise_alert(
        workspace,
        NewAlert(
            severity="critical",
            kind="restored",
            message=f"The ledger was put back: it knows of no answer{until}, and some were given as late as "
            f"{found.at:%Y-%m-%d %H:%M}. Who asked then was decided, and nobody knows how.",
            remedy="Ask the callers what they were answered. The kill switch of everything is on until approvers clear "
            "it: what was switched or rolled back since is not known either.",
            occasion=found.segment_id,
        ),
    )
    told_of_older_ledger(workspace)
