"""People are told which rows the rules decide because nobody can read a cell of the source, and who is not decided."""

from __future__ import annotations

from collections.abc import Mapping

from decisionloop.ledger.going_on import Found
from expectations.checks import UNREADABLE_CELLS
from expectations.unreadable import in_words
from tasks.predict.freeze import CODE_FAILED_FOR, UNDATED
from tasks.readback.batch_in_hand import BatchInHand
from tasks.tell.halting import Stop, warn_while_it_goes_on

WHAT_FOLLOWS = "The rules decide these rows, and the default action is taken where the rules need what cannot be read."
UNDATED_REMEDY = "Correct the time of these rows at the source: who is due by them alone is not decided before."


def tell_of_unreadable(hand: BatchInHand, spoilt: Mapping[str, int], rows: int) -> None:
    """Warn of rows whose cells cannot be read, and of rows without a time of which nobody can tell who is due."""
    frozen = hand.details["frozen"]
    if spoilt:
        reasons = [f"of {rows:,} rows cells of the source cannot be read: {in_words(spoilt)}"]
        if failed := frozen.get(CODE_FAILED_FOR):
            reasons.append(str(failed))
        stop = Stop(
            "validation",
            "unreadable cells",
            reasons,
            [UNREADABLE_CELLS.remedy],
            [Found(f"cells of {name}", count, rows) for name, count in spoilt.items()],
        )
        warn_while_it_goes_on(hand, stop, "warning", WHAT_FOLLOWS)
    if undated := int(frozen.get(UNDATED) or 0):
        reason = f"{undated} rows that say who is due have a time that nobody can read"
        found = [Found("unreadable times", undated, undated + rows)]
        stop = Stop("validation", "unreadable times", [reason], [UNDATED_REMEDY], found)
        warn_while_it_goes_on(hand, stop, "warning", "Nobody is decided because of them.")
