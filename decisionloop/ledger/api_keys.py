"""API keys: made for somebody, shown once, known by their digest alone, and revoked for good."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, exists, select

from decisionloop.errors import UsageError
from decisionloop.ledger.schema import api_key, revoked_key, utc_now
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger


@dataclass(frozen=True)
class ApiKey:
    """A key: whose it is (``name``), what it may do (``scopes``, a JSON list), and who made it."""

    key_id: str
    name: str
    sha256: str
    scopes: str
    made_by: str
    made_at: datetime

    @property
    def allows(self) -> frozenset[str]:
        """Its scopes."""
        return frozenset(json.loads(self.scopes))


@dataclass(frozen=True)
class RevokedKey:
    """That a key ended, why, and by whom."""

    key_id: str
    reason: str
    revoked_by: str
    revoked_at: datetime


def keep_key(target: Ledger | Connection, name: str, sha256: str, scopes: Sequence[str], by: str) -> ApiKey:
    """Keep a new key by its digest."""
    new = ApiKey(sha256[:12], name, sha256, json.dumps(sorted(scopes)), by, utc_now())
    facts.add(target, api_key, [new])
    return new


def revoke_key(target: Ledger | Connection, key_id: str, reason: str, by: str) -> None:
    """End a key for good; one that has ended stays as it was. Raises UsageError for an unknown one."""
    with facts.writing(target) as connection:
        if facts.one(connection, ApiKey, api_key, api_key.c.key_id == key_id) is None:
            raise UsageError(f"there is no API key {key_id}. `decisionloop keys list` shows them.")
        facts.add(connection, revoked_key, [RevokedKey(key_id, reason, by, utc_now())])


def valid_keys(source: Ledger | Connection) -> tuple[ApiKey, ...]:
    """The keys that have not ended, in the order in which they were made."""
    has_ended = exists().where(revoked_key.c.key_id == api_key.c.key_id)
    return facts.every(source, ApiKey, api_key, ~has_ended, order_by=[api_key.c.made_at, api_key.c.key_id])


def was_any_made(source: Ledger | Connection) -> bool:
    """Whether there ever was a key, be it that all have ended."""
    with facts.reading(source) as connection:
        return connection.execute(select(api_key.c.key_id).limit(1)).first() is not None


def revoked_keys(source: Ledger | Connection) -> tuple[RevokedKey, ...]:
    """The keys that have ended, in that order."""
    return facts.every(source, RevokedKey, revoked_key, order_by=[revoked_key.c.revoked_at, revoked_key.c.key_id])
