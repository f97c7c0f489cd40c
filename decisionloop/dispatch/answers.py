"""What a receiver says of a chunk: that it took all of it, or which actions it refuses and why.

A 2xx acknowledges every action unless its JSON object says otherwise: `refused` lists those that were not taken, each
`{"decision_id": …, "reason": …}`; `error` or `errors` without it refuses all. A 207 must say `refused`, or `results`,
one `{"decision_id": …, "status": …}` an action, of which 400 and above is a refusal. Any other body is not read.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping

from decisionloop.dispatch.messages import OutgoingAction, Receipt
from decisionloop.errors import DeliveryRefused
from decisionloop.masking import masked

MULTI_STATUS = 207
_SHOWN_CHARACTERS = 300


def receipts_of(messages: Collection[OutgoingAction], status: int, body: bytes) -> tuple[Receipt, ...]:
    """A receipt for each message, by the answer 2xx. Raises DeliveryRefused where it takes none, or cannot be read."""
    content = _object(body)
    if content is None and status == MULTI_STATUS:
        raise DeliveryRefused(f"HTTP {status} does not say which actions were taken: {shown(body)}")
    refused = {} if content is None else _refused(messages, status, content)
    if unknown := set(refused) - {one.decision_id for one in messages}:
        raise DeliveryRefused(f"HTTP {status} refuses {min(unknown)!r}, which was not sent: {shown(body)}")
    return tuple(
        Receipt(one.decision_id, "failed", f"refused: {refused[one.decision_id]}")
        if one.decision_id in refused
        else Receipt(one.decision_id, "delivered", f"HTTP {status}")
        for one in messages
    )


def shown(body: bytes) -> str:
    """The beginning of what it said."""
    return masked(body[: 4 * _SHOWN_CHARACTERS].decode("utf-8", "replace")[:_SHOWN_CHARACTERS])


def _object(body: bytes) -> Mapping[str, object] | None:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _refused(messages: Collection[OutgoingAction], status: int, content: Mapping[str, object]) -> dict[str, str]:
    """Why which action was not taken."""
    if "refused" in content:
        return dict(_one(entry, "reason") for entry in _list(content["refused"]))
    if status == MULTI_STATUS:
        told = dict(_one(entry, "status") for entry in _list(content.get("results")))
        answers = {one.decision_id: told.get(one.decision_id, "nothing was said of it") for one in messages}
        return {decision_id: said for decision_id, said in answers.items() if not _is_taken(said)}
    if error := content.get("error") or content.get("errors"):
        raise DeliveryRefused(f"HTTP {status} with an error: {shown(str(error).encode())}")
    return {}


def _list(entries: object) -> list[object]:
    if not isinstance(entries, list):
        raise DeliveryRefused("the answer's list of actions is none")
    return entries


def _one(entry: object, name: str) -> tuple[str, str]:
    """An action and what is said of it; an id alone is refused without a reason."""
    if isinstance(entry, str):
        return entry, "no reason was given"
    if not isinstance(entry, dict) or not isinstance(entry.get("decision_id"), str):
        raise DeliveryRefused("the answer names an action without its decision_id")
    return entry["decision_id"], shown(str(entry.get(name, "no reason was given")).encode())


def _is_taken(status: str) -> bool:
    return status.isdecimal() and 200 <= int(status) < 400
