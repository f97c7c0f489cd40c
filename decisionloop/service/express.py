"""The shortest way to what is asked most: requests for decisions, past the middleware and routing of all else.

The routes stand in the application as well, for the page that tells of them. What answers is the same function.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.exception_handlers import http_exception_handler
from starlette.types import Receive, Scope, Send

from decisionloop.service.keys import Requires
from decisionloop.service.request_log import answer_for, log_request


@dataclass(frozen=True)
class ExpressRoute:
    """A path without parameters that is posted to: whom it admits, and what answers with JSON text.

    ``path`` is what is logged.
    """

    path: str
    requires: Requires
    answer: Callable[[Request], Awaitable[bytes]]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, and log it. Whatever fails is answered: nothing was sent before."""
        begun, request = time.perf_counter(), Request(scope, receive)
        try:
            await self.requires(request)
            content = await self.answer(request)
        except HTTPException as refused:
            answer = await http_exception_handler(request, refused)
        except Exception as error:
            answer = answer_for(error)
        else:
            await _send_json(send, content)
            log_request(scope, self.path, 200, begun)
            return
        await answer(scope, receive, send)
        log_request(scope, self.path, answer.status_code, begun)


async def _send_json(send: Send, content: bytes) -> None:
    length = (b"content-length", b"%d" % len(content))
    headers = [length, (b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": content})


class ExpressApplication(FastAPI):
    """An application that answers posts to some paths before anything else looks at them."""

    def __init__(self, express: Mapping[str, ExpressRoute], **told: Any) -> None:
        super().__init__(**told)
        self._express = express

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer by the express route, or as any application does."""
        is_post = scope["type"] == "http" and scope["method"] == "POST"
        route = self._express.get(scope["path"]) if is_post else None
        if route is None:
            await super().__call__(scope, receive, send)
        else:
            await route(scope, receive, send)
