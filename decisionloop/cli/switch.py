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

WAIT_SECONDS = 30.0
POSITIONS: dict[str, Position] = {"on": "on", "default": "default", "off": "off"}


def set_kill_switch(
    use_case: str, position: Position, reason: str, by: str, wait_seconds: float = WAIT_SECONDS
) -> None:
    """Turn the kill switch, keep who and why, and say what that did; only approvers turn it off."""
    from decisionloop.ledger.flags import kill_switch
    from decisionloop.ledger.kill_switch import engage, lift

    require_words(reason, by)
    with ledger_of(use_case) as ledger:
        if position == "off" or (position == "on" and kill_switch(ledger, use_case) == "default"):
            told = lift(ledger, use_case, reason, by, approvers_of(ledger, use_case), to=position)
        else:
            told = engage(ledger, use_case, reason, by, wait_seconds, position=position)
    typer.echo("\n".join(_lines(use_case, position, told)))


def position_of(text: str) -> Position:
    """Where to turn it. Raises UsageError for what is no position."""
    if text not in POSITIONS:
        raise UsageError(f"the kill switch is on, default or off, not {text!r}.")
    return POSITIONS[text]


def require_words(reason: str, by: str) -> None:
    """Raises UsageError for a blank reason or name: the audit trail must say something."""
    for option, text in (("--reason", reason), ("--by", by)):
        if not text.strip():
            raise UsageError(f"{option} is blank. Say why and who you are; both are kept in the audit trail.")


def _lines(use_case: str, position: str, told: Acknowledgement) -> list[str]:
    """What the switch did, for people."""
    does = {
        "on": "the rules decide everything from now on, and nothing that a model chose leaves",
        "default": "everybody gets the default action from now on, and nothing that a model or the rules chose leaves",
        "off": "the champion decides again from the next batch on",
    }
    already = f", as it was already{_since(told.before)}" if told.was_so else ""
    lines = [f"{use_case}: kill switch {position}{already}: {does[position]}."]
    stay = "stay held" if position == "off" else "are held"
    return [*lines, *held_lines(use_case, told.held, stay, told.not_called_back), CLAIM]


def _since(before: Flag | None) -> str:
    """Since when the switch has stood so, by whom and why; "" where nobody had ever turned it."""
    return f" since {before.at:%Y-%m-%d %H:%M} (by {before.set_by}: {before.reason.rstrip('.')})" if before else ""
