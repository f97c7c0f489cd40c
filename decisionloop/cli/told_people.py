"""What people were told of a use case and asked, and how the last drills went, as lines of `decisionloop status`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from decisionloop.workspace import Workspace

if TYPE_CHECKING:
    from decisionloop.ledger.storage.engine import Ledger

LAST_ALERTS = 3


def awaits_approval(ledger: Ledger, name: str) -> tuple[str, ...]:
    """What waits for an approval, a line each."""
    from decisionloop.ledger.approvals import waiting_for_people
    from decisionloop.ledger.schema import utc_now

    return tuple(one.as_text() for one in waiting_for_people(ledger, name, utc_now()))


def last_drills(ledger: Ledger, name: str) -> dict[str, str]:
    """The last drill of kill switch and rollback, and the last one of restoring; "" where there was none."""
    from decisionloop.ledger.drills import drills
    from decisionloop.ledger.restore_drills import restore_drills

    drilled, restored = drills(ledger, name), restore_drills(ledger, name)
    return {
        "last_drill": drilled[-1].as_text() if drilled else "",
        "last_restore_drill": restored[-1].as_text() if restored else "",
    }


def last_alerts(workspace: Workspace) -> tuple[str, ...]:
    """The last alerts about what is not over, each with its remedy and page of the runbook; how many more there are."""
    from decisionloop.ledger.present_alerts import present_alerts
    from decisionloop.monitor.alarm.runbook import runbook_of_alert

    base = workspace.settings.runbook_url
    present = present_alerts(workspace.ledger, workspace.use_case.name)
    told = (
        f"{one.severity}: {one.message.rstrip('.')}. {one.remedy} See {runbook_of_alert(one.kind, base)}."
        for one in present[-LAST_ALERTS:]
    )
    more = len(present) - LAST_ALERTS
    listed = f"{more} more are open: `decisionloop alerts list {workspace.use_case.name}` names all {len(present)}."
    return (*([listed] if more > 0 else []), *told)


def notices_not_taken(ledger: Ledger, name: str) -> tuple[str, ...]:
    """Notices that no channel has taken, a line each."""
    from decisionloop.ledger.notices import undelivered_notices

    return tuple(
        f"{one.channel} did not take “{one.title}” ({one.attempts} attempts): {one.detail}"
        for one in undelivered_notices(ledger, name)
    )
