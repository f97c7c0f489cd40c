"""Who looks at the page: by a key in a header, by having signed in with one, or, without any key, this machine.

A sign-in is a cookie that no script can read and no other site can send, signed for this service while it runs and
valid for an hour. It names the key by a digest and not by what it may do: a key that was revoked may do nothing within
two seconds.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, get_args

from fastapi import Request, Response
from itsdangerous import BadData, URLSafeTimedSerializer

from decisionloop.service.configuration import Scope
from decisionloop.service.keys import KnownKey, KnownKeys, bearer_of, is_loopback
from decisionloop.service.page.refusals import Refused

COOKIE = "decisionloop"
LASTS_SECONDS = 3_600
TOKEN = "form_token"
"""The field of every form that says which sign-in it was shown to."""
EVERY_SCOPE = frozenset(get_args(Scope))


@dataclass(frozen=True)
class Visitor:
    """Whoever sent a request. ``session``: what the forms that are shown to them are bound to, "" where none is yet.

    ``name``: whose key it is; "" where nobody has to have one. ``is_by_header``: the key came with the request itself,
    which no page of another site can let a browser do, so that its forms need no token.
    """

    session: str
    name: str = ""
    scopes: frozenset[str] = frozenset()
    key: str = ""
    is_by_header: bool = False
    is_open: bool = False

    def may(self, scope: Scope) -> bool:
        """Whether the key has a scope."""
        return scope in self.scopes

    def who(self, claimed: str) -> str:
        """Whose act it is: the key's name; without keys what the form says, which is a claim and no proof."""
        return claimed if self.is_open else self.name


@dataclass(frozen=True)
class Visitors:
    """Tells who visits, signs them in and out, and makes and checks the tokens of forms."""

    keys: KnownKeys
    _secret: bytes = field(repr=False)

    def of(self, request: Request) -> Visitor:
        """Who sent a request; one without scopes where that is nobody.

        Raises Refused for another host's name while there is no key: another site's page in a browser here, perhaps.
        """
        known = self.keys.every()
        session, key = self._read(request.cookies.get(COOKIE, ""))
        if not known and not self.keys.had_any:
            if not is_loopback(request.url.hostname or ""):
                raise Refused(403, "without API keys only this machine is answered, by its own name")
            return Visitor(session or secrets.token_urlsafe(16), "", EVERY_SCOPE, is_open=True)
        header = request.headers.get("authorization", "")
        if header:
            found = bearer_of(known, header)
            return Visitor("") if found is None else _as(found, "", is_by_header=True)
        signed_in = next((one for one in known if key and hmac.compare_digest(_named(one), key)), None)
        return Visitor(session or secrets.token_urlsafe(16)) if signed_in is None else _as(signed_in, session)

    def admitted(self, request: Request, scope: Scope) -> Visitor:
        """Whoever may do what a route asks for. Raises Refused with 401 without a key, and 403 for one that may not."""
        visitor = self.of(request)
        if not visitor.scopes:
            raise Refused(401, "Sign in with an API key that may read.", visitor)
        if not visitor.may(scope):
            raise Refused(403, f"The key of {visitor.name} may not {scope}.", visitor)
        return visitor

    def signed_in(self, visitor: Visitor, token: str) -> Visitor:
        """The visitor as whose key this is, in a new session. Raises Refused with 401 for a key that nobody has."""
        found = bearer_of(self.keys.every(), f"Bearer {token}")
        if found is None:
            raise Refused(401, "That is no valid key. `decisionloop keys list` shows whose there are.", visitor)
        return _as(found, secrets.token_urlsafe(16))

    def token_of(self, visitor: Visitor) -> str:
        """What the forms that a visitor is shown send along."""
        return self._signer("form").dumps(visitor.session)

    def require_token(self, request: Request, visitor: Visitor, form: Mapping[str, str]) -> None:
        """Raises Refused with 403 for a form that was not shown to this visitor by this service lately."""
        if visitor.is_by_header:
            return
        if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
            raise Refused(403, "This form was sent by a page of another site. Nothing was done.", visitor)
        try:
            shown_to = self._signer("form").loads(form.get(TOKEN, ""), max_age=LASTS_SECONDS)
        except BadData:
            shown_to = None
        if not isinstance(shown_to, str) or not hmac.compare_digest(shown_to, visitor.session):
            told = "This form is not one that you were shown here within the last hour. Nothing was done; try again."
            raise Refused(403, told, visitor)

    def remember(self, request: Request, visitor: Visitor, response: Response) -> None:
        """Let the answer set the cookie of a visitor; one who brought their key along needs none."""
        if visitor.is_by_header or not visitor.session:
            return
        if self._read(request.cookies.get(COOKIE, "")) == (visitor.session, visitor.key):
            return  # it is there, and an hour after signing in it ends, whatever was looked at meanwhile
        response.set_cookie(
            COOKIE,
            self._signer("session").dumps([visitor.session, visitor.key]),
            max_age=LASTS_SECONDS,
            path="/",
            httponly=True,
            samesite="strict",
            secure=not is_loopback(request.url.hostname or ""),
        )

    def _read(self, cookie: str) -> tuple[str, str]:
        """Session and key of a cookie; nothing where it is none of ours, or too old."""
        try:
            told: Any = self._signer("session").loads(cookie, max_age=LASTS_SECONDS)
        except BadData:
            return "", ""
        return str(told[0]), str(told[1])

    def _signer(self, purpose: str) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(self._secret, salt=purpose, signer_kwargs={"digest_method": hashlib.sha256})


def signed_out(visitor: Visitor) -> Visitor:
    """The visitor as nobody, in a new session."""
    return replace(visitor, session=secrets.token_urlsafe(16), name="", scopes=frozenset(), key="")


def _as(key: KnownKey, session: str, is_by_header: bool = False) -> Visitor:
    return Visitor(session, key.name, key.scopes, _named(key), is_by_header)


def _named(key: KnownKey) -> str:
    """How a cookie names a key: a digest of its digest."""
    return hashlib.sha256(f"page:{key.sha256}".encode()).hexdigest()
