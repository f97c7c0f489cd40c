"""The step that asks people what several rows of one decision are, where the contract does not say: it is money."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from decisionloop.ledger.alert_events import close_alert
from decisionloop.ledger.alerts import NewAlert
from decisionloop.ledger.outcomes import OutcomeIntake, newest_readings
from decisionloop.ledger.present_alerts import present_alerts
from decisionloop.observe.several_rows import SeveralRows
from decisionloop.workspace import Workspace, open_workspace
from tasks.step import step
from tasks.tell.notices import raise_alert
from tasks.watch.refused_outcomes import KIND, READINGS, lasting_since

ASKED = "Many decisions have several rows of outcomes"
BY = "contract"


@step
def watch_several_rows(use_case: str, as_of: datetime) -> int:
    """Tell people where many decisions read lately have rows of several times; returns how many alerts are new.

    Once for as long as it lasts, and not where the contract says what the rows are (`outcome.amount.rows`).
    """
    workspace = open_workspace(use_case)
    amount = workspace.use_case.outcome.amount
    lately = newest_readings(workspace.ledger, use_case, as_of, READINGS)
    if amount is not None and amount.rows is not None:
        _end_what_was_asked(workspace)
        return 0
    if amount is None or not _are_many(lately):
        return 0
    new = NewAlert(
        severity="warning",
        kind=KIND,
        message=f"{ASKED}, seen at different times: the latest amount counts, and not their sum",
        remedy="If each row is a part, such as an instalment, say outcome.amount.rows: sum; if each is the total so "
        f"far, say latest. Everything that came is read anew then. `decisionloop status {use_case}` counts them.",
        occasion=f"several rows {lasting_since(workspace, as_of, _are_many).isoformat()}",
    )
    return int(raise_alert(workspace, new))


def _end_what_was_asked(workspace: Workspace) -> None:
    """The contract has answered."""
    name = workspace.use_case.name
    for one in present_alerts(workspace.ledger, name):
        if one.kind == KIND and one.message.startswith(ASKED):
            close_alert(
                workspace.ledger, one.alert_id, BY, "The contract says what the rows are (outcome.amount.rows)."
            )


def _are_many(lately: Sequence[OutcomeIntake]) -> bool:
    """Of the decisions that ``lately`` brought rows of, whether too many have several."""
    told = [json.loads(one.detail).get("several", {}) for one in lately]
    return SeveralRows(*(sum(one.get(name, 0) for one in told) for name in ("decisions", "of"))).are_many
