"""Going back: an earlier release or the rules decide from now on, and what the model chose and has not left is held."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from decisionloop.errors import UsageError
from decisionloop.ledger.alerts import NewAlert, append_alert
from decisionloop.ledger.held_actions import WaitingActions, hold_unsent, waiting_actions
from decisionloop.ledger.release_changes import change_stages
from decisionloop.ledger.releases import ReleaseEvent, roster_of
from decisionloop.ledger.sendings import Sending, unended_sendings
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.switch_lock import take_switch
from decisionloop.release.grounds import Grounds
from decisionloop.release.requests import RollBack
from decisionloop.release.roster import Roster

KIND: Final = "rollback"
"""The kind of the alert that tells of a rollback."""


@dataclass(frozen=True)
class RolledBack:
    """What going back did: from its commit on nothing that the model chose is logged, nor begun to be sent.

    ``happened`` is () where the release decided already. ``waiting``: batches whose actions are held, or released and
    unsent. ``not_called_back``: chunks that were begun before and of which no end is known yet.
    """

    champion: str
    happened: tuple[ReleaseEvent, ...]
    alert: NewAlert | None
    waiting: tuple[WaitingActions, ...]
    not_called_back: tuple[Sending, ...]

    @property
    def held(self) -> tuple[WaitingActions, ...]:
        """What is held, by batch."""
        return tuple(one for one in self.waiting if one.last.state == "held")


Tell = Callable[[Connection, NewAlert], object]
"""Tells people of a rollback in the transaction that makes it."""


def roll_back(
    ledger: Ledger, use_case: str, to: str | None, grounds: Grounds, tell: Tell | None = None, *, of: str | None = None
) -> RolledBack:
    """Let another release decide: ``to`` one that has decided before or "rules", None for who decided before this one.

    ``of``: only while this release decides; None: whoever does.

    One transaction, which waits for those that log decisions or begin to send, and keeps new ones waiting. It needs
    neither contract nor model nor registry. ``tell`` may queue notices beside the alert; by itself the alert is kept.

    Raises `TransitionRefused` with what can be chosen, and UsageError where
    nobody says who or why.
    """
    if not grounds.reason.strip() or not grounds.by.name.strip():
        raise UsageError("going back needs a reason and a name; both are kept in the audit trail.")
    with ledger.begin() as connection:
        take_switch(connection, use_case)
        happened = change_stages(connection, use_case, RollBack(to or None, of), grounds)
        if any(one.stage == "rolled_back" for one in happened):
            hold_unsent(connection, use_case, grounds.reason, grounds.by.name)
        champion = str(roster_of(connection, use_case).champion)
        alert = _alert(use_case, champion, happened, grounds) if happened else None
        if alert is not None:
            (tell or functools.partial(_keep, use_case))(connection, alert)
    return RolledBack(champion, happened, alert, waiting_actions(ledger, use_case), unended_sendings(ledger, use_case))


def _keep(use_case: str, connection: Connection, alert: NewAlert) -> None:
    append_alert(connection, use_case, alert)


def target_of(roster: Roster, to: str | None) -> str:
    """The release that a rollback would go to now, by its id. Raises `TransitionRefused` with what can be chosen."""
    moves = RollBack(to or None).moves(roster)
    return next((move.release_id for move in moves if move.after == "champion"), str(roster.champion))


def _alert(use_case: str, champion: str, happened: tuple[ReleaseEvent, ...], grounds: Grounds) -> NewAlert:
    left = next(one for one in happened if one.stage_before == "champion")
    return NewAlert(
        severity="warning",
        kind=KIND,
        message=f"{champion} decides {use_case} in place of {left.release_id}: {grounds.reason.rstrip('.')} "
        f"({grounds.by.name}).",
        remedy=f"`decisionloop outbox list {use_case}` shows what is held; `decisionloop history {use_case}` what was.",
        occasion=str(happened[-1].seq),
    )
