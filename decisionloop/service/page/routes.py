"""Which address of the live page shows or does what."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute
from sqlalchemy.exc import SQLAlchemyError

from decisionloop.errors import ConfigurationError, UsageError
from decisionloop.service.keys import KnownKeys
from decisionloop.service.ledger_access import LedgerAccess
from decisionloop.service.page.acts import ACTS, Asked
from decisionloop.service.page.forms import form_of, required
from decisionloop.service.page.refusals import Refused
from decisionloop.service.page.visitors import Visitor, Visitors, signed_out

if TYPE_CHECKING:
    from decisionloop.service.page.rendering import Pages
    from decisionloop.service.page.telling import Telling

LOG = logging.getLogger("decisionloop.service")


class PageRoute(APIRoute):
    """A route that says in a page, too, that the ledger is away."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, with Refused in place of what it raises then."""
        handle = super().get_route_handler()

        async def handled(request: Request) -> Response:
            try:
                return await handle(request)
            except (ConfigurationError, SQLAlchemyError) as error:
                LOG.warning("the ledger cannot be used", extra={"error": type(error).__name__})
                told = "The ledger cannot be used; /ready says why. Nothing was done: try again in a while."
                raise Refused(503, told) from error

        return handled


def add_pages(app: FastAPI, keys: KnownKeys, access: LedgerAccess, secret: bytes) -> None:
    """Let the application show the live page, and do what is asked for from it; ``secret`` signs what it hands out."""
    visitors, router = Visitors(keys, secret), APIRouter(route_class=PageRoute, include_in_schema=False)
    _add_looking(router, visitors, access)
    _add_searching(router, visitors, access)
    _add_acting(router, visitors, access)
    _add_signing_in(router, visitors)
    app.router.routes.extend(router.routes)

    @app.exception_handler(Refused)
    def refused(request: Request, error: Refused) -> Response:  # not async: it may have to wait for the ledger
        visitor = error.visitor or _visitor_or_nobody(visitors, request)
        response = _pages(visitors).page(request, visitor, "refused.html.j2", {"error": error}, error.status)
        if error.status == 503:
            response.headers["Retry-After"] = "5"
        return response


def _add_looking(router: APIRouter, visitors: Visitors, access: LedgerAccess) -> None:
    @router.get("/")
    def home(request: Request) -> Response:
        """Every use case that the ledger knows."""
        visitor, telling = visitors.admitted(request, "read"), _telling(access)
        told = {"every": telling.every(), "not_begun": telling.not_begun(), "rereads": _rereads(request)}
        return _pages(visitors).page(request, visitor, "home.html.j2", told)

    @router.get("/use-cases/{name}")
    def use_case(name: str, request: Request) -> Response:
        """More of one use case."""
        visitor, telling = visitors.admitted(request, "read"), _telling(access)
        told = {"live": telling.one(name), "has_story": telling.story_of(name) is not None}
        told |= {"rereads": _rereads(request)}
        return _pages(visitors).page(request, visitor, "use_case.html.j2", told)

    @router.get("/use-cases/{name}/story")
    def story(name: str, request: Request) -> Response:
        """The last written story, as it was written."""
        from decisionloop.service.page.rendering import story_response

        visitor, telling = visitors.admitted(request, "read"), _telling(access)
        path = telling.story_of(name)
        if path is None:
            raise Refused(404, f"No story of {name} was written yet: `decisionloop story {name}` does.", visitor)
        return story_response(path.read_text(encoding="utf-8"))

    @router.get("/releases/{release_id:path}")
    def release(release_id: str, request: Request) -> Response:
        """One release."""
        visitor, telling = visitors.admitted(request, "read"), _telling(access)
        return _pages(visitors).page(request, visitor, "release.html.j2", {"told": telling.release(release_id)})

    @router.get("/decisions/{decision_id}")
    def decision(decision_id: str, request: Request) -> Response:
        """One decision, to be printed."""
        from decisionloop.report.page import drawings, paragraphs

        visitor = visitors.admitted(request, "read")
        found = _telling(access).decision(decision_id, visitor.name)
        told = {"story": found.story, "say": paragraphs(found.story), "draw": drawings(found.story)}
        return _pages(visitors).page(request, visitor, "one_decision.html.j2", {"found": found, **told})


