"""``decisionloop stop``: a release on trial or in shadow is stopped at once. It needs the ledger and the name alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from decisionloop.cli.held_lines import held_lines
from decisionloop.cli.known_use_case import CLAIM, decider_of, ledger_of
from decisionloop.cli.switch import require_words

if TYPE_CHECKING:
    from decisionloop.ledger.stopping import Stopped


def stop_challenger(use_case: str, release: str, reason: str, by: str) -> None:
    """Stop a release that stands beside the champion, and say what that did."""
    from decisionloop.ledger.schema import utc_now
    from decisionloop.ledger.stopping import stop_release
    from decisionloop.release.grounds import Grounds

    require_words(reason, by)
    with ledger_of(use_case) as ledger:
        grounds = Grounds(decider_of(ledger, use_case, by), reason, utc_now())
        told = stop_release(ledger, use_case, release.strip(), grounds)
    typer.echo("\n".join(_lines(use_case, release, told)))


def _lines(use_case: str, release: str, told: Stopped) -> list[str]:
    """What stopping did, for people."""
    if not told.happened:
        return [f"{use_case}: {release} was stopped before. Nothing was changed."]
    (event,) = told.happened
    lines = [f"{use_case}: {event.release_id}: {event.stage_before} → {event.stage}."]
    if event.stage_before == "canary":
        lines += held_lines(use_case, told.held, "are held", told.not_called_back)
    return [*lines, CLAIM]
