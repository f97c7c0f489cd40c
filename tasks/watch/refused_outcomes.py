"""The step that tells people that outcomes come and cannot be read: else a loop learns from silence."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from decisionloop.ledger.alerts import NewAlert
from decisionloop.ledger.outcomes import OutcomeIntake, intakes, newest_readings
from decisionloop.workspace import Workspace, open_workspace
from tasks.step import step
from tasks.tell.notices import raise_alert

KIND: Final = "outcomes"
READINGS, FEWEST, SHARE, MOST = 20, 10, 0.05, 0.5
"""Readings that are looked at, refused rows and their share that are told, and the share that is critical."""


@step
def watch_refused_outcomes(use_case: str, as_of: datetime) -> int:
    """Tell people where too many of the outcomes read lately were invalid; returns how many alerts are new.

    Once for as long as it lasts, and again where other reasons come, it grows critical, or it comes back.
    """
    workspace = open_workspace(use_case)
    lately = newest_readings(workspace.ledger, use_case, as_of, READINGS)
    if not _are_many(lately):
        return 0
    why, rows = _why(lately), sum(one.rows_read for one in lately)
    is_critical = sum(why.values()) >= MOST * rows
    new = NewAlert(
        severity="critical" if is_critical else "warning",
        kind=KIND,
        message=f"{'Most' if is_critical else 'Many'} outcomes that come are refused, and are as good as lost: "
        f"{'; '.join(sorted(why))}",
        remedy=f"`decisionloop status {use_case}` counts them. Correct the source, or what the contract says of it "
        "(`outcome`): under another contract everything that came is read anew.",
        occasion=lasting_since(workspace, as_of, _are_many).isoformat(),
    )
    return int(raise_alert(workspace, new))


def _are_many(lately: Sequence[OutcomeIntake]) -> bool:
    refused = sum(_why(lately).values())
    return refused >= FEWEST and refused >= SHARE * sum(one.rows_read for one in lately)


def lasting_since(
    workspace: Workspace, as_of: datetime, are_many: Callable[[Sequence[OutcomeIntake]], bool]
) -> datetime:
    """Since which reading there ``are_many`` without a break: what was over and comes back is told again."""
    found = intakes(workspace.ledger, workspace.use_case.name)
    read = [one for one in found if one.rows_read and one.as_of <= as_of]
    since = as_of
    for end in range(len(read), 0, -1):
        if not are_many(read[max(0, end - READINGS) : end]):
            break
        since = read[end - 1].as_of
    return since


def _why(readings: Sequence[OutcomeIntake]) -> Counter[str]:
    """Rows that were refused for what they say, by why."""
    refused: Counter[str] = Counter()
    for one in readings:
        refused.update(json.loads(one.detail).get("refused", {}))
    return refused
