"""A webhook request, from its bytes to its answer: proved, stored, and only then acknowledged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import HTTPException, Request
from fastapi.concurrency import run_in_threadpool

from decisionloop.ledger.schema import utc_now
from decisionloop.ledger.trace_contexts import keep_trace, of_webhook
from decisionloop.ledger.webhooks import WebhookDelivery, store_delivery
from decisionloop.service.bodies import BadBody
from decisionloop.service.ledger_access import LedgerAccess
from decisionloop.service.receiving import DoesNotFit, Received, received
from decisionloop.service.request_body import whole_body
from decisionloop.service.secret_values import KnownSender
from decisionloop.service.signatures import NotSigned
from decisionloop.service.starting import Wakes
from decisionloop.telemetry import traces


@dataclass(frozen=True)
class Webhooks:
    """Takes in what the senders send."""

    senders: Mapping[str, KnownSender]
    access: LedgerAccess
    starter: Wakes | None

    async def take_in(self, sender: str, request: Request) -> dict[str, str]:
        """Store a delivery and say so.

        Answers 404 for an unknown sender, 413 for too large a body, 401 for what does not prove its sender, 400 for a
        body that is no proper JSON object, 422 for one that lacks what is taken from it, and 409 for an id that came
        with another body before.
        """
        known = self.senders.get(sender)
        if known is None:
            raise HTTPException(404, "no sender of this name is configured")
        body = await whole_body(request)
        asked = _asked(known, request, body)
        with traces.span("webhook", request.headers.get(traces.HEADER, ""), sender=known.name):
            kept = await run_in_threadpool(self._store, asked)
        if kept.body_digest != asked.delivery.body_digest:
            raise HTTPException(409, "a delivery of this id came before, with another body")
        if self.starter is not None:
            self.starter.wake()
        return {"delivery": kept.delivery_id, "state": "ignored" if asked.ignored_because else "stored"}

    def _store(self, asked: Received) -> WebhookDelivery:
        kept = store_delivery(self.access.opened(), asked.delivery, asked.ignored_because)
        keep_trace(self.access.opened(), of_webhook(kept.sender, kept.delivery_id))
        return kept


def _asked(sender: KnownSender, request: Request, body: bytes) -> Received:
    try:
        return received(sender, _single_headers(request), body, utc_now())
    except NotSigned as why:
        raise HTTPException(401, f"not proved: {why}") from None
    except BadBody as why:
        raise HTTPException(400, f"the body {why}") from None
    except DoesNotFit as why:
        raise HTTPException(422, f"the body does not fit: {why}") from None


def _single_headers(request: Request) -> dict[str, str]:
    """The headers by their names in lower case, without those given more than once: which of them would hold?"""
    names = [name for name, _ in request.headers.items()]
    return {name: value for name, value in request.headers.items() if names.count(name) == 1}
