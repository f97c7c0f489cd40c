"""What the last readings of outcomes could not simply take in, as `decisionloop status` tells it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decisionloop.ledger.outcomes import OutcomeIntake
    from decisionloop.workspace import Workspace


@dataclass(frozen=True)
class ReadingStatus:
    """One reading of outcomes: of ``rows_read`` rows so many contradict what was known, say it again at another time,
    match no decision, are invalid, or happened after the window in which an outcome counts. ``several_rows``: decisions
    that have rows of several times, where the contract does not say what these are."""

    as_of: str
    rows_read: int
    contradictory: int
    duplicate: int
    unknown: int
    invalid: int
    after_window: int
    text: str
    several_rows: int = 0


def troubled_readings(workspace: Workspace, last: int) -> tuple[ReadingStatus, ...]:
    """Those of the ``last`` readings that found anything of the kind, by as-of: from their books alone."""
    from decisionloop.ledger.outcomes import intakes

    told = (_status(one) for one in intakes(workspace.ledger, workspace.use_case.name)[-last:])
    return tuple(one for one in told if one is not None)


def _status(books: OutcomeIntake) -> ReadingStatus | None:
    from decisionloop.ledger.batches import cohort_name

    found = {
        "contradicting what was known": books.contradictory,
        "repeating what was known": books.duplicate,
        "matching no decision": books.unknown,
        "invalid": books.invalid,
        "after their window": books.after_window,
    }
    trouble = ", ".join(f"{count:,} {what}" for what, count in found.items() if count)
    as_of = cohort_name(books.as_of)
    nobodys = ", as all of before the loop began do" if 0 < books.unknown == books.rows_read else ""
    text = f"{as_of}: of {books.rows_read:,} rows read: {trouble}{nobodys}"
    several = json.loads(books.detail).get("several", {"decisions": 0, "of": 0})
    if several["decisions"]:
        text += (
            f"; {several['decisions']:,} of {several['of']:,} decisions have rows seen at several times, of which the "
            "latest counts (outcome.amount.rows)"
        )
    counts = books.contradictory, books.duplicate, books.unknown, books.invalid, books.after_window
    return ReadingStatus(as_of, books.rows_read, *counts, text, several["decisions"]) if trouble else None
