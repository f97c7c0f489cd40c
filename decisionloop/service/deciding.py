"""A request for decisions, from its bytes to its answer: read, decided, durable, and only then answered."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from dataclasses import dataclass, field
from typing import Any

from fastapi import HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, ValidationError

from decisionloop.contract import UseCase
from decisionloop.errors import ConfigurationError, ContractError
from decisionloop.ledger.storage.refusals import LedgerRefuses
from decisionloop.service.answer_times import AnswerTimes
from decisionloop.service.bodies import BadBody, read_object
from decisionloop.service.decision_bodies import DecisionBodies
from decisionloop.service.handing_over import HandingOver
from decisionloop.service.request_body import json_body
from decisionloop.stream.answers import Answer
from decisionloop.stream.asked import AnotherBody, Asked, Busy, DecidedBefore, TooLongAgo
from decisionloop.stream.decider import Decider
from decisionloop.stream.look_up import LookUp

LOG = logging.getLogger("decisionloop.service")
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_DECISION_IDS = re.compile(r'"decision_id": ?"([0-9a-f]+)"')
"""Those of answers as JSON: a text in it cannot hold such a thing, for its quotes are escaped."""
SHOWN_FAULTS = 5
LARGE_BODY_BYTES = 32_768
"""To read a larger one takes so long that a thread does it: meanwhile others are read and answered."""
LONGEST_SECONDS = 30.0
"""How long a request waits: a ledger that hangs must not keep callers as well. What was begun may still be kept."""


class Answers(BaseModel):
    """Several decisions, in the order in which they were asked."""

    model_config = ConfigDict(frozen=True)

    decisions: list[Answer]


@dataclass(frozen=True)
class OnlineUseCase:
    """A use case that is decided one at a time: how its requests are read, and who decides them."""

    use_case: UseCase
    bodies: DecisionBodies
    decider: Decider
    in_flight: set[str] = field(default_factory=set)
    look_up: LookUp = field(default_factory=LookUp)
    times: AnswerTimes | None = None
    handing_over: HandingOver = field(default_factory=HandingOver)

    async def decide(self, request: Request) -> bytes:
        """Decide; returns the answer as JSON.

        Answers 400 for what is no proper JSON or key, 409 while the same key is in flight and for what was decided as
        of the same moment, 413 and 415 for other bodies, 422 for one that does not fit the contract or for a key that
        came with another body, 503 with Retry-After where it cannot be decided now.
        """
        begun = time.perf_counter()
        key, body = _idempotency_key(request), await json_body(request)
        if len(body) > LARGE_BODY_BYTES:
            is_many, asked = await run_in_threadpool(self._asked, body, key)
        else:
            is_many, asked = self._asked(body, key)
        if key is not None:
            if key in self.in_flight:
                raise HTTPException(409, "a request with this Idempotency-Key is being answered", {"Retry-After": "1"})
            self.in_flight.add(key)
        try:
            text = await self._told(asked)
        finally:
            if key is not None:
                self.in_flight.discard(key)
        content = f'{{"decisions":{text}}}' if is_many else text[1:-1]  # a list of one
        if self.times is not None:
            self.times.tell(_DECISION_IDS.findall(text), 1_000 * (time.perf_counter() - begun))
        return content.encode()

    def _asked(self, body: bytes, key: str | None) -> tuple[bool, Asked]:
        plain = self.bodies.asked_plainly(body, key)
        if plain is not None:
            return False, plain
        try:
            is_many = "decisions" in read_object(body)
            return is_many, self.bodies.asked(body, is_many, key)
        except BadBody as why:
            raise HTTPException(400, f"the body {why}") from None
        except ValidationError as error:
            raise HTTPException(422, faults_of(error)) from None
        except ValueError as error:
            raise HTTPException(422, str(error)) from None

    async def _told(self, asked: Asked) -> str:
        try:
            if any(row.values is None for row in asked.rows):
                asked = await run_in_threadpool(lambda: self.look_up.fill(self.decider.desk(), asked))
            self.decider.ask(asked)
            async with asyncio.timeout(LONGEST_SECONDS):  # unlike `wait_for` it starts no task
                return await self.handing_over.awaited(asked.told)
        except TimeoutError:
            told = "it could not be decided in time; ask again, with the same Idempotency-Key"
            raise HTTPException(503, told, {"Retry-After": "5"}) from None
        except Busy:
            raise HTTPException(503, "too many requests wait; ask again", {"Retry-After": "1"}) from None
        except AnotherBody:
            raise HTTPException(422, "this Idempotency-Key came before with another body") from None
        except TooLongAgo as why:
            raise HTTPException(422, str(why)) from None
        except DecidedBefore:
            told = "somebody in it was decided as of the same moment before; repeat a request with its Idempotency-Key"
            raise HTTPException(409, told) from None
        except ConfigurationError as error:
            LOG.warning("cannot decide now", extra={"detail": str(error)})
            place = f": {error}" if isinstance(error, LedgerRefuses) else "; /ready and the log say why."
            told = f"it cannot be decided now{place} Nothing was decided: ask again."
            raise HTTPException(503, told, {"Retry-After": "5"}) from None
        except ContractError as error:
            # Its text may hold what it failed on.
            places = [f"{one.path}{'' if one.line is None else f', line {one.line}'}" for one in error.faults]
            LOG.error("the rules failed", extra={"detail": f"{error.where}: {'; '.join(places)}"})
            raise HTTPException(500, f"the rules of {self.use_case.name} failed; the log says where") from None


def faults_of(error: ValidationError) -> list[dict[str, Any]]:
    """The first faults of a body: where, and what is wrong there; nothing of what was sent."""
    found = error.errors(include_input=False, include_url=False, include_context=False)
    return [{"where": ".".join(map(str, one["loc"])), "what": one["msg"]} for one in found[:SHOWN_FAULTS]]


def _idempotency_key(request: Request) -> str | None:
    given = [value.decode("latin-1") for name, value in request.scope["headers"] if name == b"idempotency-key"]
    if not given:
        return None
    if len(given) > 1 or not _KEY.fullmatch(given[0]):
        raise HTTPException(400, "send one Idempotency-Key, of 1 to 255 printable characters without spaces")
    return given[0]
