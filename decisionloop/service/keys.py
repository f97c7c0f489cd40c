"""Who may read: API keys, of which only SHA-256 digests are known. They are random, so no slower hash is needed."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections.abc import Mapping

from fastapi import HTTPException, Request

from decisionloop.service.configuration import Key, Scope


def key_name(keys: Mapping[str, Key], authorization: str) -> str | None:
    """Whose key an ``Authorization`` header bears; None for nobody's. Takes as long whichever it is."""
    kind, _, token = authorization.partition(" ")
    digest = hashlib.sha256(token.strip().encode()).hexdigest()
    named = [name for name, key in keys.items() if hmac.compare_digest(key.sha256, digest)]
    return named[0] if named and kind.lower() == "bearer" else None


class Requires:
    """A dependency of a route: the caller's key has this scope.

    Where no key is configured the service listens on this machine alone, and whoever is on it may read: but not a page
    of another site in a browser here, which would name another host.
    """

    def __init__(self, keys: Mapping[str, Key], scope: Scope) -> None:
        self.keys, self.scope = keys, scope

    def __call__(self, request: Request) -> None:
        """Raises 401 without a key, 403 for one without the scope."""
        if not self.keys:
            if not is_loopback(request.url.hostname or ""):
                raise HTTPException(403, "without API keys only this machine is answered, by its own name")
            return
        name = key_name(self.keys, request.headers.get("authorization", ""))
        if name is None:
            raise HTTPException(401, "send an API key: `Authorization: Bearer …`", {"WWW-Authenticate": "Bearer"})
        if self.scope not in self.keys[name].scopes:
            raise HTTPException(403, f"this key may not {self.scope}")


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine's own, which nobody else can reach."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
