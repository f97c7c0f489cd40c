"""From a request to the delivery that is kept: what it proves, what happened, and what that is to start. Pure."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from decisionloop.ledger.webhooks import WebhookDelivery
from decisionloop.service.bodies import Json, read_object, value_at
from decisionloop.service.configuration import Constant, FromBody, Sender
from decisionloop.service.secret_values import KnownSender
from decisionloop.service.signatures import SCHEMES, TOLERANCE_SECONDS, event_of

LONGEST_TEXT = 1_000
NOT_LISTED = "its event is not among those that start something"


class DoesNotFit(Exception):
    """The body does not hold what the sender's entry takes from it. The text names the place and no value."""


@dataclass(frozen=True)
class Received:
    """A delivery to keep; ``ignored_because``: why it starts nothing, empty where it does."""

    delivery: WebhookDelivery
    ignored_because: str = ""


def received(sender: KnownSender, headers: Mapping[str, str], body: bytes, now: datetime) -> Received:
    """What a request asks for.

    Raises NotSigned where it does not prove its sender, BadBody where its body is no proper JSON object and DoesNotFit
    where that lacks what is taken from it.
    """
    entry, scheme = sender.entry, SCHEMES[sender.entry.scheme]
    delivery_id = scheme.delivery_id(headers, body, sender.secrets, now)
    content = read_object(body)
    event = event_of(scheme, headers, content)
    is_listed = event in entry.events
    parameters = _parameters(entry, content) if is_listed else {}
    delivery = WebhookDelivery(
        sender=sender.name,
        delivery_id=delivery_id,
        body_digest=hashlib.sha256(body).hexdigest(),
        event=event,
        deployment=entry.start,
        subject=_subject(entry, parameters) if is_listed else "",
        parameters=json.dumps(parameters, sort_keys=True),
        event_at=_event_time(entry, content, now) if is_listed else now,
        received_at=now,
    )
    return Received(delivery, "" if is_listed else NOT_LISTED)


def _parameters(entry: Sender, content: Json) -> dict[str, Constant]:
    """The rule: a parameter is what the entry says, or the plain value at the path that it names."""
    return {
        name: _plain(content, told.body) if isinstance(told, FromBody) else told
        for name, told in entry.parameters.items()
    }


def _plain(content: Json, path: str) -> Constant:
    found = value_at(content, path)
    if not isinstance(found, str | int | float | bool):
        raise DoesNotFit(f"{path} is missing, or no text, number, true or false")
    if isinstance(found, str) and not 0 < len(found) <= LONGEST_TEXT:
        raise DoesNotFit(f"{path} is empty or longer than {LONGEST_TEXT} characters")
    return found


def _subject(entry: Sender, parameters: Mapping[str, Constant]) -> str:
    """What an event is about: the deployment and the parameters that the entry names."""
    return json.dumps([entry.start, *(parameters[name] for name in entry.about)])


def _event_time(entry: Sender, content: Json, now: datetime) -> datetime:
    """When it happened. One that is still to come would stand in the way of every later one, so it is refused."""
    path, found = entry.time_path, value_at(content, entry.time_path)
    moment = _moment(found)
    if moment is None:
        raise DoesNotFit(f"{path} is no time: ISO 8601 with a zone, or seconds since 1970")
    if (moment - now).total_seconds() > TOLERANCE_SECONDS:
        raise DoesNotFit(f"{path} is still to come")
    return moment


def _moment(found: object) -> datetime | None:
    try:
        if isinstance(found, str):
            moment = datetime.fromisoformat(found)
            return moment.astimezone(UTC) if moment.utcoffset() is not None else None
        if isinstance(found, int | float) and not isinstance(found, bool) and math.isfinite(found):
            return datetime.fromtimestamp(found, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None
