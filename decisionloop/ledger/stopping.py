"""Stopping a release that stands beside the champion: it decides for nobody any more, and is not compared further."""

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
from decisionloop.release.requests import StopChallenger

KIND: Final = "stopped"
"""The kind of the alert that tells of it."""
Tell = Callable[[Connection, NewAlert], object]


@dataclass(frozen=True)
class Stopped:
    """What stopping did: from its commit on nothing that the release chose is logged, nor begun to be sent.

    ``happened`` is () where it was stopped before. ``waiting`` and ``not_called_back`` as of a rollback.
    """

    happened: tuple[ReleaseEvent, ...]
    alert: NewAlert | None
    waiting: tuple[WaitingActions, ...]
    not_called_back: tuple[Sending, ...]

    @property
    def held(self) -> tuple[WaitingActions, ...]:
        """What is held, by batch."""
        return tuple(one for one in self.waiting if one.last.state == "held")


def stop_release(ledger: Ledger, use_case: str, release_id: str, grounds: Grounds, tell: Tell | None = None) -> Stopped:
    """Take a release on trial, or in shadow, away from beside the champion, who decides for everybody.

    One transaction, which waits for those that log decisions or begin to send. Where the release was on trial, what
    models chose and has not left is held. It needs neither contract nor model nor registry. ``tell`` may queue notices
    beside the alert.

    Raises `TransitionRefused` with what can be stopped, and UsageError where nobody says who or why.
    """
    if not grounds.reason.strip() or not grounds.by.name.strip():
        raise UsageError("stopping a release needs a reason and a name; both are kept in the audit trail.")
    with ledger.begin() as connection:
        take_switch(connection, use_case)
        was = roster_of(connection, use_case).stages.get(release_id)
        happened = change_stages(connection, use_case, StopChallenger(release_id), grounds)
        if happened and was == "canary":
            hold_unsent(connection, use_case, grounds.reason, grounds.by.name)
        alert = _alert(use_case, happened[0], grounds) if happened else None
        if alert is not None:
            (tell or functools.partial(_keep, use_case))(connection, alert)
    return Stopped(happened, alert, waiting_actions(ledger, use_case), unended_sendings(ledger, use_case))


def _keep(use_case: str, connection: Connection, alert: NewAlert) -> None:
    append_alert(connection, use_case, alert)


def _alert(use_case: str, happened: ReleaseEvent, grounds: Grounds) -> NewAlert:
    was = "on trial" if happened.stage_before == "canary" else "in shadow"
    return NewAlert(
        severity="warning",
        kind=KIND,
        message=f"{happened.release_id}, {was}, was stopped: {grounds.reason.rstrip('.')} ({grounds.by.name}).",
        remedy=f"`decisionloop outbox list {use_case}` shows what is held; `decisionloop history {use_case}` what was.",
        occasion=str(happened.seq),
    )
