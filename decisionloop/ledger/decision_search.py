"""Finding decisions: of one entity, or of a stretch of time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, select

from decisionloop.act.identity import decision_ids
from decisionloop.ledger.schema import decision, decision_group
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger

MOMENTS = 20_000
"""An entity is looked for as of so many moments at most, the last ones of the stretch of time."""
_CHUNK = 500  # SQLite takes so many values in one statement at any rate


@dataclass(frozen=True)
class FoundDecision:
    """A decision in one line."""

    decision_id: str
    use_case: str
    entity_id: str
    as_of: datetime
    release_id: str
    role: str
    action: str


@dataclass(frozen=True)
class Sought:
    """What is looked for: decisions of a use case as of ``begin`` (included) to ``end`` (not), of an entity if any."""

    use_case: str
    begin: datetime
    end: datetime
    entity_id: str = ""


def find_decisions(source: Ledger | Connection, sought: Sought, most: int) -> tuple[FoundDecision, ...]:
    """The last decisions of what is sought, ``most`` of them at most, newest first."""
    table = decision.c
    where = [table.use_case == sought.use_case, table.as_of >= sought.begin, table.as_of < sought.end]
    order: list[Any] = [table.as_of.desc(), table.decision_id]
    statement = select(*facts.columns_of(FoundDecision, decision)).order_by(*order).limit(most)
    with facts.reading(source) as connection:
        if not sought.entity_id:
            return facts.as_facts(connection, FoundDecision, statement.where(*where))
        found: list[FoundDecision] = []
        ids = _ids_of_entity(connection, sought)
        for start in range(0, len(ids), _CHUNK):
            of_chunk: ColumnElement[bool] = table.decision_id.in_(ids[start : start + _CHUNK])
            found += facts.as_facts(connection, FoundDecision, statement.where(of_chunk, *where))
            if len(found) >= most:
                break
    return tuple(found[:most])


def _ids_of_entity(connection: Connection, sought: Sought) -> list[str]:
    """The ids that decisions of the entity have, newest first.

    An id is a function of entity and as-of, so that its index finds it among millions of decisions.
    """
    table = decision_group.c
    where = (table.use_case == sought.use_case, table.as_of >= sought.begin, table.as_of < sought.end)
    moments = select(table.as_of).where(*where).distinct().order_by(table.as_of.desc()).limit(MOMENTS)
    known = connection.execute(moments).scalars()
    return [str(decision_ids(sought.use_case, [sought.entity_id], as_of)[0]) for as_of in known]
