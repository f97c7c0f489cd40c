"""Who may do what: API keys, of which only SHA-256 digests are known. They are random, so no slower hash is needed.

A key is in the service's file, or in the ledger, where `decisionloop keys` makes and revokes it.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fastapi import HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from sqlalchemy.exc import SQLAlchemyError

from decisionloop.errors import ConfigurationError
from decisionloop.ledger.api_keys import valid_keys, was_any_made
from decisionloop.service.configuration import Key, Scope
from decisionloop.service.ledger_access import LedgerAccess

NONE_LEFT = (
    "every API key was revoked: nobody may do anything. Make another with `decisionloop keys make`, or start the "
    "service with --without-keys"
)
READ_AGAIN_SECONDS = 2.0
"""How long the ledger's keys are taken as read: a key that was revoked may be used for so long."""
BEHIND = 0.5
"""After this share of it they are read again behind whoever asks, so that where somebody always asks nobody waits."""


@dataclass(frozen=True)
class KnownKey:
    """A key by its digest, and what it may do."""

    name: str
    sha256: str
    scopes: frozenset[str]


class KnownKeys:
    """The keys of the file and those of the ledger, read again every two seconds.

    ``had_any``: whether the file, the ledger or this process ever knew one. Where the last one was revoked, nobody may
    do anything, also after a restart; ``is_open_without`` says that this machine may, unless this process knew one.
    """

    def __init__(self, of_file: Mapping[str, Key], access: LedgerAccess | None, is_open_without: bool = False) -> None:
        self._of_file = tuple(KnownKey(name, key.sha256, frozenset(key.scopes)) for name, key in of_file.items())
        self._access, self._lock = access, threading.Lock()
        self._read: tuple[float, tuple[KnownKey, ...]] | None = None
        self._is_open_without, self._is_being_read = is_open_without, False
        self.had_any = bool(of_file)

    def every(self) -> tuple[KnownKey, ...]:
        """All of them; while the ledger is away those that are known.

        A service that started without any listens on this machine alone, so that none is known lets nobody else in.
        """
        known = self.read_lately()
        if known is not None:
            return known
        with self._lock:
            if self._is_old():
                assert self._access is not None  # else there is nothing to be read
                self._read = self._again(self._access)
            return self._known()

    def read_lately(self) -> tuple[KnownKey, ...] | None:
        """All of them without waiting for the ledger; None where it must be read again."""
        return None if self._access is not None and self._is_old() else self._known()

    def take_reading(self) -> bool:
        """Whether the caller is to :meth:`read_behind`; of those that ask from one event loop only one is."""
        is_due = self._access is not None and not self._is_being_read and self._is_old(BEHIND)
        self._is_being_read |= is_due
        return is_due

    def read_behind(self) -> None:
        """Read them again, while others go by what is known."""
        try:
            with self._lock:
                if self._access is not None and self._is_old(BEHIND):
                    self._read = self._again(self._access)
        finally:
            self._is_being_read = False

    def _is_old(self, share: float = 1.0) -> bool:
        read = self._read
        return read is None or time.monotonic() - read[0] > share * READ_AGAIN_SECONDS

    def _known(self) -> tuple[KnownKey, ...]:
        read = self._read
        return self._of_file if read is None else self._of_file + read[1]

    def _again(self, access: LedgerAccess) -> tuple[float, tuple[KnownKey, ...]] | None:
        """When it was read, and what; None while it never was, so that the next request reads it."""
        now = time.monotonic()
        try:
            ledger = access.opened()
            kept = valid_keys(ledger)
            self.had_any |= bool(kept) or (not self._is_open_without and was_any_made(ledger))
        except (ConfigurationError, SQLAlchemyError):
            return None if self._read is None else (now, self._read[1])
        return now, tuple(KnownKey(one.name, one.sha256, one.allows) for one in kept)


def bearer_of(keys: Iterable[KnownKey], authorization: str) -> KnownKey | None:
    """The key that an ``Authorization`` header bears; None for nobody's. Takes as long whichever it is."""
    kind, _, token = authorization.partition(" ")
    digest = hashlib.sha256(token.strip().encode()).hexdigest()
    found = [one for one in keys if hmac.compare_digest(one.sha256, digest)]
    return found[0] if found and kind.lower() == "bearer" else None


class Requires:
    """A dependency of a route: the caller's key has this scope.

    Where no key is configured the service listens on this machine alone, and whoever is on it may do everything: but
    not a page of another site in a browser here, which would name another host.
    """

    def __init__(self, keys: KnownKeys, scope: Scope) -> None:
        self.keys, self.scope = keys, scope

    async def __call__(self, request: Request) -> None:
        """Raises 401 without a key, 403 for one without the scope. A thread waits for the ledger, if anybody must."""
        known = self.keys.read_lately()
        if known is None:
            known = await run_in_threadpool(self.keys.every)
        elif self.keys.take_reading():
            asyncio.get_running_loop().run_in_executor(None, self.keys.read_behind)
        if not known and not self.keys.had_any:  # where the last one was revoked, nobody may do anything
            if not is_loopback(request.url.hostname or ""):
                raise HTTPException(403, "without API keys only this machine is answered, by its own name")
            return
        bearer = bearer_of(known, header_of(request, b"authorization"))
        if bearer is None:
            told = "send an API key: `Authorization: Bearer …`" if known else NONE_LEFT
            raise HTTPException(401, told, {"WWW-Authenticate": "Bearer"})
        if self.scope not in bearer.scopes:
            raise HTTPException(403, f"this key may not {self.scope}")
        request.scope.setdefault("state", {})["caller"] = bearer.name


def header_of(request: Request, name: bytes) -> str:
    """The first header of a name in lower case, "" without one; what Starlette makes of all of them takes longer."""
    for own, value in request.scope["headers"]:
        if own == name:
            return bytes(value).decode("latin-1")
    return ""


def caller_of(request: Request) -> str:
    """Whose key a request bore that `Requires` let through; "" where none had to."""
    return str(request.scope.get("state", {}).get("caller", ""))


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine's own, which nobody else can reach."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
