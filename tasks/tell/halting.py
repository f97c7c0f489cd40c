"""How a batch is halted: marked, alerted, announced, and the run failed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from decisionloop.errors import BatchHalted
from decisionloop.ledger.batches import append_batch_event
from decisionloop.monitor.alarm.finding import Finding
from decisionloop.workspace import Workspace
from tasks.tell.announcements import announce
from tasks.tell.notices import raise_alert


def halt_where_jumped(workspace: Workspace, batch_id: str, kind: str, findings: Sequence[Finding]) -> None:
    """Halt the batch where a monitor found what must not be acted on."""
    stopping = [finding for finding in findings if finding.is_alarm and finding.is_halting]
    if stopping:
        halt(workspace, batch_id, kind, [one.words for one in stopping], [one.suggestion for one in stopping])


def halt(workspace: Workspace, batch_id: str, kind: str, reasons: Sequence[str], remedies: Sequence[str]) -> NoReturn:
    """Mark a batch as halted, alert people, and raise BatchHalted."""
    check, remedy = "; ".join(reason.rstrip(".") for reason in reasons), " ".join(dict.fromkeys(remedies))
    append_batch_event(workspace.ledger, batch_id, "halted", {"check": check})
    raise_alert(workspace, severity="critical", kind=kind, message=check, remedy=remedy, batch_id=batch_id)
    announce("batch.halted", workspace.use_case.name, batch_id, {"check": check, "remedy": remedy})
    raise BatchHalted(batch_id, check, remedy)
