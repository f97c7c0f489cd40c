"""At which prices the last batches explored, for decisions that are made one at a time."""

from __future__ import annotations

import json
from dataclasses import dataclass

from sqlalchemy import Connection, select

from decisionloop.ledger.schema import batch, batch_event
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger

LOOK_BACK = 50
"""So many decided batches are looked at; before them prices are too old."""


@dataclass(frozen=True)
class LoggedPrices:
    """What a decided batch says of how it explored: ``prices`` is the JSON text of its event."""

    batch_id: str
    prices: str


def last_prices(source: Ledger | Connection, use_case: str, contract_digest: str) -> LoggedPrices | None:
    """The prices of the last decided batch under a contract that agreed on any; None where none did."""
    statement = (
        select(batch.c.batch_id, batch_event.c.detail)
        .join(batch_event, batch_event.c.batch_id == batch.c.batch_id)
        .where(batch.c.use_case == use_case, batch_event.c.state == "decided")
        .where(batch.c.contract_digest == contract_digest)
        .order_by(batch.c.as_of.desc())
        .limit(LOOK_BACK)
    )
    with facts.reading(source) as connection:
        rows = connection.execute(statement).all()
    for batch_id, text in rows:
        detail = json.loads(text)
        if detail.get("prices"):
            return LoggedPrices(str(batch_id), detail["prices"])
    return None
