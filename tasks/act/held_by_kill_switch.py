"""What may leave: the kill switch is read before each chunk, and what it stops waits for a person."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection

from decisionloop.dispatch.messages import Actuator, OutgoingAction
from decisionloop.ledger.flags import Flag, switch_of
from decisionloop.ledger.held_actions import (
    Covers,
    Holding,
    append_hold_event,
    count_unsent,
    last_hold_event,
    waiting_actions,
    withdrawn_ids,
)
from decisionloop.ledger.restorations import awaits_person
from decisionloop.ledger.sendings import begin_sending
from decisionloop.ledger.switch_lock import steady_switch
from decisionloop.workspace import Workspace

ChosenBy = Literal["model", "rules", "nobody"]
"""Whose choice a chunk of actions is: nobody's where everybody got the default action by the kill switch."""


@dataclass(frozen=True)
class BegunChunk:
    """A chunk that may be sent now. ``sending_id``: what says that it is under way."""

    actions: tuple[OutgoingAction, ...]
    sending_id: str


def begin_unless_held(
    workspace: Workspace,
    batch_id: str,
    chunk: int,
    actions: tuple[OutgoingAction, ...],
    actuator: Actuator,
    chosen_by: ChosenBy,
) -> BegunChunk | None:
    """Say that a chunk is about to be sent, without what was cancelled; None where it is held, or cancelled whole.

    Nobody turns the switch, releases or cancels meanwhile, and whoever does so afterwards is told of the chunk.
    """
    ledger, use_case = workspace.ledger, workspace.use_case.name
    with steady_switch(ledger, use_case) as connection:
        if awaits_person(connection, use_case, batch_id, workspace.is_live):
            return None
        if chosen_by != "nobody" and _is_held(connection, use_case, batch_id, chosen_by):
            return None
        withdrawn = withdrawn_ids(connection, batch_id)
        left = tuple(action for action in actions if action.decision_id not in withdrawn)
        if not left:
            return None
        longest = actuator.longest_seconds
        return BegunChunk(left, begin_sending(connection, use_case, batch_id, chunk, len(left), longest).sending_id)


def _is_held(connection: Connection, use_case: str, batch_id: str, chosen_by: ChosenBy) -> bool:
    """Whether what was so chosen in this batch waits for a person; holds it where the switch found nothing to hold."""
    last = last_hold_event(connection, batch_id)
    if last is not None and last.state != "cancelled" and (chosen_by == "model" or last.covers == "all"):
        return last.state == "held"
    flag = _holding(connection, use_case, batch_id)
    covers: Covers = "all" if flag is not None and flag.value == "default" else "model"
    if flag is None or (chosen_by == "rules" and covers == "model"):
        return False
    if count_unsent(connection, batch_id, covers):
        append_hold_event(connection, batch_id, use_case, Holding("held", flag.reason, flag.set_by, covers))
    return True


def _holding(connection: Connection, use_case: str, batch_id: str) -> Flag | None:
    """The flag that keeps in the house what a model chose in this batch; None where none does."""
    switch = switch_of(connection, use_case)
    choosing = [one for one in switch.stopped if count_unsent(connection, batch_id, of={one})]
    return switch.decisive(choosing[0] if choosing else None)


def is_released(workspace: Workspace, batch_id: str) -> bool:
    """Whether a person released actions of the batch that have not left yet."""
    last = last_hold_event(workspace.ledger, batch_id)
    return last is not None and last.state == "released" and count_unsent(workspace.ledger, batch_id, last.covers) > 0


def released_batches(workspace: Workspace) -> Iterator[str]:
    """The batches with actions that a person released and that have not left yet."""
    for waiting in waiting_actions(workspace.ledger, workspace.use_case.name):
        if waiting.last.state == "released":
            yield waiting.last.batch_id
