"""The table of what serving cost: one row a stage of an attempt at a batch, and release where it is a release's own."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Column, ForeignKey, Named, Table, TypedColumns

from decisionloop.ledger.schema.columns import UtcDateTime, metadata


class StageCostColumns(TypedColumns):
    """What one stage took and what that cost; `release_id` is "" where the stage served every release alike."""

    batch_id: Named[str] = Column(ForeignKey("batch.batch_id"), primary_key=True)
    attempt: Named[int] = Column(primary_key=True, autoincrement=False)
    stage: Named[str] = Column(primary_key=True)
    release_id: Named[str] = Column(primary_key=True)
    rows: Named[int] = Column(BigInteger)
    cpu_seconds: Named[float]
    bytes_stored: Named[int] = Column(BigInteger)
    cpu_price: Named[float]
    storage_price: Named[float]
    money: Named[float]
    at: Named[datetime] = Column(UtcDateTime)


stage_cost: Table[StageCostColumns] = Table("stage_cost", metadata, StageCostColumns)
