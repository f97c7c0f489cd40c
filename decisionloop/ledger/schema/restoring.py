"""Tables of what became of backups: a ledger that was restored from one, and drills of restoring."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Column, Named, Table, TypedColumns

from decisionloop.ledger.schema.columns import UtcDateTime, metadata


class RestorationColumns(TypedColumns):
    """This ledger is a backup of `taken_at` that took the place of a lost one: what happened since is not in it."""

    restored_at: Named[datetime] = Column(UtcDateTime, primary_key=True)
    taken_at: Named[datetime] = Column(UtcDateTime)
    version: Named[str]
    backup: Named[str]


restoration: Table[RestorationColumns] = Table("restoration", metadata, RestorationColumns)


class RestoreDrillColumns(TypedColumns):
    """A backup that was read whole and decided a stored batch again, elsewhere; `failure`: what did not work, or "".

    `decisions` of `batch_id` were the same bit for bit (null: there was no batch to decide again). `bytes`: how large
    the backup is; `engine`: which one kept its ledger.
    """

    use_case: Named[str] = Column(primary_key=True)
    seq: Named[int] = Column(primary_key=True, autoincrement=False)
    engine: Named[str]
    taken_at: Named[datetime | None] = Column(UtcDateTime)
    bytes: Named[int] = Column(BigInteger)
    seconds: Named[float]
    batch_id: Named[str | None]
    decisions: Named[int] = Column(BigInteger)
    failure: Named[str]
    at: Named[datetime] = Column(UtcDateTime)


restore_drill: Table[RestoreDrillColumns] = Table("restore_drill", metadata, RestoreDrillColumns)
