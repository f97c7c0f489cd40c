"""Turning the kill switch, and the acknowledgement that says what it did."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from decisionloop.errors import UsageError
from decisionloop.ledger.flags import KILL_SWITCH, Flag, current_flag, set_flag
from decisionloop.ledger.held_actions import WaitingActions, waiting_actions
from decisionloop.ledger.schema import utc_now
from decisionloop.ledger.sendings import Sending, unended_sendings
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.switch_lock import take_switch

PAUSE_SECONDS = 0.1
Stopping = Literal["on", "default"]


@dataclass(frozen=True)
class Acknowledgement:
    """What turning the switch did: while it is on, nothing that a model chose is logged, nor begun to be sent; while it
    is at the default action, nothing that anybody chose.

    ``waiting``: batches whose actions are held, or released and unsent. ``not_called_back``: chunks that were begun
    before and of which no end is known yet; their actions may still arrive, or have arrived. ``before``: what the
    switch was set to last, None where nobody had ever set it.
    """

    flag: Flag
    waiting: tuple[WaitingActions, ...]
    not_called_back: tuple[Sending, ...]
    before: Flag | None

    @property
    def was_so(self) -> bool:
        """Whether the switch was as it is before anybody turned it."""
        return self.flag.value == (self.before.value if self.before else "off")

    @property
    def held(self) -> tuple[WaitingActions, ...]:
        """What is held, by batch."""
        return tuple(one for one in self.waiting if one.last.state == "held")


def engage(
    ledger: Ledger,
    use_case: str,
    reason: str,
    by: str,
    wait_seconds: float,
    position: Stopping = "on",
) -> Acknowledgement:
    """Turn the switch on, or to the default action for all; wait up to ``wait_seconds`` for chunks under way.

    Raises UsageError where that would let the rules decide again, which :func:`lift` does.
    """
    with ledger.begin() as connection:
        take_switch(connection, use_case)
        before = current_flag(connection, use_case, KILL_SWITCH)
        if before is not None and (before.value, position) == ("default", "on"):
            raise UsageError(
                f"everybody gets the default action of {use_case}; only approvers let the rules decide again."
            )
        flag = set_flag(connection, use_case, KILL_SWITCH, position, reason, by)
    ends = time.monotonic() + wait_seconds
    while (begun := unended_sendings(ledger, use_case)) and time.monotonic() < ends:
        now = utc_now()
        if all(one.until <= now for one in begun):  # their senders are dead: waiting tells nothing more
            break
        time.sleep(PAUSE_SECONDS)
    return Acknowledgement(flag, waiting_actions(ledger, use_case), begun, before)


def lift(
    ledger: Ledger, use_case: str, reason: str, by: str, approvers: Sequence[str], to: Literal["off", "on"] = "off"
) -> Acknowledgement:
    """Turn the switch off or, with ``to``, from the default action for all to the rules; what is held stays held.

    Raises UsageError unless ``by`` is one of ``approvers``.
    """
    if by not in approvers:
        raise UsageError(
            f"{by!r} may not lift the kill switch of {use_case}: approval.approvers names {', '.join(approvers)}. "
            "Ask one of them."
        )
    before = current_flag(ledger, use_case, KILL_SWITCH)
    flag = set_flag(ledger, use_case, KILL_SWITCH, to, reason, by)
    return Acknowledgement(flag, waiting_actions(ledger, use_case), unended_sendings(ledger, use_case), before)
