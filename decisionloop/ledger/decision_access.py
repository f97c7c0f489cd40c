"""Who looked at which decision: written down before it is told."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from decisionloop.ledger.schema import decision_access, utc_now
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger

How = Literal["explain", "api", "page", "export"]
NOBODY_NAMED = "(no key)"
"""Where no API key was ever made, whoever is on the machine may look."""


@dataclass(frozen=True)
class DecisionAccess:
    """That somebody looked: ``by`` is an API key's name, or a user of the machine for the command line.

    Of an export ``decision_id`` is the span whose decisions were all told.
    """

    access_id: str
    use_case: str
    decision_id: str
    by: str
    how: How
    at: datetime


def record_access(ledger: Ledger, use_case: str, decision_id: str, by: str, how: How) -> None:
    """Write down that a decision is about to be told."""
    said = DecisionAccess(uuid.uuid4().hex, use_case, decision_id, by or NOBODY_NAMED, how, utc_now())
    facts.add(ledger, decision_access, [said])


def accesses_of(ledger: Ledger, use_case: str) -> tuple[DecisionAccess, ...]:
    """Who looked at decisions of a use case, the first first."""
    where = decision_access.c.use_case == use_case
    return facts.every(ledger, DecisionAccess, decision_access, where, order_by=[decision_access.c.at])
