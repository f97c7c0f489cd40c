"""What the ledger holds of one person, and how it goes: the one road by which rows are deleted."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, delete, func, insert, or_, select, text, update

from decisionloop.ledger.audit.covered import COVERED, key_columns, key_text
from decisionloop.ledger.audit.links import lock_chain
from decisionloop.ledger.audit.tombstones import append_cuts, cut_decisions, cut_facts
from decisionloop.ledger.schema import (
    answer_time,
    audit_waiting,
    decision,
    decision_access,
    decision_group,
    decision_row,
    delivery,
    erasing,
    erasure,
    execution,
    failure,
    outcome,
    posted_outcome,
    rewritten_snapshot,
    stream_decision,
    stream_request,
    stream_segment,
    withdrawn_decision,
)
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger

BY_DECISION = (
    outcome,
    execution,
    delivery,
    failure,
    withdrawn_decision,
    stream_decision,
    answer_time,
    decision_access,
)
_MANY = 500
STILL_DUE = "still_due"
"""In the detail of an erasure: batches among whose people the source still named who was erased."""


@dataclass(frozen=True)
class PersonsDecision:
    """A decision about the person: its id, its batch, and where its features lie."""

    decision_id: str
    batch_id: str
    snapshot_digest: str
    snapshot_row: int


@dataclass(frozen=True)
class Erasure:
    """That data went: ``kind`` erase or retention, ``detail`` JSON of how much of what; nobody is named."""

    erasure_id: str
    use_case: str
    kind: str
    reason: str
    by: str
    detail: str
    at: datetime


@dataclass(frozen=True)
class RewrittenSnapshot:
    """A file that lost rows, and the sha256 of what it holds since."""

    digest: str
    content: str
    erasure_id: str


def decisions_about(ledger: Ledger, use_case: str, entity: str) -> tuple[PersonsDecision, ...]:
    """Every decision about a person, by batch."""
    where = (decision.c.use_case == use_case, decision.c.entity_id == entity)
    return facts.every(ledger, PersonsDecision, decision, *where, order_by=[decision.c.decision_id])


def segments_with(ledger: Ledger, use_case: str, entity: str) -> dict[str, list[str]]:
    """Segments of what was decided one at a time that hold something of the person, and their decision ids by place."""
    quoted = json.dumps(entity, ensure_ascii=False)
    where = (stream_segment.c.use_case == use_case, stream_segment.c.record.contains(quoted, autoescape=True))
    with ledger.connect() as connection:
        found = connection.execute(select(stream_segment.c.segment_id, stream_segment.c.record).where(*where)).all()
    told = {segment: json.loads(record) for segment, record in found}
    return {segment: list(one.get("scores", {}).get("decision_id", [])) for segment, one in told.items()}


def erase_person(
    ledger: Ledger,
    new: Erasure,
    entity: str,
    known: Collection[str],
    rewritten: dict[str, str],
    still_due: Collection[str] = (),
) -> dict[str, int]:
    """Delete every row about a person, in one transaction; returns how many rows of which table, and `leaves`.

    ``known``: ids of the person's decisions. ``rewritten``: files that lost rows, and what they hold since. What the
    chain holds of them are commitments without salts from then on. ``still_due``: batches among whose people the source
    still names the person; that somebody is, and not who, is kept.
    """
    ids_of: dict[str, set[str]] = {}
    for one in decisions_about(ledger, new.use_case, entity):
        ids_of.setdefault(one.batch_id, set()).add(one.decision_id)
    ids = sorted(set(known).union(*ids_of.values()))
    segments = sorted(segments_with(ledger, new.use_case, entity))
    with ledger.begin() as connection:
        lock_chain(connection)
        keys = _keys_about(connection, new.use_case, entity, ids)
        chained = keys | {"stream_segment": {(one,) for one in segments}}
        cuts = [*cut_decisions(ledger, new.erasure_id, ids_of), *cut_facts(ledger, connection, new.erasure_id, chained)]
        rows = {name: len(found) for name, found in keys.items() if found} | {"decision": len(ids)}
        told = {**rows, "snapshots": len(rewritten), "leaves": sum(len(one.tombstones) for one in cuts)}
        detail = facts.canonical_json(told | ({STILL_DUE: sorted(still_due)} if still_due else {}))
        with rows_may_go(connection, replace(new, detail=detail)):
            append_cuts(connection, cuts)
            _delete(connection, ids, keys, new.use_case, entity)
            _redact(connection, segments, set(ids))
            files = [RewrittenSnapshot(digest, content, new.erasure_id) for digest, content in rewritten.items()]
            facts.add(connection, rewritten_snapshot, files)
    return told


def erased_and_still_due(source: Ledger | Connection, use_case: str) -> Counter[str]:
    """How many of those whom each batch had decided were erased while the source still named them, by batch id.

    Nobody may know who they are, so that whoever looks for people who were not decided can only count them.
    """
    statement = select(erasure.c.detail).where(erasure.c.use_case == use_case, erasure.c.kind == "erase")
    with facts.reading(source) as connection:
        told = [json.loads(detail).get(STILL_DUE, ()) for detail in connection.execute(statement).scalars()]
    return Counter(batch_id for one in told for batch_id in one)


@contextmanager
def rows_may_go(connection: Connection, said: Erasure) -> Iterator[None]:
    """Say what goes and why, and open the span in which triggers let rows go; it ends before the transaction does."""
    facts.add(connection, erasure, [said])
    with deleting(connection, said.erasure_id):
        yield


@contextmanager
def deleting(connection: Connection, erasure_id: str) -> Iterator[None]:
    """The span in which triggers let rows go of which an erasure has been said."""
    connection.execute(insert(erasing).values(erasure_id=erasure_id))
    if connection.dialect.name == "sqlite":
        connection.execute(text("PRAGMA secure_delete = ON"))
    yield
    connection.execute(delete(erasing))


def _keys_about(connection: Connection, use_case: str, entity: str, ids: list[str]) -> dict[str, set[tuple[str, ...]]]:
    """Keys of chained facts about a person, by table."""
    chained = [table for table in BY_DECISION if table.name in COVERED]
    keys = {table.name: _found(connection, table, ids) for table in chained}
    posted = posted_outcome.c
    where = (posted.use_case == use_case) & (posted.entity_id == entity)
    own = connection.execute(select(posted.outcome_id).where(where)).scalars().all()
    keys["posted_outcome"] = _found(connection, posted_outcome, ids) | {(one,) for one in own}
    return keys


def _found(connection: Connection, table: Table[Any], ids: list[str]) -> set[tuple[str, ...]]:
    return {
        key_text(tuple(row))
        for some in _chunks(ids)
        for row in connection.execute(select(*key_columns(table)).where(table.c.decision_id.in_(some)))
    }


def _delete(
    connection: Connection, ids: list[str], keys: dict[str, set[tuple[str, ...]]], use_case: str, entity: str
) -> None:
    groups: set[int] = set()
    for some in _chunks(ids):
        own = select(decision_row.c.group_id).where(decision_row.c.decision_id.in_(some))
        groups |= set(connection.execute(own).scalars())
        for table in (*BY_DECISION, decision_row, posted_outcome):
            connection.execute(delete(table).where(table.c.decision_id.in_(some)))
        answers = [stream_request.c.answer.contains(one, autoescape=True) for one in some]
        connection.execute(delete(stream_request).where(stream_request.c.use_case == use_case, or_(*answers)))
    where = (posted_outcome.c.use_case == use_case, posted_outcome.c.entity_id == entity)
    connection.execute(delete(posted_outcome).where(*where))
    has_rows = select(decision_row.c.group_id).where(decision_row.c.group_id == decision_group.c.group_id).exists()
    for one in groups:
        connection.execute(delete(decision_group).where(decision_group.c.group_id == one, ~has_rows))
    for name, found in keys.items():
        for key in found:
            own_key = [audit_waiting.c[f"k{i}"] == part for i, part in enumerate(key, start=1)]
            connection.execute(delete(audit_waiting).where(audit_waiting.c.table_name == name, *own_key))


def _redact(connection: Connection, segments: list[str], ids: set[str]) -> None:
    """Write segments anew without what was known and said of these decisions; each waits for the chain as it is now."""
    for segment in segments:
        where = stream_segment.c.segment_id == segment
        record = json.loads(connection.execute(select(stream_segment.c.record).where(where)).scalar_one())
        places = [i for i, one in enumerate(record["scores"]["decision_id"]) if one in ids]
        many = len(record["scores"]["decision_id"])
        written = json.dumps(_without(record, places, many), separators=(",", ":"), ensure_ascii=False)
        connection.execute(update(stream_segment).where(where).values(record=written))
        waits = {"table_name": "stream_segment", "k1": segment, "k2": "", "k3": "", "k4": ""}
        there = select(func.count()).select_from(audit_waiting).where(audit_waiting.c.k1 == segment)
        if not connection.execute(there).scalar_one():
            connection.execute(insert(audit_waiting).values(**waits))


def _without(told: Any, places: list[int], many: int) -> Any:
    """The same with null at these places of every list of so many."""
    if isinstance(told, dict):
        return {name: _without(one, places, many) for name, one in told.items()}
    if isinstance(told, list) and len(told) == many:
        return [None if place in places else one for place, one in enumerate(told)]
    return told


def _chunks(ids: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(ids), _MANY):
        yield ids[start : start + _MANY]