def _add_searching(router: APIRouter, visitors: Visitors, access: LedgerAccess) -> None:
    @router.get("/decisions")
    def search(request: Request) -> Response:
        """The search form, and what it finds."""
        from decisionloop.service.page.telling import MOST_FOUND, sought_by

        visitor, telling = visitors.admitted(request, "read"), _telling(access)
        form = {name: value for name, value in request.query_params.items() if "\0" not in value}
        case, found = telling.found(sought_by(form)) if form.get("use_case") else (None, ())
        told = {"names": telling.names(), "form": form, "case": case, "found": found, "most": MOST_FOUND}
        return _pages(visitors).page(request, visitor, "decisions.html.j2", told)


def _add_acting(router: APIRouter, visitors: Visitors, access: LedgerAccess) -> None:
    def add(name: str) -> None:
        act = ACTS[name]

        @router.post(f"/use-cases/{{name}}/{name}", name=name)
        async def do(name: str, request: Request) -> Response:
            """Do it, and show the use case as it is then."""
            visitor = await run_in_threadpool(visitors.admitted, request, act.scope)
            form = await form_of(request)
            visitors.require_token(request, visitor, form)
            by = required({"by": visitor.who(form.get("by", ""))}, "by", "who you are")
            reason = required(form, "reason", "why")

            def done() -> None:
                asked = Asked(_telling(access).known(name), by, reason, form, access.settings.usecases_dir)
                act.do(access.opened(), asked)

            try:
                await run_in_threadpool(done)
            except UsageError as error:
                raise Refused(409, f"Nothing was done: {error}", visitor) from error
            return _see(f"/use-cases/{name}")

    for name in ACTS:
        add(name)


def _add_signing_in(router: APIRouter, visitors: Visitors) -> None:
    @router.post("/sign-in")
    async def sign_in(request: Request) -> Response:
        """Sign in with a key, and show what was to be seen."""
        visitor, form = await run_in_threadpool(visitors.of, request), await form_of(request)
        visitors.require_token(request, visitor, form)
        known = await run_in_threadpool(visitors.signed_in, visitor, required(form, "key", "your key"))
        response = _see(_own_path(form.get("next", "")))
        visitors.remember(request, known, response)
        return response

    @router.post("/sign-out")
    async def sign_out(request: Request) -> Response:
        """Forget who it was."""
        visitor, form = await run_in_threadpool(visitors.of, request), await form_of(request)
        visitors.require_token(request, visitor, form)
        response = _see("/")
        visitors.remember(request, signed_out(visitor), response)
        return response


def _visitor_or_nobody(visitors: Visitors, request: Request) -> Visitor:
    """Who it is that something is refused; nobody, whose page shows nothing, where even that is."""
    try:
        return visitors.of(request)
    except Refused:
        return Visitor("")


def _rereads(request: Request) -> bool:
    """Whether the page is to be read again every minute, which takes a script; without it a link does."""
    return request.query_params.get("every") == "minute"


def _own_path(text: str) -> str:
    """An address of this site to go to next; the first page for anything else."""
    is_own = text.startswith("/") and not text.startswith("//") and "\\" not in text and text.isprintable()
    return text if is_own else "/"


def _see(path: str) -> RedirectResponse:
    """Go and see; reading that page again does nothing a second time."""
    return RedirectResponse(path, 303, headers={"Cache-Control": "no-store"})


def _pages(visitors: Visitors) -> Pages:
    from decisionloop.service.page.rendering import Pages

    return Pages(visitors)


def _telling(access: LedgerAccess) -> Telling:
    from decisionloop.service.page.telling import Telling

    return Telling(access)
