"""Taking back what a batch logged of some people before any of it has left, and how many that were."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import exists, func, insert, literal, select

from decisionloop.ledger.id_spans import ids_of_batch
from decisionloop.ledger.schema import UtcDateTime, batch_event, decision, utc_now, withdrawn_decision
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger

_CHUNK = 500  # SQLite takes so many values in one statement at any rate


def withdraw_of(ledger: Ledger, batch_id: str, entities: Sequence[str]) -> int:
    """Withdraw the decisions of a batch about these entities; returns how many were not withdrawn before."""
    table, withdrawn = decision.c, 0
    with ledger.begin() as connection:
        span = ids_of_batch(connection, batch_id)
        own = (table.batch_id == batch_id, *span.holds(table.decision_id))
        is_withdrawn = exists().where(withdrawn_decision.c.decision_id == table.decision_id)
        for start in range(0, len(entities), _CHUNK):
            of_some = table.entity_id.in_(entities[start : start + _CHUNK])
            rows = select(table.decision_id, table.batch_id, literal(utc_now(), UtcDateTime()))
            into = insert(withdrawn_decision).from_select(
                ["decision_id", "batch_id", "at"], rows.where(*own, of_some, ~is_withdrawn)
            )
            withdrawn += connection.execute(into).rowcount
    return withdrawn


@dataclass(frozen=True)
class WithdrawnCount:
    """How many decisions of a release, role and action a batch withdrew before it was said to be decided or covered."""

    release_id: str
    role: str
    action: str
    decisions: int


def withdrawn_before_decided(ledger: Ledger, batch_id: str) -> tuple[WithdrawnCount, ...]:
    """The decisions that a batch withdrew of people who were answered meanwhile, counted; no decision of it is theirs.

    What a person cancels is cancelled after it was decided, and was a decision.
    """
    table, event = decision.c, batch_event.c
    decided_at = select(func.max(event.at)).where(event.batch_id == batch_id, event.state.in_(["decided", "covered"]))
    by = (table.release_id, table.role, table.action)
    statement = (
        select(*by, func.count())
        .join(withdrawn_decision, withdrawn_decision.c.decision_id == table.decision_id)
        .where(withdrawn_decision.c.batch_id == batch_id, withdrawn_decision.c.at <= decided_at.scalar_subquery())
        .group_by(*by)
        .order_by(*by)
    )
    return facts.as_facts(ledger, WithdrawnCount, statement)
