"""The shortest way to what is asked most: requests for decisions, past the routing of every other address.

The routes stand in the application as well, for the page that tells of them. What answers is the same function.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from fastapi import HTTPException, Request, Response
from fastapi.exception_handlers import http_exception_handler
from starlette.types import ASGIApp, Receive, Scope, Send

from decisionloop.service.keys import Requires


@dataclass(frozen=True)
class ExpressRoute:
    """A path without parameters that is posted to: whom it admits, and what answers. ``path`` is what is logged."""

    path: str
    requires: Requires
    answer: Callable[[Request], Awaitable[Response]]


class Express:
    """Answers posts to these paths itself, and leaves everything else to the application."""

    def __init__(self, app: ASGIApp, routes: Mapping[str, ExpressRoute]) -> None:
        self.app, self.routes = app, routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let the application do so."""
        route = self.routes.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        if route is None:
            await self.app(scope, receive, send)
            return
        scope["route"] = route
        request, answer = Request(scope, receive), None
        try:
            await route.requires(request)
            answer = await route.answer(request)
        except HTTPException as refused:
            answer = await http_exception_handler(request, refused)
        await answer(scope, receive, send)
