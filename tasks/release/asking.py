"""A person is asked before a model decides, where the contract wants it: by the gate as by whoever deploys."""

from __future__ import annotations

from sqlalchemy import Connection

from decisionloop.ledger.alerts import NewAlert
from decisionloop.ledger.approvals import LetDecide
from decisionloop.ledger.letting_decide import ask_approval
from decisionloop.release.grounds import Grounds
from decisionloop.workspace import Workspace
from tasks.tell.queueing import append_alert_and_notices


def ask(workspace: Workspace, request: LetDecide, grounds: Grounds) -> str | None:
    """Ask for the approval of what lets a release decide, in words what it waits for; None where it waits for none."""

    def tell(connection: Connection, alert: NewAlert) -> None:
        append_alert_and_notices(connection, workspace.use_case, alert)

    approval = workspace.use_case.approval
    waits = ask_approval(workspace.ledger, workspace.use_case.name, request, grounds, approval, tell)
    return None if waits is None else waits.as_text()
