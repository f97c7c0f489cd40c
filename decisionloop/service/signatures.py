"""Who sent a webhook, proved by an HMAC-SHA256 over the bytes that were received; pure functions.

Sources: the Standard Webhooks specification (version 1.0.0), GitHub's "Validating webhook deliveries", and
`mlflow.webhooks.delivery` of MLflow 3.17.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from decisionloop.service.bodies import Json, text_at
from decisionloop.service.configuration import SchemeName

TOLERANCE_SECONDS = 300
MOST_SIGNATURES = 10
# A full stop ends the id in what is signed: an id with one could be read as another id and another time.
_ID = re.compile(r"[A-Za-z0-9_:-]{1,200}")
_SECONDS = re.compile(r"[0-9]{1,12}")
_EVENT = re.compile(r"[A-Za-z0-9_.:/-]{1,200}")


class NotSigned(Exception):
    """The request does not prove that it comes from its sender. The text names no value of it."""


@dataclass(frozen=True)
class Scheme:
    """How a sender signs.

    ``key_of`` makes of a secret's text the bytes to sign with (ValueError where it is no secret). ``delivery_id``
    proves a request by any of the keys and returns its delivery's id, or raises NotSigned. ``event`` names what
    happened, "" where it does not say so.
    """

    key_of: Callable[[str], bytes]
    delivery_id: Callable[[Mapping[str, str], bytes, Sequence[bytes], datetime], str]
    event: Callable[[Mapping[str, str], Json], str]


def _standard_key(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix("whsec_"), validate=True)


def _standard_delivery(headers: Mapping[str, str], body: bytes, keys: Sequence[bytes], now: datetime) -> str:
    return _with_time(headers, "webhook-id", "webhook-timestamp", "webhook-signature", (body, keys, now))


def _mlflow_delivery(headers: Mapping[str, str], body: bytes, keys: Sequence[bytes], now: datetime) -> str:
    names = "x-mlflow-delivery-id", "x-mlflow-timestamp", "x-mlflow-signature"
    return _with_time(headers, *names, (body, keys, now))


def _github_delivery(headers: Mapping[str, str], body: bytes, keys: Sequence[bytes], now: datetime) -> str:
    """GitHub signs the body alone: neither the id nor the event, so neither proves anything by itself."""
    delivery_id = _header(headers, "x-github-delivery", _ID)
    _header(headers, "x-github-event", _EVENT)
    signature = _header(headers, "x-hub-signature-256", re.compile(r"sha256=[0-9a-f]{64}"))
    _require_one([bytes.fromhex(signature.removeprefix("sha256="))], body, keys)
    return delivery_id


def _with_time(
    headers: Mapping[str, str],
    id_name: str,
    time_name: str,
    signature_name: str,
    told: tuple[bytes, Sequence[bytes], datetime],
) -> str:
    """``{id}.{timestamp}.{body}`` is signed, and the time must be near."""
    body, keys, now = told
    delivery_id, seconds = _header(headers, id_name, _ID), _header(headers, time_name, _SECONDS)
    signatures = tuple(_signatures(_header(headers, signature_name, re.compile(r"[\x21-\x7e ]{1,4000}"))))
    _require_one(signatures, b"%s.%s.%s" % (delivery_id.encode(), seconds.encode(), body), keys)
    if abs(now.timestamp() - int(seconds)) > TOLERANCE_SECONDS:
        raise NotSigned(f"{time_name} is more than {TOLERANCE_SECONDS} s away from now")
    return delivery_id


def _signatures(header: str) -> Iterator[bytes]:
    """The signatures of version 1, of a list with spaces between; others are of a later version of the scheme."""
    for one in header.split(" ")[:MOST_SIGNATURES]:
        version, _, encoded = one.partition(",")
        if version == "v1":
            try:
                yield base64.b64decode(encoded, validate=True)
            except binascii.Error:
                raise NotSigned("a signature is no base64") from None


def _require_one(signatures: Sequence[bytes], content: bytes, keys: Sequence[bytes]) -> None:
    """Raise NotSigned unless one of the signatures is made with one of the keys; takes as long whichever it is."""
    expected = [hmac.digest(key, content, "sha256") for key in keys]
    if not any([hmac.compare_digest(one, right) for one in signatures for right in expected]):  # noqa: C419
        raise NotSigned("no signature is made with a secret of this sender")


def _header(headers: Mapping[str, str], name: str, form: re.Pattern[str]) -> str:
    value = headers.get(name)
    if value is None:
        raise NotSigned(f"{name} is missing")
    if not form.fullmatch(value):
        raise NotSigned(f"{name} is malformed")
    return value


def _standard_event(headers: Mapping[str, str], body: Json) -> str:
    return text_at(body, "type")


def _github_event(headers: Mapping[str, str], body: Json) -> str:
    """``release.published``, or ``push`` where the body names no action."""
    return ".".join(part for part in (headers["x-github-event"], text_at(body, "action")) if part)


def _mlflow_event(headers: Mapping[str, str], body: Json) -> str:
    """``model_version_alias.created``."""
    return ".".join(part for part in (text_at(body, "entity"), text_at(body, "action")) if part)


def event_of(scheme: Scheme, headers: Mapping[str, str], body: Json) -> str:
    """The name of what happened; "" where it does not say so in a way that can be listed."""
    found = scheme.event(headers, body)
    return found if _EVENT.fullmatch(found) else ""


def _raw_key(secret: str) -> bytes:
    return secret.encode()


SCHEMES: Mapping[SchemeName, Scheme] = {
    "standard": Scheme(_standard_key, _standard_delivery, _standard_event),
    "github": Scheme(_raw_key, _github_delivery, _github_event),
    "mlflow": Scheme(_raw_key, _mlflow_delivery, _mlflow_event),
}
