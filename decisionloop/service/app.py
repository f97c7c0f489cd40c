"""The HTTP interface: which address does what. What is done is in the modules that are called."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse

from decisionloop.service.configuration import ServiceFile
from decisionloop.service.keys import Requires
from decisionloop.service.ledger_access import LedgerAccess
from decisionloop.service.secret_values import KnownSender
from decisionloop.service.starting import Starter
from decisionloop.service.webhooks import Webhooks

LOG = logging.getLogger("decisionloop.service")
PROMETHEUS = "text/plain; version=1.0.0; charset=utf-8"


@dataclass(frozen=True)
class Service:
    """What the routes work with. Without senders there is nothing to start, and no starter."""

    file: ServiceFile
    senders: dict[str, KnownSender]
    access: LedgerAccess
    starter: Starter | None


def create_app(service: Service) -> FastAPI:
    """The application; its starter begins and ends with it."""

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        if service.starter is not None:
            service.starter.begin()
        yield
        if service.starter is not None:
            service.starter.end()
        service.access.close()

    # The pages that FastAPI would show load their script from another site.
    app = FastAPI(title="decisionloop", lifespan=life, docs_url=None, redoc_url=None)
    app.middleware("http")(_log_request)
    _add_health(app, service)
    _add_webhooks(app, service)
    _add_decisions(app, service)
    return app


def _add_health(app: FastAPI, service: Service) -> None:
    @app.get("/health")
    def health() -> dict[str, str]:
        """The process is alive."""
        return {"status": "alive"}

    @app.get("/ready")
    def ready() -> JSONResponse:
        """Whether deliveries can be stored and decisions read; 503 says why not."""
        why_not = service.access.why_not_ready()
        return JSONResponse({"ready": not why_not, "why_not": why_not}, status_code=503 if why_not else 200)

    @app.get("/metrics", dependencies=[Depends(Requires(service.file.keys, "read"))])
    def metrics() -> Response:
        """Deliveries by state, for Prometheus."""
        from decisionloop.service.metrics import metrics_text

        return Response(metrics_text(service.access, service.senders), media_type=PROMETHEUS)


def _add_webhooks(app: FastAPI, service: Service) -> None:
    webhooks = Webhooks(service.senders, service.access, service.starter)

    @app.post("/v1/webhooks/{sender}", status_code=202)
    async def take_in(sender: str, request: Request) -> dict[str, str]:
        """Prove, store and answer; what it asks for is started after that."""
        return await webhooks.take_in(sender, request)


def _add_decisions(app: FastAPI, service: Service) -> None:
    @app.get("/v1/{use_case}/decisions/{decision_id}", dependencies=[Depends(Requires(service.file.keys, "read"))])
    def decision(use_case: str, decision_id: str) -> Response:
        """One decision from its features to its money."""
        from decisionloop.service.decisions import decision_json

        told = decision_json(service.access, use_case, decision_id)
        if told is None:
            raise HTTPException(404, "this use case has no such decision")
        return Response(told, media_type="application/json")


async def _log_request(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """One record a request. It names the route and not the path, in which decisions are named."""
    begun = time.perf_counter()
    try:
        response = await call_next(request)
    except Exception as error:
        response = _answer_for(error)
    route = getattr(request.scope.get("route"), "path", "")
    told = {"method": request.method, "route": route, "status": response.status_code}
    LOG.info("request", extra={**told, "ms": round(1_000 * (time.perf_counter() - begun), 1)})
    return response


def _answer_for(error: Exception) -> JSONResponse:
    """503 where the ledger is away, which ends by itself; 500 for a defect, without its text."""
    from sqlalchemy.exc import SQLAlchemyError

    from decisionloop.errors import ConfigurationError

    if isinstance(error, ConfigurationError | SQLAlchemyError):
        LOG.warning("the ledger cannot be used", extra={"error": type(error).__name__})
        told = {"detail": "the ledger cannot be used; /ready says why. Nothing was stored: send it again."}
        return JSONResponse(told, status_code=503, headers={"Retry-After": "5"})
    LOG.error("a defect", exc_info=error)
    return JSONResponse({"detail": "a defect of decisionloop; its log says where"}, status_code=500)
