"""Actions leave as POSTed JSON; the receiver drops repeats by decision_id, or whole chunks by Idempotency-Key."""

from __future__ import annotations

import functools
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import httpx

from decisionloop.dispatch.messages import OutgoingAction, Receipt, chunk_digest, delivered
from decisionloop.errors import DeliveryError
from decisionloop.telemetry import traces

_WORTH_REPEATING = frozenset({408, 425, 429})
_SHOWN_CHARACTERS = 300


@dataclass(frozen=True)
class HttpActuator:
    """POSTs a chunk as a JSON array; trouble at the receiver is met with a few repeats, a refusal is not.

    ``timeout_seconds`` bounds each wait for the receiver; pauses between attempts double from
    ``first_pause_seconds``.
    """

    url: str
    timeout_seconds: float
    attempts: int = 4
    first_pause_seconds: float = 0.2
    sleep: Callable[[float], None] = time.sleep

    @property
    def longest_seconds(self) -> float:
        """Every attempt as long as it may be, and the pauses between them."""
        return self.attempts * self.timeout_seconds + self.first_pause_seconds * (2 ** (self.attempts - 1) - 1)

    @functools.cached_property
    def _tls(self) -> ssl.SSLContext:
        """Whom to trust: made once a delivery, because reading every authority takes as long as sending a chunk."""
        return httpx.create_ssl_context()

    def send(self, messages: Sequence[OutgoingAction], batch_id: str, chunk: int) -> tuple[Receipt, ...]:
        """Send one chunk. Raises DeliveryError unless the receiver acknowledged it with 2xx."""
        texts = [message.to_json() for message in messages]
        headers = {"Content-Type": "application/json", "Idempotency-Key": chunk_digest(texts)} | traces.headers()
        where = f"batch {batch_id}, chunk {chunk} of {len(texts)} actions to {self.url}"
        with httpx.Client(verify=self._tls, timeout=self.timeout_seconds, follow_redirects=False) as client:
            try:
                request = client.build_request("POST", self.url, content=f"[{','.join(texts)}]", headers=headers)
            except httpx.InvalidURL as error:
                raise DeliveryError(f"{where}: no such URL ({error}). Correct actuator.url.") from error
            response = self._acknowledged(client, request, where)
        return delivered(messages, f"HTTP {response.status_code}")

    def _acknowledged(self, client: httpx.Client, request: httpx.Request, where: str) -> httpx.Response:
        trouble = ""
        for attempt in range(self.attempts):
            if attempt:
                self.sleep(self.first_pause_seconds * 2 ** (attempt - 1))
            try:
                response = client.send(request)
            except httpx.RequestError as error:
                # It may have been carried out all the same: only the receiver can tell, by decision_id.
                trouble = f"{type(error).__name__}: {error}"
                continue
            if response.is_success:
                return response
            trouble = f"HTTP {response.status_code}: {response.text[:_SHOWN_CHARACTERS]}"
            if response.status_code < 500 and response.status_code not in _WORTH_REPEATING:
                raise DeliveryError(
                    f"{where} was refused ({trouble}). Correct actuator.url or what the receiver objects to, then "
                    "run the batch again; the actions stay in the outbox."
                )
        raise DeliveryError(
            f"{where} was not acknowledged in {self.attempts} attempts (last: {trouble}). Bring the receiver back "
            "or raise DECISIONLOOP_DELIVERY_TIMEOUT_SECONDS, then run the batch again; the actions stay in the "
            "outbox."
        )
