"""From what is to be said to a page: the story's own design and macros, and headers that let nothing else in."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import ChoiceLoader, Environment, FunctionLoader
from markupsafe import Markup

from decisionloop.ledger.schema import utc_now
from decisionloop.report.page import environment as story_environment
from decisionloop.report.words import latency, live, trying, what_next
from decisionloop.report.words.evidence import promise_sentence
from decisionloop.report.words.legacy import subject_of
from decisionloop.service.page.visitors import TOKEN, Visitor, Visitors

Told = Mapping[str, object]
POLICY = (
    "default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; img-src data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
_WORDS = (
    live.asked_title,
    live.beside_sentences,
    live.decisions_sentence,
    what_next.dates_of,
    live.held_title,
    live.incident_title,
    live.looked_after,
    live.flag_end,
    live.lifting,
    live.moment,
    live.month_sentence,
    live.promised,
    live.scale_of,
    live.serving_now,
    live.stage_words,
    live.waits_sentence,
    live.switch_standing,
    live.who_decides,
    live.ended_switch_sentences,
    promise_sentence,
    subject_of,
    latency.band_name,
    latency.latency_sentences,
    trying.is_untold,
    trying.try_more,
    trying.untold_sentences,
)


@dataclass(frozen=True)
class Pages:
    """Makes pages for visitors."""

    visitors: Visitors

    def page(self, request: Request, visitor: Visitor, template: str, told: Told, status: int = 200) -> HTMLResponse:
        """One page; ``told``: what its template says."""
        nonce = secrets.token_urlsafe(16)
        known: Told = {
            "visitor": visitor,
            "nonce": nonce,
            "token": self.visitors.token_of(visitor) if visitor.session else "",
            "token_field": TOKEN,
            "here": request.url.path,
            "now": utc_now(),
        }
        text = environment().get_template(template).render({**told, **known})
        response = HTMLResponse(text, status, headers=headers(POLICY.format(nonce=nonce)))
        self.visitors.remember(request, visitor, response)
        return response


def story_response(text: str) -> HTMLResponse:
    """A story that was written: its one style sheet is let in, and nothing else; no script could run."""
    nonce = secrets.token_urlsafe(16)
    styled = text.replace("<style>", f'<style nonce="{nonce}">', 1)
    policy = f"default-src 'none'; style-src 'nonce-{nonce}'; base-uri 'none'; form-action 'none'; sandbox"
    return HTMLResponse(styled, headers=headers(f"{policy}; frame-ancestors 'none'"))


def headers(policy: str) -> dict[str, str]:
    """What every page says of itself to the browser: whence it may load, that it is in no frame, and kept nowhere."""
    return {
        "Content-Security-Policy": policy,
        "X-Frame-Options": "DENY",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cache-Control": "no-store",
    }


@cache
def environment() -> Environment:
    """The story's environment with the templates and the words of the live page beside its own."""
    told = story_environment()
    assert told.loader is not None
    made = told.overlay(loader=ChoiceLoader([FunctionLoader(_template), told.loader]))
    made.globals = {**told.globals, **{one.__name__: one for one in _WORDS}, "release_path": release_path}
    return made


def release_path(release_id: str) -> Markup:
    """The address of a release's page."""
    from urllib.parse import quote

    return Markup(f"/releases/{quote(release_id)}")


def _template(name: str) -> str | None:
    source = files("decisionloop.service.page") / "templates" / name
    return source.read_text(encoding="utf-8") if source.is_file() else None
