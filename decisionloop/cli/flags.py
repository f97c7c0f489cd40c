"""``decisionloop flags``: what the kill switch forbids, of every scope, and its audit trail. No contract is read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import typer

from decisionloop.cli.held_lines import held_lines
from decisionloop.cli.known_use_case import CLAIM, approvers_of, installation_ledger, ledger_of, use_case_names
from decisionloop.cli.switch import TurnSwitch, require_words, set_kill_switch, standing_lines, turn_of
from decisionloop.errors import UsageError

if TYPE_CHECKING:
    from decisionloop.ledger.flag_spans import FlagSpan
    from decisionloop.ledger.flags import Flag
    from decisionloop.ledger.kill_switch import Acknowledgement
    from decisionloop.ledger.storage.engine import Ledger


@dataclass(frozen=True)
class FlagScope:
    """Of what a flag is: a use case, or everything (None)."""

    use_case: str | None

    @classmethod
    def of(cls, name: str, use_case: str, release: str, is_everything: bool) -> FlagScope:
        """From what was typed; the use case of a release may be named beside it.

        Raises UsageError for a flag that there is not, for no scope or several, and for a release of another use case.
        """
        from decisionloop.ledger.flags import KILL_SWITCH

        if name != KILL_SWITCH:
            raise UsageError(f"no flag is called {name!r}. There is: {KILL_SWITCH}.")
        of_release = release.strip().partition("/")[0]
        if is_everything == bool(use_case or release):
            raise UsageError("say of what: one of --use-case NAME, --release ID and --everything.")
        if release and "/" not in release:
            raise UsageError(
                f"{release.strip()!r} is no id of a release: it begins with its use case, as "
                "credit_line/scorecard/0123456789ab does. `decisionloop history USE_CASE` names them."
            )
        if use_case and release and use_case != of_release:
            raise UsageError(
                f"{release.strip()!r} is no release of {use_case}. Name one that is, or leave --use-case out."
            )
        return cls(None if is_everything else use_case or of_release)


@dataclass(frozen=True)
class FlagsOf:
    """What holds in a use case, where that puts its kill switch, and every flag of it that was ever set.

    ``use_case``: "*" for everything.
    """

    use_case: str
    position: str
    holding: tuple[Flag, ...]
    history: tuple[FlagSpan, ...]


def show_flags(use_case: str, is_json: bool) -> None:
    """Print the flags of a use case and of everything, or of all."""
    from decisionloop.ledger.switch_lock import EVERYTHING

    if use_case:
        with ledger_of(use_case) as ledger:
            told = [flags_of(ledger, name) for name in (EVERYTHING, use_case)]
    else:
        names = use_case_names()
        with installation_ledger() as ledger:
            told = [flags_of(ledger, name) for name in (EVERYTHING, *names)]
    if is_json:
        typer.echo(json.dumps([asdict(one) for one in told], sort_keys=True, default=lambda when: when.isoformat()))
    else:
        typer.echo("\n".join(line for one in told for line in _lines(one)))


def flags_of(ledger: Ledger, use_case: str) -> FlagsOf:
    """Read them from the ledger."""
    from decisionloop.ledger.flag_spans import flag_spans
    from decisionloop.ledger.flags import switch_of

    switch = switch_of(ledger, use_case)
    return FlagsOf(use_case, switch.position, switch.holding, flag_spans(ledger, use_case))


def turn_flag(scope: FlagScope, asked: TurnSwitch) -> None:
    """Set or clear the kill switch of a scope, and say what that did."""
    if scope.use_case is not None:
        set_kill_switch(scope.use_case, asked)
        return
    from decisionloop.ledger.flags import switch_of
    from decisionloop.ledger.kill_switch import turn_everything
    from decisionloop.ledger.switch_lock import EVERYTHING

    require_words(asked.reason, asked.by)
    names = use_case_names()
    with installation_ledger() as ledger:
        told = turn_everything(ledger, turn_of(EVERYTHING, asked), lambda: _may_lift(ledger, names, asked.by))
        stopped = [name for name in names if switch_of(ledger, name).position != "off"]
        holding = switch_of(ledger, EVERYTHING).holding
    typer.echo("\n".join([*_everything_lines(told, stopped), *standing_lines(told.flag, holding), CLAIM]))


def _may_lift(ledger: Ledger, names: Sequence[str], by: str) -> Mapping[str, bool]:
    """By use case, whether a person is one of its approvers; of whom nobody can tell that, nobody is."""
    may = {}
    for name in names:
        try:
            may[name] = by in approvers_of(ledger, name)
        except UsageError:
            may[name] = False
    return may


def _everything_lines(told: Acknowledgement, stopped: Sequence[str]) -> list[str]:
    """What turning the switch of everything did, for people."""
    does = {
        "on": "in every use case, also one that is made later, the rules decide from now on",
        "default": "in every use case, also one that is made later, everybody gets the default action from now on",
        "off": "each use case stands by its own switch again",
    }
    flag = told.flag
    lines = [f"everything: kill switch {flag.value}{flag.until_words}: {does[flag.value]}."]
    if flag.value == "off" and stopped:
        lines.append(f"Still stopped by their own switch: {', '.join(stopped)}.")
    by_case = {one.last.use_case for one in told.held} | {one.use_case for one in told.not_called_back}
    stay = "stay held" if flag.value == "off" else "are held"
    for name in sorted(by_case):
        held = [one for one in told.held if one.last.use_case == name]
        lines += held_lines(name, held, stay, [one for one in told.not_called_back if one.use_case == name])
    return lines if by_case else [*lines, "No decided action is held."]


def _lines(told: FlagsOf) -> list[str]:
    """What holds, and what was, for people."""
    from decisionloop.ledger.switch_lock import EVERYTHING

    name = "everything" if told.use_case == EVERYTHING else told.use_case
    holds = [f"  holds    {one.as_text()}" for one in told.holding]
    was = [f"  history  {one.as_text()}" for one in told.history]
    return [f"{name}: kill switch {told.position}", *holds, *was]
