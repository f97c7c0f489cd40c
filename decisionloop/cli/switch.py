"""``decisionloop kill-switch``, of one use case or of all: the rules decide at once, or nobody. No contract is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from decisionloop.cli.held_lines import held_lines
from decisionloop.cli.known_use_case import CLAIM, approvers_of, ledger_of, use_case_names
from decisionloop.errors import DecisionLoopError, UsageError

if TYPE_CHECKING:
    from decisionloop.ledger.flags import Flag, Position
    from decisionloop.ledger.kill_switch import Acknowledgement, Stopping

POSITIONS: dict[str, Position] = {"on": "on", "default": "default", "off": "off"}


def set_kill_switch(use_case: str, position: Position, reason: str, by: str, wait_seconds: float | None = None) -> None:
    """Turn the kill switch, keep who and why, and say what that did; only approvers turn it off."""
    from decisionloop.ledger.kill_switch import WAIT_SECONDS, Turn, turn
    from decisionloop.ledger.stream import is_decided_online

    require_words(reason, by)
    with ledger_of(use_case) as ledger:
        asked = Turn(use_case, position, reason, by, WAIT_SECONDS if wait_seconds is None else wait_seconds)
        told = turn(ledger, asked, lambda: approvers_of(ledger, use_case))
        is_online = is_decided_online(ledger, use_case)
    typer.echo("\n".join(_lines(use_case, position, told, is_online)))


def stop_everything(position: Stopping, reason: str, by: str) -> None:
    """Turn the switch of every use case, one after the other; of one that cannot be turned the others are not kept.

    Nobody waits for chunks that are under way: they are named. Raises UsageError at its end where one was not turned,
    with each reason, and where there is no use case.
    """
    require_words(reason, by)
    refused: list[str] = []
    names = use_case_names()
    for name in names:
        try:
            set_kill_switch(name, position, reason, by, wait_seconds=0)
        except DecisionLoopError as error:
            refused.append(f"{name}: {error}")
    if not names:
        raise UsageError("this installation knows no use case, so there is nothing to stop.")
    if refused:
        raise UsageError(f"not turned: {len(refused)} of {len(names)} use cases. " + " ".join(refused))


def stopping_position_of(text: str) -> Stopping:
    """Where to turn the switch of everything. Raises UsageError for what is none; `off` is asked for one by one."""
    stopping: dict[str, Stopping] = {"on": "on", "default": "default"}
    if text in stopping:
        return stopping[text]
    raise UsageError(
        f"everything can be turned to on or default, not {text!r}: `decisionloop kill-switch USE_CASE off` lifts one."
    )


def position_of(text: str) -> Position:
    """Where to turn it. Raises UsageError for what is no position."""
    if text not in POSITIONS:
        raise UsageError(f"the kill switch is on, default or off, not {text!r}.")
    return POSITIONS[text]


def require_words(reason: str, by: str) -> None:
    """Raises UsageError for a blank reason or name: the audit trail must say something."""
    for option, text in (("--reason", reason), ("--by", by)):
        require_word(option, text, "Say why and who you are; both are kept in the audit trail.")


def require_word(what: str, text: str, remedy: str) -> None:
    """Raises UsageError for a blank text."""
    if not text.strip():
        raise UsageError(f"{what} is blank. {remedy}")


def _lines(use_case: str, position: str, told: Acknowledgement, is_online: bool) -> list[str]:
    """What the switch did, for people."""
    does = {
        "on": "the rules decide everything from now on, and nothing that a model chose leaves",
        "default": "everybody gets the default action from now on, and nothing that a model or the rules chose leaves",
        "off": "the champion decides again from now on"
        if is_online
        else "the champion decides again from the next batch on",
    }
    already = f", as it was already{_since(told.before)}" if told.was_so else ""
    lines = [f"{use_case}: kill switch {position}{already}: {does[position]}."]
    stay = "stay held" if position == "off" else "are held"
    return [*lines, *held_lines(use_case, told.held, stay, told.not_called_back), CLAIM]


def _since(before: Flag | None) -> str:
    """Since when the switch has stood so, by whom and why; "" where nobody had ever turned it."""
    return f" since {before.at:%Y-%m-%d %H:%M} (by {before.set_by}: {before.reason.rstrip('.')})" if before else ""
