"""Between which ids the decisions of batches lie, so that PostgreSQL reads their months and no others.

The id of a decision begins with the second as of which it was made: that of its batch, or its own where it was decided
one at a time. Where tables are not kept by month nothing is said, for nothing would be left out.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import ColumnElement, Connection, ScalarSelect, Select, func, select, text

from decisionloop.errors import UsageError
from decisionloop.ledger.decision_groups import GroupedDecisions
from decisionloop.ledger.schema import batch, sealed_segment, stream_segment
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.storage.months import IS_DIVIDED, second_text

_TICK = timedelta(seconds=1)
_FIRST_YEAR, _NO_YEAR = 1970, 2106
"""As of other years ids begin with no second of theirs."""


@dataclass(frozen=True)
class IdSpan:
    """Ids from the first moment's second to the last one's; None: any id."""

    first: datetime | None = None
    last: datetime | None = None

    def holds(self, *ids: ColumnElement[str]) -> tuple[ColumnElement[bool], ...]:
        """What is true of these columns of ids: each must be told, for no plan concludes it from a join."""
        if self.first is None or self.last is None:
            return ()
        begin, end = second_text(self.first), second_text(self.last + _TICK)
        return tuple(one for column in ids for one in (column >= begin, column < end))


ANY_ID = IdSpan()


def ids_of_batch(source: Ledger | Connection, batch_id: str) -> IdSpan:
    """Between which ids the decisions of a batch lie."""
    return ids_of_batches(source, (batch_id,))


def ids_of_batches(source: Ledger | Connection, batch_ids: Collection[str] | Select[str]) -> IdSpan:
    """Between which ids the decisions of batches lie: by their names, or as a statement selects them."""
    with facts.reading(source) as connection:
        if connection.dialect.name != "postgresql":
            return ANY_ID
        chosen = batch_ids if isinstance(batch_ids, Select) else list(batch_ids)
        is_meant = batch.c.batch_id.in_(chosen)
        ends = (func.min(batch.c.as_of), func.max(batch.c.as_of), _last_own(is_meant))
        is_divided, first, last, own = connection.execute(select(IS_DIVIDED, *ends).where(is_meant)).one()
    if not is_divided or first is None or not _FIRST_YEAR <= first.year <= last.year < _NO_YEAR:
        return ANY_ID
    return IdSpan(first, max(last, own or last))


def require_ids_of_batch(decisions: GroupedDecisions) -> None:
    """Raise UsageError where an id begins neither with its batch's second nor with its own: nobody would find it."""
    groups, rows = decisions.groups, decisions.rows
    if not len(rows):
        return
    moments = pc.unique(groups["as_of"])
    ends = pc.min_max(rows["decision_id"]).as_py()
    if len(moments) == 1 and all(one.startswith(second_text(moments[0].as_py())) for one in ends.values()):
        return
    begins = pc.binary_slice(rows["decision_id"].cast(pa.binary()), 0, 8).cast(pa.string())
    member = pc.index_in(rows["group_id"], groups["group_id"].combine_chunks())
    is_found = pa.chunked_array([pa.repeat(pa.scalar(False), len(rows))])
    for name in ("as_of", "decided_at"):
        seconds = pa.array([second_text(one) for one in groups[name].to_pylist()])
        is_found = pc.or_(is_found, pc.equal(begins, seconds.take(member.combine_chunks())))
    if not pc.all(is_found).as_py():
        odd = rows["decision_id"].filter(pc.invert(is_found))[0]
        raise UsageError(
            f"the id {odd} begins neither with the second of its batch's as-of nor with that of its own moment. Make "
            "ids with decisionloop.act.identity.decision_ids."
        )


def first_stray(connection: Connection) -> str | None:
    """A decision that is not read with its batch, for its id lies elsewhere; None where there is none."""
    if connection.dialect.name != "postgresql" or not connection.execute(select(IS_DIVIDED)).scalar():
        return None
    return connection.execute(
        text(_STRAY.format(of_batch=_SECOND.format("b.as_of"), of_row=_SECOND.format("g.decided_at")))
    ).scalar()


_STRAY = """
WITH own AS MATERIALIZED (  -- a group says for all of its rows how they begin
    SELECT g.group_id, {of_batch} AS of_batch,
           CASE WHEN g.batch_id IN (SELECT batch_id FROM sealed_segment) THEN {of_row} ELSE {of_batch} END AS of_row
    FROM decision_group g JOIN batch b ON b.batch_id = g.batch_id
)
SELECT r.decision_id FROM decision_row r JOIN own ON own.group_id = r.group_id
WHERE left(r.decision_id, 8) NOT IN (own.of_batch, own.of_row) ORDER BY r.decision_id LIMIT 1
"""
_SECOND = "lpad(to_hex(floor(extract(epoch FROM {}))::bigint), 8, '0')"


def _last_own(is_meant: ColumnElement[bool]) -> ScalarSelect[datetime]:
    """The last moment of what was decided one at a time in these batches."""
    return (
        select(func.max(stream_segment.c.as_of))
        .join(sealed_segment, sealed_segment.c.segment_id == stream_segment.c.segment_id)
        .join(batch, batch.c.batch_id == sealed_segment.c.batch_id)
        .where(is_meant)
        .correlate(None)
        .scalar_subquery()
    )
