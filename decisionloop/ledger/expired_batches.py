"""Batches that are kept no longer: what goes of them, in one transaction, by the road that erasures go.

The chain keeps the root of a batch's decisions, and of each other row its salted commitment.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, or_, select, update

from decisionloop.contract.retention import PARTS, Part
from decisionloop.ledger.audit.covered import COVERED, key_columns, key_text
from decisionloop.ledger.audit.links import links_of, lock_chain
from decisionloop.ledger.audit.seal import BATCH
from decisionloop.ledger.audit.tombstones import append_cuts, cut_facts, require_as_chained
from decisionloop.ledger.batches import append_batch_event
from decisionloop.ledger.expiring_rows import LargeRows, own_ids
from decisionloop.ledger.id_spans import ids_of_batches
from decisionloop.ledger.personal_data import Erasure, RewrittenSnapshot, deleting, rows_may_go
from decisionloop.ledger.schema import (
    answer_time,
    audit_block,
    audit_waiting,
    batch_event,
    decision_access,
    decision_group,
    decision_row,
    delivery,
    erased_leaf,
    execution,
    expired_link,
    failure,
    outcome,
    posted_outcome,
    rewritten_snapshot,
    sealed_segment,
    stream_decision,
    stream_request,
    stream_segment,
    withdrawn_decision,
)
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger

_OF_PART: dict[Part, tuple[Any, ...]] = {
    "features": (),
    "outcomes": (outcome, execution, failure),
    "decisions": (delivery, withdrawn_decision, stream_decision, answer_time, decision_access),
}
_NOTHING = "{}"
"""What a segment of decisions made one at a time says once they are gone."""


@dataclass(frozen=True)
class Expiring:
    """Batches of one use case that lose the same parts together, and the files that go with them.

    ``posted_until``: outcomes that were posted until then go with the outcomes, and answers to requests until
    ``answered_until`` with the decisions.
    """

    use_case: str
    batch_ids: tuple[str, ...]
    parts: tuple[Part, ...]
    files: tuple[str, ...]
    posted_until: datetime
    answered_until: datetime


@dataclass(frozen=True)
class ExpiredLink:
    """A link of the chain whose rows all went."""

    seq: int
    leaves: int
    erasure_id: str


def parts_gone(source: Ledger | Connection, use_case: str = "") -> dict[str, frozenset[Part]]:
    """What batches have lost already, by their id; ``use_case``: those of it alone."""
    where = [batch_event.c.state == "expired"]
    if use_case:
        where.append(batch_event.c.batch_id.startswith(f"{use_case}/", autoescape=True))
    gone: defaultdict[str, frozenset[Part]] = defaultdict(frozenset)
    with facts.reading(source) as connection:
        for batch_id, detail in connection.execute(select(batch_event.c.batch_id, batch_event.c.detail).where(*where)):
            gone[batch_id] |= {part for part in PARTS if json.loads(detail).get(part)}
    return dict(gone)


def gone_by_retention(source: Ledger | Connection, use_case: str = "") -> str:
    """Up to when decisions have gone by retention, in a sentence; "" where none have. ``use_case``: those of it alone.

    Of a decision that is gone nobody can say whether it was ever made: its id goes with it.
    """
    batch_ids = [batch_id for batch_id, parts in parts_gone(source, use_case).items() if "decisions" in parts]
    if not batch_ids:
        return ""
    last = max(batch_ids, key=lambda one: one.rpartition("/")[2])
    them = "1 batch" if len(batch_ids) == 1 else f"{len(batch_ids):,} batches"
    return (
        f"By retention the decisions of {them} are kept no longer, the last of them {last}: what was in them cannot be "
        "told any more. `decisionloop retention` says what is kept how long."
    )


def decisions_in(ledger: Ledger, batch_ids: Collection[str]) -> dict[str, int]:
    """How many decisions batches hold, by batch."""
    row_id = decision_row.c.decision_id
    counted = (
        select(decision_group.c.batch_id, func.count(row_id))
        .join(decision_row, decision_row.c.group_id == decision_group.c.group_id)
        .where(decision_group.c.batch_id.in_(list(batch_ids)), *ids_of_batches(ledger, batch_ids).holds(row_id))
        .group_by(decision_group.c.batch_id)
    )
    with ledger.connect() as connection:
        return {str(batch_id): int(many) for batch_id, many in connection.execute(counted)}


def expire(ledger: Ledger, new: Erasure, what: Expiring) -> dict[str, int]:
    """Delete parts of batches, all of them or nothing; returns how many rows of which table, `files` and `leaves`.

    What somebody else has let go since the plan was made is left out. Raises IntegrityError where the decisions of a
    batch are not those that were chained.
    """
    return expire_together(ledger, [(new, what)])


def expire_together(
    ledger: Ledger, going: Sequence[tuple[Erasure, Expiring]], month: date | None = None
) -> dict[str, int]:
    """`expire` of several in one transaction, one after the other, so that no more than one is in memory.

    ``month``: a month that nothing lives in afterwards, to be dropped as a whole if it can be.
    """
    told: Counter[str] = Counter()
    with ledger.begin() as connection:
        lock_chain(connection)
        left = [(new, what, _still_there(connection, what)) for new, what in going]
        there = [(new, what) for new, planned, what in left if what.batch_ids or not planned.batch_ids]
        for new, what in there:
            told.update(_let_go(ledger, connection, new, what))
        if there:
            rows = LargeRows.of(connection, [what for _, what in there])
            with deleting(connection, there[-1][0].erasure_id):
                rows.delete(connection, month)
    return dict(told)


def _let_go(ledger: Ledger, connection: Connection, new: Erasure, what: Expiring) -> dict[str, int]:
    """All but the rows of the large tables, which go when everything has been said."""
    where = _rows_that_go(connection, what)
    chained = {name: one for name, one in where.items() if name in COVERED}
    keys = {name: _keys(connection, name, one) for name, one in chained.items()}
    if "decisions" in what.parts:
        segments = select(sealed_segment.c.segment_id).where(sealed_segment.c.batch_id.in_(what.batch_ids))
        chained["stream_segment"] = stream_segment.c.segment_id.in_(segments)
        keys["stream_segment"] = _keys(connection, "stream_segment", chained["stream_segment"])
    keys = {name: found for name, found in keys.items() if found}
    cuts = cut_facts(ledger, connection, new.erasure_id, keys, chained)
    links = _links_that_end(ledger, new.erasure_id, what)
    leaves = sum(len(one.tombstones) for one in cuts) + sum(one.leaves for one in links)
    told = {name: len(found) for name, found in keys.items()} | {"batches": len(what.batch_ids)}
    told |= {"decision": sum(_decisions(connection, what)), "files": len(what.files), "leaves": leaves}
    with rows_may_go(connection, replace(new, detail=facts.canonical_json(told))):
        append_cuts(connection, cuts)
        _end_links(connection, links)
        _delete(connection, what, where, keys)
        gone = [RewrittenSnapshot(digest, "", new.erasure_id) for digest in what.files]
        facts.add(connection, rewritten_snapshot, gone)
        for batch_id in what.batch_ids:
            append_batch_event(connection, batch_id, "expired", dict.fromkeys(what.parts, True))
    return told


def _still_there(connection: Connection, what: Expiring) -> Expiring:
    """The same without batches that have lost these parts already."""
    gone = parts_gone(connection, what.use_case)
    left = tuple(one for one in what.batch_ids if not set(what.parts) <= gone.get(one, frozenset()))
    return replace(what, batch_ids=left)


def _rows_that_go(connection: Connection, what: Expiring) -> dict[str, ColumnElement[bool]]:
    """Which rows go of each table that hangs off decisions."""
    span = ids_of_batches(connection, what.batch_ids)
    own = own_ids(what.batch_ids, span)
    tables = [one for part in what.parts for one in _OF_PART[part]]
    where = {one.name: and_(one.c.decision_id.in_(own), *span.holds(one.c.decision_id)) for one in tables}
    if "outcomes" in what.parts:
        posted = posted_outcome.c
        old = (posted.use_case == what.use_case) & (posted.posted_at <= what.posted_until)
        where["posted_outcome"] = or_(posted.decision_id.in_(own), old)
    return where


def _decisions(connection: Connection, what: Expiring) -> Sequence[int]:
    if "decisions" not in what.parts:
        return ()
    own = own_ids(what.batch_ids, ids_of_batches(connection, what.batch_ids))
    counted = select(func.count()).select_from(own.subquery())
    return connection.execute(counted).scalars().all()


def _keys(connection: Connection, name: str, where: ColumnElement[bool]) -> set[tuple[str, ...]]:
    columns = key_columns(COVERED[name])
    return {key_text(tuple(row)) for row in connection.execute(select(*columns).where(where))}


def _links_that_end(ledger: Ledger, erasure_id: str, what: Expiring) -> list[ExpiredLink]:
    """The links of these batches, with how many of their leaves were of rows until now."""
    if "decisions" not in what.parts:
        return []
    ending = []
    counted = select(erased_leaf.c.seq, func.count()).group_by(erased_leaf.c.seq)
    with ledger.connect() as connection:
        erased: dict[int, int] = dict(connection.execute(counted).tuples().all())
    for link in links_of(ledger):
        if link.kind == BATCH and link.subject in what.batch_ids:
            require_as_chained(ledger, link)
            ending.append(ExpiredLink(link.seq, link.leaves - erased.get(link.seq, 0), erasure_id))
    return ending


def _end_links(connection: Connection, links: Sequence[ExpiredLink]) -> None:
    """With a salt left, or its leaf's first bytes, persons could be tried until one fits: none of them stays."""
    facts.add(connection, expired_link, links)
    for one in links:
        nothing = {"secret": None, "salts": None, "hints": b""}
        connection.execute(update(audit_block).where(audit_block.c.seq == one.seq).values(**nothing))


