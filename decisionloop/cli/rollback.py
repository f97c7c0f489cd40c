"""``decisionloop rollback``: an earlier release or the rules decide at once. It needs the ledger and the name alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from decisionloop.cli.held_lines import held_lines
from decisionloop.cli.known_use_case import CLAIM, decider_of, ledger_of
from decisionloop.cli.switch import require_words

if TYPE_CHECKING:
    from decisionloop.ledger.flags import Switch
    from decisionloop.ledger.rollback import RolledBack


def go_back(use_case: str, to: str, reason: str, by: str) -> None:
    """Let an earlier release or the rules decide, and say what that did."""
    from decisionloop.ledger.flags import switch_of
    from decisionloop.ledger.rollback import roll_back
    from decisionloop.ledger.schema import utc_now
    from decisionloop.release.grounds import Grounds

    require_words(reason, by)
    with ledger_of(use_case) as ledger:
        told = roll_back(ledger, use_case, to or None, Grounds(decider_of(ledger, use_case, by), reason, utc_now()))
        switch = switch_of(ledger, use_case)
    typer.echo("\n".join(_lines(use_case, told, switch)))


def _lines(use_case: str, told: RolledBack, switch: Switch) -> list[str]:
    """What going back did, for people."""
    if not told.happened:
        return [f"{use_case}: {told.champion} decides already. Nothing was changed."]
    lines = [
        f"{use_case}: {told.champion} decides from now on.",
        *(f"{one.release_id}: {one.stage_before} → {one.stage}." for one in told.happened),
    ]
    if switch.position != "off":
        lines.append("The kill switch is on: until it is lifted no model decides all the same.")
    elif told.champion in switch.stopped:
        lines.append("The kill switch of this release is on: until it is lifted the rules decide all the same.")
    lines += held_lines(use_case, told.held, "are held", told.not_called_back)
    return [*lines, CLAIM]
