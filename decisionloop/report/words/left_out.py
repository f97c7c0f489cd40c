"""How many decisions no money counts, and why, in words; page and status say the same."""

from __future__ import annotations

from collections.abc import Sequence

from decisionloop.observe.left_out import BY_CONTRACT, BY_FAULT, BY_LIMIT, BY_SWITCH
from decisionloop.report.words.figures import count, listed

_WHY = {
    BY_SWITCH: "by a switch",
    BY_FAULT: "by a fault of the row",
    BY_LIMIT: "by a limit",
    BY_CONTRACT: "for what the rules chose was not allowed",
}


def why_left_out(left_out: Sequence[tuple[str, int]]) -> str:
    """“30 by a switch and 2 by a fault of the row”; "" where nobody was left out. ``left_out``: why, and how many."""
    return listed([f"{count(many)} {_WHY.get(kind, kind)}" for kind, many in left_out])
