"""Switches that people and guards set, the kill switch first of all. What holds is the last value set."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast, get_args

from sqlalchemy import Connection

from decisionloop.errors import UsageError
from decisionloop.ledger.held_actions import hold_unsent
from decisionloop.ledger.schema import flag, utc_now
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.switch_lock import take_switch

KILL_SWITCH = "kill_switch"
Position = Literal["off", "on", "default"]
"""Where the kill switch stands: "on", the rules decide; "default", everybody gets the default action."""


@dataclass(frozen=True)
class Flag:
    """A value that a switch was set to, why and by whom."""

    use_case: str
    name: str
    seq: int
    value: str
    reason: str
    set_by: str
    at: datetime


def set_flag(target: Ledger | Connection, use_case: str, name: str, value: str, reason: str, set_by: str) -> Flag:
    """Set a switch and return what holds now; saying again what was said last adds nothing.

    The kill switch waits for every transaction of `switch_lock.steady_switch`; turned on, it holds, in the same
    transaction, what a model chose and what has not left yet; turned to the default action, also what rules chose.

    Raises `UsageError` where the kill switch would be in no position that it has.
    """
    if name == KILL_SWITCH and value not in get_args(Position):
        raise UsageError(f"the kill switch of {use_case} is on, default or off; it cannot be {value!r}.")
    with facts.writing(target) as connection:
        if name == KILL_SWITCH:
            take_switch(connection, use_case)
        seq = facts.next_seq(connection, flag, flag.c.use_case == use_case, flag.c.name == name)
        current = current_flag(connection, use_case, name)
        if name == KILL_SWITCH and value != "off":  # also where it is on: what was released since is meant as well
            hold_unsent(connection, use_case, reason, set_by, "model" if value == "on" else "all")
        if current is not None and (current.value, current.reason, current.set_by) == (value, reason, set_by):
            return current
        new = Flag(use_case, name, seq, value, reason, set_by, utc_now())
        facts.add(connection, flag, [new])
        return new


def stop_model(target: Ledger | Connection, use_case: str, reason: str, by: str) -> None:
    """Turn the kill switch on for a guard; where everybody gets the default action, that stands."""
    with facts.writing(target) as connection:
        take_switch(connection, use_case)
        if kill_switch(connection, use_case) != "default":
            set_flag(connection, use_case, KILL_SWITCH, "on", reason, by)


def current_flag(source: Ledger | Connection, use_case: str, name: str) -> Flag | None:
    """What a switch is set to, or None where nobody ever set it."""
    history = flag_history(source, use_case, name)
    return history[-1] if history else None


def flag_history(source: Ledger | Connection, use_case: str, name: str) -> tuple[Flag, ...]:
    """Every value that a switch was set to, in order."""
    table = flag.c
    return facts.every(source, Flag, flag, table.use_case == use_case, table.name == name, order_by=[table.seq])


def kill_switch(source: Ledger | Connection, use_case: str) -> Position:
    """Where the kill switch stands; off where nobody ever set it."""
    current = current_flag(source, use_case, KILL_SWITCH)
    return "off" if current is None else cast(Position, current.value)


def is_kill_switch_on(source: Ledger | Connection, use_case: str) -> bool:
    """Whether the kill switch stops the model, in whichever position."""
    return kill_switch(source, use_case) != "off"
