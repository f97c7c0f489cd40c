"""That this ledger was restored from a backup, and what is held since, for nobody here knows what left meanwhile.

What was unsent when the backup was taken may have left afterwards, and so may whatever was decided then. A receiver may
or may not know it again by its id. So a person says what becomes of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from decisionloop.ledger.flags import KILL_SWITCH, NewFlag, put_flag
from decisionloop.ledger.held_actions import (
    Holding,
    append_hold_event,
    hold_unsent,
    last_hold_event,
    use_cases_with_unsent,
)
from decisionloop.ledger.schema import batch, restoration, utc_now
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.switch_lock import EVERYTHING, take_switch

BY = "decisionloop restore"


@dataclass(frozen=True)
class Restoration:
    """A ledger of ``taken_at`` took the place of a lost one at ``restored_at``; ``backup``: from which folder."""

    restored_at: datetime
    taken_at: datetime
    version: str
    backup: str

    @property
    def reason(self) -> str:
        """Why a person is asked, in a sentence."""
        return f"restored from a backup of {self.taken_at:%Y-%m-%d %H:%M} UTC; it may have left since"


BY_HAND = "by hand, not by `decisionloop restore`"
"""What is said in a backup's place of a ledger that somebody copied back, or set to an earlier time."""


def mark_restored(ledger: Ledger, taken_at: datetime, version: str, backup: str) -> Restoration:
    """Say it in the ledger that is to be installed, hold what is unsent in it, and turn the switch of everything on.

    A switch that was turned, or a release that was rolled back, since the backup is unknown here: until approvers lift
    the switch, no model decides.
    """
    kept = Restoration(utc_now(), taken_at, version, backup)
    with ledger.begin() as connection:
        take_switch(connection, EVERYTHING)
        facts.add(connection, restoration, [kept])
        for name in use_cases_with_unsent(connection):
            hold_unsent(connection, name, kept.reason, BY, "all")
        lost = "what was switched, rolled back or revoked since is not known here"
        reason = f"restored from a backup of {taken_at:%Y-%m-%d %H:%M} UTC: {lost}"
        put_flag(connection, NewFlag(EVERYTHING, KILL_SWITCH, "on", reason, BY))
    return kept


def last_restoration(source: Ledger | Connection) -> Restoration | None:
    """When this ledger was last restored; None where it never was."""
    newest = select(func.max(restoration.c.restored_at)).scalar_subquery()
    return facts.one(source, Restoration, restoration, restoration.c.restored_at == newest)


def awaits_person(connection: Connection, use_case: str, batch_id: str, is_live: bool) -> bool:
    """Whether actions of a batch may have left before the ledger was restored, and no person has said otherwise.

    ``is_live``: rows of it come in as time passes, so that a batch of a time before the restoration may have been
    decided and have left after the backup was taken. Such a batch is held here, where nobody has held it yet.
    """
    restored = last_restoration(connection)
    if restored is None:
        return False
    last = last_hold_event(connection, batch_id)
    if last is not None and last.at >= restored.restored_at:
        return last.state == "held" and last.by == BY
    as_of = connection.execute(select(batch.c.as_of).where(batch.c.batch_id == batch_id)).scalar_one()
    if not is_live or as_of > restored.restored_at:
        return False
    append_hold_event(connection, batch_id, use_case, Holding("held", restored.reason, BY, "all"))
    return True
