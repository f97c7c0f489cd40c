"""One record a request, and an answer to what no route answered for: 503 for what can be mended, 500 for a defect.

Plain ASGI, for it is passed by every request: Starlette's own middleware by functions starts a task and a stream each.
"""

from __future__ import annotations

import logging
import time

from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOG = logging.getLogger("decisionloop.service")


class RequestLog:
    """Logs each request with its route, status and milliseconds; not its path, in which decisions are named."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the application answer, or answer for it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun, status = time.perf_counter(), 0

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except Exception as error:
            answer = answer_for(error)
            if status:  # it has begun to answer, and cannot take that back
                raise
            await answer(scope, receive, watched)
        log_request(scope, getattr(scope.get("route"), "path", ""), status, begun)


def log_request(scope: Scope, route: str, status: int, begun: float) -> None:
    """The record of a request that began at ``begun`` (`time.perf_counter`) and was answered just now."""
    ms = round(1_000 * (time.perf_counter() - begun), 1)
    LOG.info("request", extra={"method": scope["method"], "route": route, "status": status, "ms": ms})


def answer_for(error: Exception) -> JSONResponse:
    """503 where the ledger or a contract cannot be used, which can be mended; 500 for a defect, without its text."""
    from sqlalchemy.exc import SQLAlchemyError

    from decisionloop.errors import ConfigurationError
    from decisionloop.ledger.storage.refusals import refusal_sentences

    if isinstance(error, ConfigurationError | SQLAlchemyError):
        why = refusal_sentences(error) if isinstance(error, SQLAlchemyError) else str(error)
        LOG.warning("the ledger or a contract cannot be used", extra={"error": type(error).__name__, "detail": why})
        told = {
            "detail": "the ledger or a contract cannot be used; /ready says why. Nothing was stored: send it again."
        }
        return JSONResponse(told, status_code=503, headers={"Retry-After": "5"})
    LOG.error("a defect", exc_info=error)
    return JSONResponse({"detail": "a defect of decisionloop; its log says where"}, status_code=500)
