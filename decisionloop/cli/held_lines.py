"""What stopping a model leaves for people to settle, in words: what is held, and what could not be called back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decisionloop.ledger.held_actions import WaitingActions
    from decisionloop.ledger.sendings import Sending


def held_lines(
    use_case: str, held: Sequence[WaitingActions], stay: str, not_called_back: Sequence[Sending]
) -> list[str]:
    """A line of what is held (``stay``: are or stay held), and one a chunk whose end is not known."""
    if held:
        batches, many = ", ".join(one.last.batch_id for one in held), sum(one.actions for one in held)
        first = (
            f"{many:,} decided and unsent actions of {batches} {stay}: "
            f"`decisionloop outbox list|release|cancel {use_case}`."
        )
    else:
        first = "No decided action is held."
    return [
        first,
        *(
            f"Not called back: {one.as_text()}. Its end is not known: the actions may have arrived, or still arrive."
            for one in not_called_back
        ),
    ]
