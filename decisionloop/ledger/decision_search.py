"""Finding decisions: of one entity, or of a stretch of time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, Connection, select

from decisionloop.act.identity import decision_ids
from decisionloop.ledger.schema import batch, decision, decision_group, decision_row, sealed_segment
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.watching_periods import own_moment

LONGEST_PERIOD = timedelta(days=31)
"""No watching period is longer."""
CHUNK = 500
"""SQLite takes so many values in one statement at any rate."""


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
    """The last decisions of what is sought, ``most`` of them at most, newest first, each as of its own moment."""
    table, moment = decision.c, own_moment()
    where = [
        table.use_case == sought.use_case, table.as_of >= _begun(sought.begin), table.as_of < sought.end,
        moment >= sought.begin, moment < sought.end,
    ]  # fmt: skip
    columns = [moment if one.name == "as_of" else one for one in facts.columns_of(FoundDecision, decision)]
    statement = select(*columns).order_by(moment.desc(), table.decision_id).limit(most)
    with facts.reading(source) as connection:
        if not sought.entity_id:
            return facts.as_facts(connection, FoundDecision, statement.where(*where))
        found: list[FoundDecision] = []
        ids = ids_of_entity(connection, sought)
        for start in range(0, len(ids), CHUNK):
            of_chunk: ColumnElement[bool] = table.decision_id.in_(ids[start : start + CHUNK])
            found += facts.as_facts(connection, FoundDecision, statement.where(of_chunk, *where))
            if len(found) >= most:
                break
    return tuple(found[:most])


def ids_of_entity(connection: Connection, sought: Sought) -> list[str]:
    """The ids that decisions of the entity have, newest first; there need not be a decision of each.

    In a batch that was decided at once an id is a function of entity and as-of, so that its index finds it among
    millions. What was decided one at a time has the id of its own moment: its rows are gone through.
    """
    is_streamed = batch.c.batch_id.in_(select(sealed_segment.c.batch_id))
    where = (batch.c.use_case == sought.use_case, batch.c.as_of < sought.end)
    at_once = select(batch.c.as_of).where(*where, batch.c.as_of >= sought.begin, ~is_streamed)
    moments = connection.execute(at_once).scalars()
    found = [(as_of, str(decision_ids(sought.use_case, [sought.entity_id], as_of)[0])) for as_of in moments]
    group, row, begun = decision_group.c, decision_row.c, batch.c.as_of >= _begun(sought.begin)
    streamed = (
        select(group.decided_at, row.decision_id)
        .join(decision_row, row.group_id == group.group_id)
        .where(group.batch_id.in_(select(batch.c.batch_id).where(*where, begun, is_streamed)))
        .where(row.entity_id == sought.entity_id)
    )
    found += [(as_of, decision_id) for as_of, decision_id in connection.execute(streamed)]
    return [decision_id for _, decision_id in sorted(found, reverse=True)]


def _begun(moment: datetime) -> datetime:
    """The earliest as-of of a batch of the stream that may hold a decision of a moment."""
    return max(moment, datetime.min.replace(tzinfo=UTC) + LONGEST_PERIOD) - LONGEST_PERIOD
