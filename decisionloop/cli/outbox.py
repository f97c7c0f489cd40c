"""``decisionloop outbox``: what the kill switch holds, released or cancelled by a person. It needs no contract."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from decisionloop.cli.known_use_case import CLAIM, approvers_of, ledger_of
from decisionloop.cli.switch import require_words

if TYPE_CHECKING:
    from decisionloop.ledger.held_actions import WaitingActions


def list_waiting(use_case: str, is_json: bool) -> None:
    """Print the actions that are held, or released and unsent, by batch."""
    from decisionloop.ledger.held_actions import waiting_actions

    with ledger_of(use_case) as ledger:
        waiting = waiting_actions(ledger, use_case)
    if is_json:
        typer.echo(json.dumps([asdict(one) for one in waiting], sort_keys=True, default=lambda when: when.isoformat()))
    else:
        typer.echo("\n".join(waiting_line(one) for one in waiting) or f"{use_case}: no action is held.")


def release(use_case: str, batches: Sequence[str], reason: str, by: str) -> None:
    """Let held actions leave, whatever the kill switch says; only approvers do."""
    from decisionloop.ledger.held_actions import release_held

    require_words(reason, by)
    with ledger_of(use_case) as ledger:
        released = release_held(ledger, use_case, batches, reason, by, approvers_of(ledger, use_case))
    lines = [f"{one.last.batch_id}: {one.actions:,} actions released{_perhaps(one)}." for one in released]
    typer.echo(
        "\n".join([*lines, "They leave with the next batch of this use case, or when their own is run again.", CLAIM])
    )


def cancel(use_case: str, batches: Sequence[str], reason: str, by: str) -> None:
    """Cancel held actions for good."""
    from decisionloop.ledger.held_actions import cancel_held

    require_words(reason, by)
    with ledger_of(use_case) as ledger:
        cancelled = cancel_held(ledger, use_case, batches, reason, by)
    lines = [f"{one.last.batch_id}: {one.actions:,} actions cancelled for good{_perhaps(one)}." for one in cancelled]
    typer.echo("\n".join([*lines, "Nothing is learnt from these decisions.", CLAIM]))


def waiting_line(waiting: WaitingActions) -> str:
    """One batch that waits: how much, since when, why and by whom."""
    last = waiting.last
    since = f"since {last.at:%Y-%m-%d %H:%M} UTC by {last.by}: {last.reason.rstrip('.')}"
    return f"{last.batch_id}: {waiting.actions:,} actions {last.state} {since}{_perhaps(waiting)}."


def _perhaps(waiting: WaitingActions) -> str:
    many = waiting.perhaps_arrived
    return f" ({many:,} were being sent when their sender was lost, and may have arrived)" if many else ""
