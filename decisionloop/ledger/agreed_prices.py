"""At which prices the last batches explored, for decisions that are made one at a time."""

from __future__ import annotations

import json
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, select

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
    is_own = (batch.c.use_case == use_case) & (batch.c.contract_digest == contract_digest)
    return _last(source, is_own)


def prices_of(source: Ledger | Connection, batch_id: str) -> LoggedPrices | None:
    """The prices that a batch agreed on; None where it did not."""
    return _last(source, batch.c.batch_id == batch_id)


def _last(source: Ledger | Connection, where: ColumnElement[bool]) -> LoggedPrices | None:
    statement = (
        select(batch.c.batch_id, batch_event.c.detail)
        .join(batch_event, batch_event.c.batch_id == batch.c.batch_id)
        .where(where, batch_event.c.state == "decided", batch_event.c.detail.contains(_SAID, autoescape=True))
        .order_by(batch.c.as_of.desc(), batch_event.c.seq.desc())
        .limit(1)
    )
    with facts.reading(source) as connection:
        row = connection.execute(statement).first()
    return None if row is None else LoggedPrices(str(row[0]), json.loads(row[1])["prices"])
