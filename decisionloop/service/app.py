"""The HTTP interface: which address does what. What is done is in the modules that are called."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from decisionloop.report.record.explained import ExplainedDecision
from decisionloop.service.answer_times import AnswerTimes
from decisionloop.service.configuration import ServiceFile
from decisionloop.service.deciding import Answers, OnlineUseCase
from decisionloop.service.decision_bodies import schemas_of
from decisionloop.service.express import ExpressApplication, ExpressRoute
from decisionloop.service.keys import KnownKeys, Requires, caller_of
from decisionloop.service.ledger_access import LedgerAccess
from decisionloop.service.loop_metrics import LoopMetrics
from decisionloop.service.outcomes import OutcomeRows, OutcomesAnswer, take_outcomes
from decisionloop.service.page.routes import add_pages
from decisionloop.service.problems import problems
from decisionloop.service.request_log import RequestLog
from decisionloop.service.sealing import Sealer
from decisionloop.service.secret_values import KnownSender
from decisionloop.service.starting import Starter
from decisionloop.service.unreadable import add_unreadable, why_unread
from decisionloop.service.webhooks import Webhooks
from decisionloop.stream.answers import Answer
from decisionloop.stream.decider import Decider

if TYPE_CHECKING:
    from decisionloop.service.workers import Bell

PROMETHEUS = "text/plain; version=1.0.0; charset=utf-8"

IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key with the same body is answered the same.",
    "schema": {"type": "string", "pattern": r"^[\x21-\x7e]{1,255}$"},
}


_ANY_OBJECT = {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}


class Ready(BaseModel):
    """Whether requests can be answered, and why not, or not for every use case."""

    ready: bool
    why_not: str


@dataclass(frozen=True)
class Service:
    """What the routes work with. Without senders there is nothing to start, and no starter.

    ``online``: the use cases that are decided one at a time; ``sealer``: what seals them, None where there are none.
    ``times`` keeps how long answers took, None where nobody is decided.
    ``is_open_without_keys``: this machine is answered also where every API key was revoked. ``secret`` signs what the
    live page hands out, alike in every process. ``unreadable``: use cases whose contract could not be read.
    """

    file: ServiceFile
    senders: dict[str, KnownSender]
    access: LedgerAccess
    starter: Starter | Bell | None
    online: tuple[OnlineUseCase, ...] = ()
    sealer: Sealer | None = None
    is_open_without_keys: bool = False
    times: AnswerTimes | None = None
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    unreadable: tuple[str, ...] = ()

    @cached_property
    def keys(self) -> KnownKeys:
        """Who may do what."""
        return KnownKeys(self.file.keys, self.access, self.is_open_without_keys)

    @property
    def threads(self) -> tuple[Starter | Sealer | AnswerTimes | Decider, ...]:
        """What runs beside the requests, in the order in which it begins."""
        kept = () if self.times is None else (self.times,)
        return (*(one.decider for one in self.online), *kept, *self.once)

    @property
    def once(self) -> tuple[Starter | Sealer, ...]:
        """What an installation needs once, however many processes answer."""
        return tuple(one for one in (self.starter, self.sealer) if isinstance(one, Starter | Sealer))


def create_app(service: Service) -> FastAPI:
    """The application; what runs beside it begins and ends with it."""

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        for one in service.threads:
            one.begin()
        yield
        for one in reversed(service.threads):
            one.end()
        service.access.close()

    # The pages that FastAPI would show load their script from another site.
    told: dict[str, Any] = {"title": "decisionloop", "lifespan": life, "docs_url": None, "redoc_url": None}
    app = ExpressApplication(_express(service), **told)
    app.add_middleware(RequestLog)
    _add_health(app, service)
    _add_webhooks(app, service)
    _add_decisions(app, service)
    for one in service.online:
        _add_online(app, service, one)
    add_unreadable(app, service.keys, service.unreadable)
    _add_schemas(app, service)
    add_pages(app, service.keys, service.access, service.secret)
    return app


def _express(service: Service) -> dict[str, ExpressRoute]:
    requires = Requires(service.keys, "decide")
    return {(path := _decisions_of(one)): ExpressRoute(path, requires, one.decide) for one in service.online}


def _decisions_of(one: OnlineUseCase) -> str:
    return f"/v1/{one.use_case.name}/decisions"


def _add_health(app: FastAPI, service: Service) -> None:
    loops = LoopMetrics(service.access)

    @app.get("/health")
    def health() -> dict[str, str]:
        """The process is alive."""
        return {"status": "alive"}

    @app.get("/ready", response_model=Ready, responses={503: {"model": Ready, "description": "It is not ready."}})
    def ready() -> JSONResponse:
        """Whether deliveries can be stored, decisions made and read; 503 says why not."""
        why_not = service.access.why_not_ready()
        for one in service.online:
            why_not = why_not or one.decider.why_not_ready()
        unread = why_unread(service.unreadable)
        if unread and not service.online:
            why_not = why_not or unread
        # Whom the others can decide is decided: one contract takes no machine from behind its load balancer.
        told = {"ready": not why_not, "why_not": why_not or unread}
        return JSONResponse(told, status_code=503 if why_not else 200)

    @app.get(
        "/metrics",
        dependencies=[Depends(Requires(service.keys, "read"))],
        response_class=Response,
        responses={200: {"content": {PROMETHEUS: {"schema": {"type": "string"}}}}, **problems(401, 403)},
    )
    def metrics() -> Response:
        """Deliveries by state, and the loop of every use case, for Prometheus."""
        from decisionloop.service.metrics import metrics_text

        return Response(metrics_text(service.access, service.senders, loops), media_type=PROMETHEUS)


def _add_webhooks(app: FastAPI, service: Service) -> None:
    webhooks = Webhooks(service.senders, service.access, service.starter)

    @app.post(
        "/v1/webhooks/{sender}",
        status_code=202,
        responses=problems(400, 401, 404, 409, 413, 422, 503),
        openapi_extra={"requestBody": _ANY_OBJECT},
    )
    async def take_in(sender: str, request: Request) -> dict[str, str]:
        """Prove, store and answer; what it asks for is started after that."""
        return await webhooks.take_in(sender, request)


def _add_decisions(app: FastAPI, service: Service) -> None:
    @app.get(
        "/v1/{use_case}/decisions/{decision_id}",
        dependencies=[Depends(Requires(service.keys, "read"))],
        responses={200: {"model": ExplainedDecision}, **problems(401, 403, 404, 422, 503)},
    )
    def decision(use_case: str, decision_id: str, request: Request) -> Response:
        """One decision from its features to its money; who looked at it is kept."""
        from decisionloop.service.decisions import decision_json

        told = decision_json(service.access, use_case, decision_id, caller_of(request))
        if told is None:
            raise HTTPException(404, "this use case has no such decision")
        return Response(told, media_type="application/json")


def _add_online(app: FastAPI, service: Service, one: OnlineUseCase) -> None:
    name, bodies = one.use_case.name, one.bodies

    @app.post(
        _decisions_of(one),
        name=f"decide {name}",
        summary=one.use_case.title,
        description=one.use_case.description,
        dependencies=[Depends(Requires(service.keys, "decide"))],
        openapi_extra={
            "requestBody": _body_of(bodies.one.__name__, bodies.many.__name__),
            "parameters": [IDEMPOTENCY_KEY],
        },
        responses={200: {"model": Answer | Answers}, **problems(400, 401, 403, 409, 413, 415, 422, 500, 503)},
    )
    async def decide(request: Request) -> Response:
        return Response(await one.decide(request), media_type="application/json")

    @app.post(
        f"/v1/{name}/outcomes",
        name=f"outcomes of {name}",
        summary="What became of decisions",
        dependencies=[Depends(Requires(service.keys, "outcome"))],
        openapi_extra={"requestBody": _body_of("OutcomeRows")},
        responses={200: {"model": OutcomesAnswer}, **problems(400, 401, 403, 413, 415, 422, 503)},
    )
    async def outcomes(request: Request) -> Response:
        """Keep what became of decisions, for the next reading; tells of each row what it will be."""
        return await take_outcomes(one, request)


def _body_of(*models: str) -> dict[str, Any]:
    """A body that one of these models reads, as an OpenAPI page tells it."""
    schemas = [{"$ref": f"#/components/schemas/{model}"} for model in models]
    return {"required": True, "content": {"application/json": {"schema": {"anyOf": schemas}}}}


def _add_schemas(app: FastAPI, service: Service) -> None:
    """Let the OpenAPI page tell the features of every use case: requests are read by models of their own."""
    made = app.openapi

    def told() -> dict[str, Any]:
        page = made()
        schemas = page.setdefault("components", {}).setdefault("schemas", {})
        for one in service.online:
            schemas.update(one.bodies.schemas())
        schemas.update(schemas_of(OutcomeRows))
        return page

    app.openapi = told  # type: ignore[method-assign]