def _delete(
    connection: Connection,
    what: Expiring,
    where: dict[str, ColumnElement[bool]],
    keys: dict[str, set[tuple[str, ...]]],
) -> None:
    tables = {one.name: one for part in what.parts for one in _OF_PART[part]} | {posted_outcome.name: posted_outcome}
    for name, one in where.items():
        if not tables[name].info.get("is_monthly"):
            connection.execute(delete(tables[name]).where(one))
    if "decisions" in what.parts:
        asked = stream_request.c
        old = (asked.use_case == what.use_case) & (asked.answered_at <= what.answered_until)
        connection.execute(delete(stream_request).where(old))
    _wait_no_more(connection, keys)
    _empty_segments(connection, {key[0] for key in keys.get("stream_segment", set())})


def _wait_no_more(connection: Connection, keys: dict[str, set[tuple[str, ...]]]) -> None:
    """Take off what waited for the chain: what came in since it was last sealed, which is little."""
    waiting = audit_waiting.c
    columns = (waiting.table_name, waiting.k1, waiting.k2, waiting.k3, waiting.k4)
    for name, *key in connection.execute(select(*columns).where(waiting.table_name.in_(list(keys)))).all():
        if tuple(key[: len(key_columns(COVERED[name]))]) in keys[name]:
            own = [waiting[f"k{i}"] == part for i, part in enumerate(key, start=1)]
            connection.execute(delete(audit_waiting).where(waiting.table_name == name, *own))


def _empty_segments(connection: Connection, segments: Collection[str]) -> None:
    """Let segments say nothing of their decisions; others name them, so they stay, and wait for the chain anew."""
    for segment in segments:
        connection.execute(update(stream_segment).where(stream_segment.c.segment_id == segment).values(record=_NOTHING))
        waits = {"table_name": "stream_segment", "k1": segment, "k2": "", "k3": "", "k4": ""}
        connection.execute(insert(audit_waiting).values(**waits))
