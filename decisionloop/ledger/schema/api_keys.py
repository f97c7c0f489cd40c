"""Tables of API keys: whose they are, what they may do, and when they ended. No key is kept, only its digest."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, ForeignKey, Index, Named, Table, TypedColumns

from decisionloop.ledger.schema.columns import UtcDateTime, metadata


class ApiKeyColumns(TypedColumns):
    """A key by its SHA-256; `scopes` is a JSON list."""

    key_id: Named[str] = Column(primary_key=True)
    name: Named[str]
    sha256: Named[str]
    scopes: Named[str]
    made_by: Named[str]
    made_at: Named[datetime] = Column(UtcDateTime)


api_key: Table[ApiKeyColumns] = Table("api_key", metadata, ApiKeyColumns)
Index(None, api_key.c.sha256, unique=True)


class RevokedKeyColumns(TypedColumns):
    """A key that may do nothing any more."""

    key_id: Named[str] = Column(ForeignKey("api_key.key_id"), primary_key=True)
    reason: Named[str]
    revoked_by: Named[str]
    revoked_at: Named[datetime] = Column(UtcDateTime)


revoked_key: Table[RevokedKeyColumns] = Table("revoked_key", metadata, RevokedKeyColumns)
