"""``decisionloop kill-switch``, of one use case or of all: the rules decide at once, or nobody. No contract is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import typer

from decisionloop.cli.held_lines import held_lines
from decisionloop.cli.known_use_case import CLAIM, approvers_of, ledger_of, use_case_names
from decisionloop.errors import DecisionLoopError, UsageError

if TYPE_CHECKING:
    from decisionloop.ledger.flags import Flag, Position
    from decisionloop.ledger.kill_switch import Acknowledgement, Stopping, Turn
    from decisionloop.ledger.releases import ReleaseStage

RULES = "rules"
POSITIONS: dict[str, Position] = {"on": "on", "default": "default", "off": "off"}


@dataclass(frozen=True)
class TurnSwitch:
    """How a person wants the kill switch to stand, as the command line says it; ``until``: when it ends by itself."""

    position: Position
    reason: str
    by: str
    wait_seconds: float | None = None
    release: str = ""
    until: datetime | None = None


def set_kill_switch(use_case: str, asked: TurnSwitch) -> None:
    """Turn the kill switch, keep who and why, and say what that did; only approvers turn it off."""
    from decisionloop.ledger.flags import switch_of
    from decisionloop.ledger.kill_switch import turn
    from decisionloop.ledger.releases import champion
    from decisionloop.ledger.stream import is_decided_online

    require_words(asked.reason, asked.by)
    with ledger_of(use_case) as ledger:
        told = turn(ledger, turn_of(use_case, asked), lambda: approvers_of(ledger, use_case))
        is_online, switch = is_decided_online(ledger, use_case), switch_of(ledger, use_case)
        decides = champion(ledger, use_case)
    is_stopped_still = switch.position_for(told.flag.release_id or "") != "off"
    does = does_then(told.flag, is_online, is_stopped_still, decides)
    lines = [_first_line(use_case, told, does), *standing_lines(told.flag, switch.holding)]
    stay = "stay held" if asked.position == "off" else "are held"
    typer.echo("\n".join([*lines, *held_lines(use_case, told.held, stay, told.not_called_back), CLAIM]))


def turn_of(use_case: str, asked: TurnSwitch) -> Turn:
    """What was asked for, as the ledger is asked."""
    from decisionloop.ledger.kill_switch import WAIT_SECONDS, Turn

    wait = WAIT_SECONDS if asked.wait_seconds is None else asked.wait_seconds
    return Turn(use_case, asked.position, asked.reason, asked.by, wait, asked.release.strip() or None, asked.until)


def stop_everything(position: Stopping, reason: str, by: str, until: datetime | None = None) -> None:
    """Turn the switch of every use case, one after the other; of one that cannot be turned the others are not kept.

    Nobody waits for chunks that are under way: they are named. What is stopped more strictly or for longer already is
    left as it is. Raises UsageError at its end where one was not turned, with each reason, and where there is no use
    case.
    """
    require_words(reason, by)
    refused: list[str] = []
    names = use_case_names()
    for name in names:
        try:
            _stop_at_least(name, TurnSwitch(position, reason, by, wait_seconds=0, until=until))
        except DecisionLoopError as error:
            refused.append(f"{name}: {error}")
    if not names:
        raise UsageError("this installation knows no use case, so there is nothing to stop.")
    if refused:
        raise UsageError(f"not turned: {len(refused)} of {len(names)} use cases. " + " ".join(refused))


def _stop_at_least(use_case: str, asked: TurnSwitch) -> None:
    """Turn the switch of one of all, unless that would be less than holds."""
    from decisionloop.ledger.kill_switch import holds_more

    with ledger_of(use_case) as ledger:
        holds = holds_more(ledger, turn_of(use_case, asked))
    if holds is None:
        set_kill_switch(use_case, asked)
    else:
        typer.echo(f"{use_case}: stopped already, and left as it is: {holds.as_text()}.")


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


def does_then(flag: Flag, is_online: bool, is_stopped_still: bool, decides: ReleaseStage | None) -> str:
    """What holds from then on, and who decides; ``is_stopped_still``: another flag holds as well."""
    if is_stopped_still and flag.value == "off":
        return "what else holds goes on"
    again = "again from now on" if is_online else "again from the next batch on"
    if flag.scope == "release":
        return {
            "on": "it decides nobody from now on, and nothing that it chose leaves",
            "off": f"as champion or on trial it decides {again}",
        }[flag.value]
    who = f"the champion decides {again}"
    if decides is not None and decides.release.kind == RULES:
        who = f"the rules are champion, so they go on deciding ({decides.release_id}); no model does"
    return {
        "on": "the rules decide everything from now on, and nothing that a model chose leaves",
        "default": "everybody gets the default action from now on, and nothing that a model or the rules chose leaves",
        "off": who,
    }[flag.value]


def _first_line(use_case: str, told: Acknowledgement, does: str) -> str:
    """What the switch did, for people; ``does``: what holds from then on."""
    flag = told.flag
    whose = use_case if flag.release_id is None else f"{use_case}, release {flag.release_id}"
    already = f", as it was already{_since(told.before)}" if told.was_so else ""
    return f"{whose}: kill switch {flag.value}{flag.until_words}{already}: {does}."


def standing_lines(turned: Flag, holding: Sequence[Flag]) -> list[str]:
    """That the one that was turned ends by itself, and what holds beside it."""
    ends = ["What is held then stays held until a person releases it."] if turned.until else []
    others = [one for one in holding if (one.use_case, one.seq) != (turned.use_case, turned.seq)]
    return [*ends, *(f"Holds as well: {one.as_text()}." for one in others)]


def _since(before: Flag | None) -> str:
    """Since when the switch has stood so, by whom and why; "" where nobody had ever turned it."""
    return f" since {before.at:%Y-%m-%d %H:%M} (by {before.set_by}: {before.reason.rstrip('.')})" if before else ""
