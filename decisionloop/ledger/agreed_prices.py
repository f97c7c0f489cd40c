"""At which prices the last batches explored, for decisions that are made one at a time."""

from __future__ import annotations

import json
from dataclasses import dataclass

from sqlalchemy import Connection, select

from decisionloop.ledger.schema import batch, batch_event
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger

_SAID = '"prices": "'
"""How the event of a batch that agreed on any says so: its JSON has sorted keys, and null where there are none."""


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
        .where(batch.c.contract_digest == contract_digest, batch_event.c.detail.contains(_SAID, autoescape=True))
        .order_by(batch.c.as_of.desc(), batch_event.c.seq.desc())
        .limit(1)
    )
    with facts.reading(source) as connection:
        row = connection.execute(statement).first()
    return None if row is None else LoggedPrices(str(row[0]), json.loads(row[1])["prices"])
