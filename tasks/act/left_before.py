"""A ledger that was put back by hand does not know what left since: a file of the home remembers the last sending.

`decisionloop restore` marks the ledger that it installs. Who copies a file back, or restores a database to an earlier
time, marks nothing; but the home is still that of after, and its last sending is none that such a ledger knows.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from decisionloop.ledger.alerts import NewAlert
from decisionloop.ledger.batches import last_event_at
from decisionloop.ledger.restorations import BY_HAND, last_restoration, mark_restored
from decisionloop.ledger.schema import utc_now
from decisionloop.ledger.sendings import is_known_sending
from decisionloop.private_files import write_private
from decisionloop.workspace import LAST_SENT, Workspace
from tasks.tell.queueing import raise_alert


@dataclass(frozen=True)
class LastSent:
    """The sending that this home began last."""

    sending_id: str
    at: datetime


def remember_sending(workspace: Workspace, sending_id: str) -> None:
    """Keep in the home that this sending has begun, before anything of it leaves."""
    write_private(_file(workspace), json.dumps({"sending_id": sending_id, "at": utc_now().isoformat()}))


def hold_what_may_have_left(workspace: Workspace) -> None:
    """Where the ledger does not know what this home sent last, hold everything unsent and tell people, once.

    It is marked as a restored one is: what is unsent waits for a person, and the kill switch of everything is on.
    """
    last = _last_sent(workspace)
    if last is None or is_known_sending(workspace.ledger, last.sending_id):
        return
    restored = last_restoration(workspace.ledger)
    if restored is not None and restored.restored_at > last.at:
        return
    knows_until = last_event_at(workspace.ledger, workspace.use_case.name, last.at) or last.at
    raise_alert(workspace, _alert(last, knows_until))  # first: killed in between, it is told of and marked next time
    mark_restored(workspace.ledger, knows_until, version("decisionloop"), BY_HAND)


def _alert(last: LastSent, knows_until: datetime) -> NewAlert:
    return NewAlert(
        severity="critical",
        kind="restored",
        message=f"The ledger was put back: it knows of nothing after {knows_until:%Y-%m-%d %H:%M} UTC, and actions "
        f"left as late as {last.at:%Y-%m-%d %H:%M}. What is unsent in it may have left, and is held.",
        remedy="Ask the receiver what it has, then release or cancel what waits (`decisionloop outbox list`); the kill "
        "switch of everything is on until approvers clear it.",
        occasion=last.sending_id,
    )


def _last_sent(workspace: Workspace) -> LastSent | None:
    try:
        told = json.loads(_file(workspace).read_text(encoding="utf-8"))
        return LastSent(str(told["sending_id"]), datetime.fromisoformat(told["at"]))
    except (FileNotFoundError, ValueError, KeyError, TypeError):  # a file that nobody can read tells nothing
        return None


def _file(workspace: Workspace) -> Path:
    return workspace.settings.home / LAST_SENT / f"{workspace.use_case.name}.json"
