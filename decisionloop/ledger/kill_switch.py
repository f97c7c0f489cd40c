"""Turning the kill switch, of whichever scope, and the acknowledgement that says what it did."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection

from decisionloop.errors import UsageError
from decisionloop.ledger.flags import (
    FOR_EVER,
    KILL_SWITCH,
    STRICTNESS,
    Flag,
    NewFlag,
    Position,
    flag_history,
    put_flag,
    require_known,
    switch_of,
)
from decisionloop.ledger.held_actions import WaitingActions, use_cases_with_unsent, waiting_actions
from decisionloop.ledger.releases import RULES, current_stages
from decisionloop.ledger.schema import utc_now
from decisionloop.ledger.sendings import Sending, unended_sendings
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.switch_lock import EVERYTHING, take_switch

PAUSE_SECONDS = 0.1
WAIT_SECONDS = 30.0
"""How long whoever turns the switch on waits for chunks that are under way, unless they say otherwise."""
Stopping = Literal["on", "default"]


@dataclass(frozen=True)
class Acknowledgement:
    """What turning the switch did: while it is on, nothing that a model (of a release: that release) chose is logged,
    nor begun to be sent; while it is at the default action, nothing that anybody chose.

    ``waiting``: batches whose actions are held, or released and unsent. ``not_called_back``: chunks that were begun
    before and of which no end is known yet; their actions may still arrive, or have arrived. ``before``: how the switch
    of this scope stood, None where nobody had ever set it or what was set had ended.
    """

    flag: Flag
    waiting: tuple[WaitingActions, ...]
    not_called_back: tuple[Sending, ...]
    before: Flag | None

    @property
    def was_so(self) -> bool:
        """Whether the switch was as it is before anybody turned it."""
        was, until = (self.before.value, self.before.until) if self.before else ("off", None)
        return (self.flag.value, self.flag.until) == (was, until)

    @property
    def held(self) -> tuple[WaitingActions, ...]:
        """What is held, by batch."""
        return tuple(one for one in self.waiting if one.last.state == "held")


@dataclass(frozen=True)
class Turn:
    """How somebody wants the switch to stand, why and who, and how long they wait for chunks that are under way.

    ``use_case`` `EVERYTHING`: of every one. ``release_id``: of that release alone. ``until``: when it ends by itself.
    """

    use_case: str
    position: Position
    reason: str
    by: str
    wait_seconds: float = WAIT_SECONDS
    release_id: str | None = None
    until: datetime | None = None

    @property
    def what(self) -> str:
        """Which switch it is, in words."""
        if self.release_id is not None:
            return f"the kill switch of release {self.release_id}"
        return "the kill switch of everything" if self.use_case == EVERYTHING else f"the kill switch of {self.use_case}"

    def flag(self, is_replacing: bool) -> NewFlag:
        """It as the flag that is set."""
        return NewFlag(
            self.use_case, KILL_SWITCH, self.position, self.reason, self.by, self.release_id, self.until, is_replacing
        )


def turn(ledger: Ledger, asked: Turn, approvers: Callable[[], Sequence[str]]) -> Acknowledgement:
    """Turn the switch of a use case or a release as a person asks; ``approvers`` is read where they alone may.

    Raises UsageError for anybody else then, and for a release that there is not.
    """
    require_known(asked.flag(is_replacing=False))
    _require_release(ledger, asked)
    if asked.position == "off" or why_less(_own(ledger, asked), asked):
        return lifted(ledger, asked, approvers())
    return engaged(ledger, asked)


def engage(
    ledger: Ledger, use_case: str, reason: str, by: str, wait_seconds: float, position: Stopping = "on"
) -> Acknowledgement:
    """:func:`engaged` for the switch of a use case, without an end."""
    return engaged(ledger, Turn(use_case, position, reason, by, wait_seconds))


def engaged(ledger: Ledger, asked: Turn) -> Acknowledgement:
    """Turn the switch on, or to the default action for all; wait up to its ``wait_seconds`` for chunks under way.

    Raises UsageError where less would hold than before, which :func:`lifted` brings about.
    """
    with ledger.begin(is_urgent=True) as connection:
        take_switch(connection, asked.use_case)
        own = _own(connection, asked)
        if why := why_less(own, asked):
            raise UsageError(why)
        flag = put_flag(connection, asked.flag(is_replacing=False))
    ends = time.monotonic() + asked.wait_seconds
    while (begun := _unended(ledger, asked)) and time.monotonic() < ends:
        now = utc_now()
        if all(one.until <= now for one in begun):  # their senders are dead: waiting tells nothing more
            break
        time.sleep(PAUSE_SECONDS)
    return Acknowledgement(flag, _waiting(ledger, asked), begun, own[-1] if own else None)


def lift(
    ledger: Ledger, use_case: str, reason: str, by: str, approvers: Sequence[str], to: Literal["off", "on"] = "off"
) -> Acknowledgement:
    """:func:`lifted` for the switch of a use case, without an end."""
    return lifted(ledger, Turn(use_case, to, reason, by), approvers)


def lifted(ledger: Ledger, asked: Turn, approvers: Sequence[str]) -> Acknowledgement:
    """Turn the switch off, from the default action for all to the rules, or let it end sooner; what is held stays held.

    Raises UsageError unless who asks is one of ``approvers``.
    """
    if asked.by not in approvers:
        raise UsageError(
            f"{asked.by!r} may not lift {asked.what}: approval.approvers names {', '.join(approvers)}. Ask one of them."
        )
    with ledger.begin(is_urgent=True) as connection:
        take_switch(connection, asked.use_case)
        before = _before(connection, asked)
        flag = put_flag(connection, asked.flag(is_replacing=True))
    return Acknowledgement(flag, _waiting(ledger, asked), _unended(ledger, asked), before)


def turn_everything(ledger: Ledger, asked: Turn, may_lift: Callable[[], Mapping[str, bool]]) -> Acknowledgement:
    """Turn the switch of everything as a person asks; ``may_lift``, by use case, is read where less would hold then.

    What that person may not lift stays stopped, by its own switch. Raises UsageError where they may lift none.
    """
    require_known(asked.flag(is_replacing=False))
    if asked.position != "off" and not why_less(_own(ledger, asked), asked):
        return engaged(ledger, asked)
    allowed = may_lift()
    if allowed and not any(allowed.values()):
        raise UsageError(
            f"{asked.by!r} may not lift {asked.what}: approval.approvers of {', '.join(allowed)} do not name them."
        )
    with ledger.begin(is_urgent=True) as connection:
        take_switch(connection, EVERYTHING)
        before, own = _before(connection, asked), _own(connection, asked)
        for name in (name for name, is_allowed in allowed.items() if not is_allowed):
            for one in own:
                reason = f"{one.reason.rstrip('.')} (everything was lifted by {asked.by}, no approver of {name})"
                put_flag(connection, NewFlag(name, KILL_SWITCH, one.value, reason, one.set_by, None, one.until))
        flag = put_flag(connection, asked.flag(is_replacing=True))
    return Acknowledgement(flag, _waiting(ledger, asked), _unended(ledger, asked), before)


def holds_more(ledger: Ledger, asked: Turn) -> Flag | None:
    """The flag of its scope beside which turning the switch as it is asked would be less; None where it is not."""
    own = _own(ledger, asked)
    return own[-1] if why_less(own, asked) else None


def why_less(own: Sequence[Flag], asked: Turn) -> str:
    """Why less would hold if the switch were turned so in the place of the flags ``own``; "" where it would not."""
    rank, ends = STRICTNESS[asked.position], asked.until or FOR_EVER
    if asked.position == "on" and any(one.value == "default" for one in own):
        whose = "everything" if asked.use_case == EVERYTHING else asked.use_case
        return f"everybody gets the default action of {whose}; only approvers let the rules decide again."
    longer = [one for one in own if STRICTNESS[one.value] == rank and one.ends > ends]
    if not longer:
        return ""
    stands = longer[-1].until_words or " without an end"
    return f"{asked.what} is {asked.position}{stands} already; only approvers let it end sooner."


def _require_release(ledger: Ledger, asked: Turn) -> None:
    """Raises UsageError, with the right ones, for a release that is no model of this use case."""
    if asked.release_id is None:
        return
    models = [one.release_id for one in current_stages(ledger, asked.use_case) if one.release.kind != RULES]
    if asked.release_id not in models:
        right = f"Choose one of: {', '.join(models)}." if models else "It has no model yet."
        raise UsageError(f"{asked.release_id!r} is no model of {asked.use_case}. {right}")


def _own(source: Ledger | Connection, asked: Turn) -> tuple[Flag, ...]:
    """The flags of its scope that hold now, the one that counts last."""
    holding = switch_of(source, asked.use_case).holding
    own = [one for one in holding if (one.use_case, one.release_id) == (asked.use_case, asked.release_id)]
    return tuple(sorted(own, key=lambda one: (STRICTNESS[one.value], one.ends)))


def _before(connection: Connection, asked: Turn) -> Flag | None:
    """How the switch of its scope stood: what holds, or that somebody had turned it off."""
    if own := _own(connection, asked):
        return own[-1]
    history = flag_history(connection, asked.use_case, KILL_SWITCH)
    last = next((one for one in reversed(history) if one.release_id == asked.release_id), None)
    return last if last is not None and last.value == "off" else None


def _names(ledger: Ledger, asked: Turn) -> tuple[str, ...]:
    return use_cases_with_unsent(ledger) if asked.use_case == EVERYTHING else (asked.use_case,)


def _waiting(ledger: Ledger, asked: Turn) -> tuple[WaitingActions, ...]:
    return tuple(one for name in _names(ledger, asked) for one in waiting_actions(ledger, name))


def _unended(ledger: Ledger, asked: Turn) -> tuple[Sending, ...]:
    return tuple(one for name in _names(ledger, asked) for one in unended_sendings(ledger, name))
