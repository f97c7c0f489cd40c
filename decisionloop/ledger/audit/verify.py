"""Verifying a ledger whole: its chain, the checkpoints that vouch for it, and every row that a link committed to."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from sqlalchemy import func, select

from decisionloop.audit.chain import Link, first_broken
from decisionloop.audit.checkpoints import Checkpoint
from decisionloop.ledger.audit.findings import Finding, Verified
from decisionloop.ledger.audit.guards import missing_guards
from decisionloop.ledger.audit.links import links_of
from decisionloop.ledger.audit.rows import UNREADABLE
from decisionloop.ledger.audit.seal import BATCH, FACTS, count_waiting
from decisionloop.ledger.audit.verify_batch import verify_batch
from decisionloop.ledger.audit.verify_facts import verify_facts
from decisionloop.ledger.id_spans import first_stray
from decisionloop.ledger.schema import (
    audit_entry,
    batch,
    decision_group,
    decision_row,
    erased_leaf,
    erasure,
    expired_link,
)
from decisionloop.ledger.storage.engine import Ledger


def verify(ledger: Ledger, checkpoints: Sequence[Checkpoint] = (), use_case: str = "") -> Verified:
    """Hold every row against the chain, and the chain against checkpoints whose signatures hold.

    ``use_case``: decisions of that use case alone; chain and facts are those of the ledger. A broken chain is told
    of beside what its links say of rows, as far as they can be read.
    """
    try:
        links = links_of(ledger)
    except UNREADABLE as error:
        words = f"the chain itself cannot be read as what it was ({error})"
        return Verified("", 0, 0, 0, 0, 0, (Finding(1, "link", "unreadable", words),))
    name = ledger_name(links)
    findings = [*_chain_findings(links), *_checkpoint_findings(links, checkpoints, name)]
    batches = [
        link for link in links if link.kind == BATCH and link.subject.startswith(f"{use_case}/" if use_case else "")
    ]
    rows, expired = 0, _expired(ledger)
    for link in batches:
        many, finding = _of_expired(ledger, link) if link.seq in expired else _of_batch(ledger, link)
        rows += many
        findings += [] if finding is None else [finding]
    many, found = _of_facts(ledger, [link for link in links if link.kind == FACTS])
    last = len(links)
    for look in (_forged_groups, _false_tombstones, missing_guards):
        found += _as_far_as_readable(look, ledger, last)
    findings = sorted([*findings, *found], key=lambda one: one.seq)
    proven = max((one.seq for one in checkpoints), default=0)
    erased, waiting = _counted(ledger)
    unproven = sum(link.leaves for link in links if link.seq > proven) + waiting
    return Verified(name, last, rows + many, erased, proven, unproven, tuple(findings))


def ledger_name(links: Sequence[Link]) -> str:
    """What the chain calls its ledger, "" where there is no chain that says it."""
    try:
        return str(json.loads(links[0].detail)["ledger"])
    except (IndexError, ValueError, KeyError, TypeError):
        return ""


def _chain_findings(links: Sequence[Link]) -> Iterator[Finding]:
    broken = first_broken(links)
    if broken is not None:
        place, words = broken
        what = "removed" if "missing" in words else "reordered" if "follow" in words else "changed"
        yield Finding(place, f"link {place}", what, words)


def _checkpoint_findings(links: Sequence[Link], checkpoints: Sequence[Checkpoint], name: str) -> Iterator[Finding]:
    by_seq = {link.seq: link for link in links}
    for one in sorted(checkpoints, key=lambda one: one.seq):
        link = by_seq.get(one.seq)
        if name and one.ledger != name:
            words = f"the checkpoint of {one.at} is of ledger {one.ledger}, and this one is {name}"
            yield Finding(1, f"link {one.seq}", "changed", words)
        elif link is None:
            words = f"the chain ends at link {len(links)}; the checkpoint of {one.at} saw link {one.seq}"
            yield Finding(len(links) + 1, f"link {len(links) + 1}", "truncated", words)
        elif link.hash != one.hash:
            words = (
                f"link {one.seq} is another than the checkpoint of {one.at} saw: it, or one before it, was made anew"
            )
            yield Finding(one.seq, f"link {one.seq}", "changed", words)


def _of_batch(ledger: Ledger, link: Link) -> tuple[int, Finding | None]:
    try:
        return verify_batch(ledger, link)
    except UNREADABLE as error:
        words = f"decisions of {link.subject} cannot be read as what they were ({error})"
        return 0, Finding(link.seq, link.subject, "unreadable", words)


def _expired(ledger: Ledger) -> frozenset[int]:
    """The links whose rows all went by retention: nothing is left to hold against their roots."""
    with ledger.connect() as connection:
        return frozenset(connection.execute(select(expired_link.c.seq)).scalars())


def _of_expired(ledger: Ledger, link: Link) -> tuple[int, Finding | None]:
    of_batch = select(decision_group.c.group_id).where(decision_group.c.batch_id == link.subject).limit(1)
    with ledger.connect() as connection:
        if connection.execute(of_batch).first() is None:
            return 0, None
    words = f"decisions of {link.subject} were added: those that it had went by retention"
    return 0, Finding(link.seq, link.subject, "added", words)


def _of_facts(ledger: Ledger, links: Sequence[Link]) -> tuple[int, list[Finding]]:
    try:
        return verify_facts(ledger, links)
    except UNREADABLE as error:
        words = f"facts cannot be read as what they were ({error})"
        return 0, [Finding(links[-1].seq if links else 0, "facts", "unreadable", words)]


def _as_far_as_readable(
    look: Callable[[Ledger, int], Iterable[Finding]], ledger: Ledger, last: int
) -> Iterator[Finding]:
    try:
        yield from look(ledger, last)
    except UNREADABLE as error:
        words = f"a row of the audit's own tables cannot be read as what it was ({error})"
        yield Finding(last + 1, "audit", "unreadable", words)


def _forged_groups(ledger: Ledger, last: int) -> Iterator[Finding]:
    """Groups and rows that the view of decisions would not show, or that belong to no batch."""
    group, row = decision_group.c, decision_row.c
    has_rows = select(row.group_id).where(row.group_id == group.group_id).exists()
    has_group = select(group.group_id).where(group.group_id == row.group_id).exists()
    empty = select(group.group_id).where(~has_rows).order_by(group.group_id).limit(1)
    unknown = select(group.group_id).where(group.batch_id.not_in(select(batch.c.batch_id)))
    orphan = select(row.decision_id).where(~has_group).order_by(row.decision_id).limit(1)
    said = (
        (empty, "decision_group {} was added: no decision is of it"),
        (unknown.order_by(group.group_id).limit(1), "decision_group {} was added: it is of a batch that there is not"),
        (orphan, "decision {} was changed or added: it is of a group that there is not"),
    )
    with ledger.connect() as connection:
        for statement, words in said:
            for found in connection.execute(statement).scalars():
                text = words.format(found)
                yield Finding(last + 1, text.partition(" was")[0], "added", text)
        if stray := first_stray(connection):
            words = f"decision {stray} was changed or added: its id is none of its batch"
            yield Finding(last + 1, f"decision {stray}", "added", words)


def _false_tombstones(ledger: Ledger, last: int) -> Iterator[Finding]:
    """Erasures with other numbers of tombstones than they said, and what they said is chained."""
    with ledger.connect() as connection:
        said = connection.execute(select(erasure.c.erasure_id, erasure.c.detail).order_by(erasure.c.erasure_id)).all()
        counted = select(erased_leaf.c.erasure_id, func.count()).group_by(erased_leaf.c.erasure_id)
        whole = select(expired_link.c.erasure_id, func.sum(expired_link.c.leaves)).group_by(expired_link.c.erasure_id)
        there: Counter[str] = Counter()
        for statement in (counted, whole):
            there.update({name: int(many) for name, many in connection.execute(statement).all()})
    for erasure_id, detail in said:
        if there[erasure_id] != json.loads(detail).get("leaves", 0):
            words = f"rows were removed under the name of erasure {erasure_id}, which says of another number"
            yield Finding(last + 1, f"erasure {erasure_id}", "removed", words)


def _counted(ledger: Ledger) -> tuple[int, int]:
    """How many leaves are of erased rows, and how many rows no link holds yet, decisions among them."""
    chained = select(audit_entry.c.subject).where(audit_entry.c.kind == BATCH)
    open_rows = (
        select(func.count())
        .select_from(decision_row)
        .join(decision_group, decision_group.c.group_id == decision_row.c.group_id)
        .where(decision_group.c.batch_id.not_in(chained))
    )
    with ledger.connect() as connection:
        erased = connection.execute(select(func.count()).select_from(erased_leaf)).scalar_one()
        erased += int(connection.execute(select(func.sum(expired_link.c.leaves))).scalar() or 0)
        return erased, count_waiting(connection) + connection.execute(open_rows).scalar_one()
