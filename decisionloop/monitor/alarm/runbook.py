"""Every kind of alert that there is, and the page of the runbook that says what to do about it."""

from __future__ import annotations

from typing import Literal, get_args

from decisionloop.contract.monitoring import MonitorFamily

AlertKind = Literal[
    "alias",
    "approval",
    "approver_codes",
    "automation",
    "canary",
    "champion",
    "constraint",
    "delivery",
    "deployment",
    "drift",
    "drill",
    "exploration",
    "failed_run",
    "flag",
    "guardrail",
    "jump",
    "late_batch",
    "missed",
    "outbox",
    "outcomes",
    "restore_drill",
    "restored",
    "rollback",
    "rules resumed",
    "rules stopped",
    "shadow",
    "skew",
    "stopped",
    "validation",
    "worker",
]
FOLDER = "docs/runbook"


def runbook_pages() -> tuple[str, ...]:
    """The pages that there must be, one a kind of alert and one a family of incidents, by path in the project."""
    kinds = {_page(kind) for kind in (*get_args(AlertKind), *(f"incident_{one}" for one in get_args(MonitorFamily)))}
    return tuple(sorted(kinds))


def runbook_of_alert(kind: str, base: str = "") -> str:
    """The page about alerts of a kind: below ``base``, an address, or its path in the project where that is empty."""
    return _below(base, _page(kind))


def runbook_of_incident(family: str, base: str = "") -> str:
    """The page about incidents of a family of monitors, as `runbook_of_alert`."""
    return _below(base, _page(f"incident_{family}"))


def _page(kind: str) -> str:
    return f"{FOLDER}/{kind.replace(' ', '_')}.md"


def _below(base: str, page: str) -> str:
    return f"{base.rstrip('/')}/{page.rpartition('/')[2]}" if base else page
