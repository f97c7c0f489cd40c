"""``decisionloop kill-switch``: the rules decide at once, or nobody. It needs the ledger and the name; no contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from decisionloop.cli.held_lines import held_lines
from decisionloop.cli.known_use_case import CLAIM, approvers_of, ledger_of
from decisionloop.errors import UsageError

if TYPE_CHECKING:
    from decisionloop.ledger.flags import Flag, Position
    from decisionloop.ledger.kill_switch import Acknowledgement

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
