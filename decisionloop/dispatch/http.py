"""Actions leave as POSTed JSON; the receiver drops repeats by decision_id, or whole chunks by Idempotency-Key."""

from __future__ import annotations

import functools
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from queue import Empty, SimpleQueue

import httpx

from decisionloop.dispatch.answers import receipts_of, shown
from decisionloop.dispatch.messages import OutgoingAction, Receipt, chunk_digest
from decisionloop.errors import DeliveryError, DeliveryRefused
from decisionloop.telemetry import traces

_WORTH_REPEATING = frozenset({408, 425, 429})
LONGEST_PAUSE_SECONDS = 30.0
"""A receiver that asks for a longer pause is left alone until the next run."""
LARGEST_ANSWER_BYTES = 16 << 20


@dataclass(frozen=True)
class _Answer:
    status: int
    body: bytes
    retry_after: str


@dataclass(frozen=True)
class HttpActuator:
    """POSTs a chunk as a JSON array; trouble at the receiver is met with a few repeats, a refusal is not.

    ``timeout_seconds`` bounds each attempt, from connecting to the last byte of the answer; pauses between attempts
    double from ``first_pause_seconds``, or are what the receiver asks for. ``authorization``: a header, "" for none.
    """

    url: str
    timeout_seconds: float
    authorization: str = field(default="", repr=False)
    attempts: int = 4
    first_pause_seconds: float = 0.2
    sleep: Callable[[float], None] = time.sleep

    @property
    def longest_seconds(self) -> float:
        """Every attempt as long as it may be, and the pauses between them."""
        return self.attempts * self.timeout_seconds + (self.attempts - 1) * LONGEST_PAUSE_SECONDS

    @functools.cached_property
    def _tls(self) -> ssl.SSLContext:
        """Whom to trust: made once a delivery, because reading every authority takes as long as sending a chunk."""
        return httpx.create_ssl_context()

    def send(self, messages: Sequence[OutgoingAction], batch_id: str, chunk: int) -> tuple[Receipt, ...]:
        """Send one chunk; a receipt for each message, of those too that the receiver refuses.

        Raises DeliveryRefused where it takes none, DeliveryError where it does not acknowledge the chunk at all.
        """
        texts = [message.to_json() for message in messages]
        headers = {"Content-Type": "application/json", "Idempotency-Key": chunk_digest(texts)} | traces.headers()
        if self.authorization:
            headers["Authorization"] = self.authorization
        where = f"batch {batch_id}, chunk {chunk} of {len(texts)} actions to {self.url}"
        with httpx.Client(verify=self._tls, timeout=self.timeout_seconds, follow_redirects=False) as client:
            try:
                request = client.build_request("POST", self.url, content=f"[{','.join(texts)}]", headers=headers)
            except httpx.InvalidURL as error:
                raise DeliveryError(f"{where}: no such URL ({error}). Correct actuator.url.") from error
            answer = self._acknowledged(client, request, where)
        try:
            return receipts_of(messages, answer.status, answer.body)
        except DeliveryRefused as error:
            raise _refused(where, str(error)) from error

    def _acknowledged(self, client: httpx.Client, request: httpx.Request, where: str) -> _Answer:
        trouble, pause = "", 0.0
        for attempt in range(self.attempts):
            if attempt:
                self.sleep(pause)
            pause = self.first_pause_seconds * 2**attempt
            try:
                answer = _in_time(client, request, self.timeout_seconds)
            except httpx.RequestError as error:
                # It may have been carried out all the same: only the receiver can tell, by decision_id.
                trouble = f"{type(error).__name__}: {error}"
                continue
            if 200 <= answer.status < 300:
                return answer
            trouble = f"HTTP {answer.status}: {shown(answer.body)}"
            if answer.status < 500 and answer.status not in _WORTH_REPEATING:
                raise _refused(where, trouble)
            pause = max(pause, _asked_seconds(answer.retry_after))
            if pause > LONGEST_PAUSE_SECONDS:
                trouble += f"; it asks to wait {pause:.0f} s"
                break
        raise DeliveryError(
            f"{where} was not acknowledged in {attempt + 1} attempts (last: {trouble}). Bring the receiver back "
            "or raise DECISIONLOOP_DELIVERY_TIMEOUT_SECONDS, then run the batch again; the actions stay in the "
            "outbox."
        )


def _refused(where: str, trouble: str) -> DeliveryRefused:
    return DeliveryRefused(
        f"{where} was refused ({trouble.rstrip('.')}). Correct actuator.url or what the receiver objects to, then "
        "run the batch again; the actions stay in the outbox."
    )


def _in_time(client: httpx.Client, request: httpx.Request, seconds: float) -> _Answer:
    """The whole answer, or ReadTimeout: each wait of the client is bounded by itself, and a trickle has no end of them.

    The thread of one that is late is left behind, and ends with its connection.
    """
    told: SimpleQueue[_Answer | httpx.RequestError] = SimpleQueue()
    ends = time.monotonic() + seconds
    threading.Thread(target=_ask, args=(client, request, ends, told), daemon=True).start()
    try:
        found = told.get(timeout=seconds)
    except Empty:
        raise httpx.ReadTimeout("no whole answer in time", request=request) from None
    if isinstance(found, Exception):
        raise found
    return found


def _ask(
    client: httpx.Client, request: httpx.Request, ends: float, told: SimpleQueue[_Answer | httpx.RequestError]
) -> None:
    try:
        response = client.send(request, stream=True)
        try:
            body = bytearray()
            for piece in response.iter_bytes():
                body += piece
                if len(body) > LARGEST_ANSWER_BYTES:
                    raise httpx.ReadError(f"an answer of more than {LARGEST_ANSWER_BYTES} bytes", request=request)
                if time.monotonic() > ends:
                    raise httpx.ReadTimeout("no whole answer in time", request=request)
        finally:
            response.close()
        told.put(_Answer(response.status_code, bytes(body), response.headers.get("Retry-After", "")))
    except httpx.RequestError as error:
        told.put(error)
    except Exception as error:  # as when the client was closed meanwhile, and nobody listens any more
        told.put(httpx.RequestError(f"{type(error).__name__}: {error}", request=request))


def _asked_seconds(retry_after: str) -> float:
    """What a `Retry-After` asks for, in seconds or as a date; 0 where it asks for nothing that can be read."""
    try:
        return max(0.0, float(retry_after)) if retry_after else 0.0
    except ValueError:
        pass
    try:
        when = parsedate_to_datetime(retry_after)
    except (TypeError, ValueError):
        return 0.0
    return max(0.0, ((when if when.tzinfo else when.replace(tzinfo=UTC)) - datetime.now(UTC)).total_seconds())
