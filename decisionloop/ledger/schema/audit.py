"""Tables of the audit chain, of what waits to be chained, of erasures, and of who looked at which decision."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Column, ForeignKey, Index, LargeBinary, Named, Table, TypedColumns

from decisionloop.ledger.schema.columns import UtcDateTime, metadata


class AuditEntryColumns(TypedColumns):
    """A link of the one chain of a ledger: `leaves` rows under a Merkle root, and the hash of the link before.

    `layout` is a JSON list: table, columns and rows of each block of leaves. Everything here is hashed into `hash`.
    """

    seq: Named[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    kind: Named[str]
    subject: Named[str]
    leaves: Named[int] = Column(BigInteger)
    root: Named[str]
    layout: Named[str]
    detail: Named[str]
    at: Named[datetime] = Column(UtcDateTime)
    previous: Named[str]
    hash: Named[str]


audit_entry: Table[AuditEntryColumns] = Table("audit_entry", metadata, AuditEntryColumns)
Index(None, audit_entry.c.subject)


class AuditBlockColumns(TypedColumns):
    """What it takes to make the leaves of a link again from rows: salts, four bytes of each leaf, and whose rows.

    Salts come from `secret` until one of them is erased; from then on they are in `salts`, 16 bytes each, an erased one
    of zeros. `row_keys` is compressed JSON, null for decisions, which are in the order of their ids.
    """

    seq: Named[int] = Column(BigInteger, ForeignKey("audit_entry.seq"), primary_key=True, autoincrement=False)
    block: Named[int] = Column(primary_key=True, autoincrement=False)
    secret: Named[bytes | None] = Column(LargeBinary)
    salts: Named[bytes | None] = Column(LargeBinary)
    hints: Named[bytes] = Column(LargeBinary)
    row_keys: Named[bytes | None] = Column(LargeBinary)


audit_block: Table[AuditBlockColumns] = Table("audit_block", metadata, AuditBlockColumns)


class AuditWaitingColumns(TypedColumns):
    """The key of a row that no link of the chain holds yet. Triggers write it, and the next link takes it away."""

    table_name: Named[str] = Column(primary_key=True)
    k1: Named[str] = Column(primary_key=True)
    k2: Named[str] = Column(primary_key=True)
    k3: Named[str] = Column(primary_key=True)
    k4: Named[str] = Column(primary_key=True)


audit_waiting: Table[AuditWaitingColumns] = Table(
    "audit_waiting", metadata, AuditWaitingColumns, info={"is_working": True}
)


class ErasureColumns(TypedColumns):
    """That a person's data was erased or a span's kept no longer: why, by whom, how much of what; never whose."""

    erasure_id: Named[str] = Column(primary_key=True)
    use_case: Named[str]
    kind: Named[str]
    reason: Named[str]
    by: Named[str]
    detail: Named[str]
    at: Named[datetime] = Column(UtcDateTime)


erasure: Table[ErasureColumns] = Table("erasure", metadata, ErasureColumns)


class ErasedLeafColumns(TypedColumns):
    """The commitment of a row that is gone or was rewritten: all that is left of what it said."""

    seq: Named[int] = Column(BigInteger, ForeignKey("audit_entry.seq"), primary_key=True, autoincrement=False)
    leaf: Named[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    commitment: Named[str]
    erasure_id: Named[str] = Column(ForeignKey("erasure.erasure_id"))


erased_leaf: Table[ErasedLeafColumns] = Table("erased_leaf", metadata, ErasedLeafColumns)


class ExpiredLinkColumns(TypedColumns):
    """A link whose rows all went by retention: its root is left of them, and how many there were until then."""

    seq: Named[int] = Column(BigInteger, ForeignKey("audit_entry.seq"), primary_key=True, autoincrement=False)
    leaves: Named[int] = Column(BigInteger)
    erasure_id: Named[str] = Column(ForeignKey("erasure.erasure_id"))


expired_link: Table[ExpiredLinkColumns] = Table("expired_link", metadata, ExpiredLinkColumns)


class ErasingColumns(TypedColumns):
    """The erasure under way: while its row is here, within one transaction, triggers let rows go."""

    erasure_id: Named[str] = Column(ForeignKey("erasure.erasure_id"), primary_key=True)


erasing: Table[ErasingColumns] = Table("erasing", metadata, ErasingColumns, info={"is_working": True})


class RewrittenSnapshotColumns(TypedColumns):
    """A file of the snapshot store that lost rows to an erasure: it keeps its name, and has these bytes since.

    ``content`` is their sha256, and "" where retention has removed the file.
    """

    digest: Named[str] = Column(ForeignKey("snapshot.digest"), primary_key=True)
    content: Named[str] = Column(primary_key=True)
    erasure_id: Named[str] = Column(ForeignKey("erasure.erasure_id"))


rewritten_snapshot: Table[RewrittenSnapshotColumns] = Table("rewritten_snapshot", metadata, RewrittenSnapshotColumns)


class DecisionAccessColumns(TypedColumns):
    """That somebody looked at a decision: who, by what, when."""

    access_id: Named[str] = Column(primary_key=True)
    use_case: Named[str]
    decision_id: Named[str]
    by: Named[str]
    how: Named[str]
    at: Named[datetime] = Column(UtcDateTime)


decision_access: Table[DecisionAccessColumns] = Table("decision_access", metadata, DecisionAccessColumns)
Index(None, decision_access.c.decision_id)
