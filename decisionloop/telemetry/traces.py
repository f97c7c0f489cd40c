"""Spans of OpenTelemetry, where an exporter is named (`OTEL_EXPORTER_OTLP_ENDPOINT`); else nothing, and no import.

The provider is this process's own and not the global one: what libraries would tell of their work, such as the text of
an error, goes nowhere.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
HEADER = "traceparent"
"""The W3C header, and our label of a flow run, that carries a trace on."""
EXPORT_SECONDS = 5.0
"""How long a collector that is away may hold up the end of a process."""


def is_on() -> bool:
    """Whether spans are exported."""
    return any(os.environ.get(name) for name in ENDPOINTS)


@contextmanager
def span(name: str, parent: str = "", queued_in: str = "", **about: str) -> Iterator[None]:
    """A span around what is done within; of an error it keeps the type. ``parent``: a traceparent from elsewhere.

    Within a span ``parent`` is left out of account; outside of any, what was ``queued_in`` a trace is its child, else
    linked to it. ``about``: ids of a run, use case, batch or release, never a row.
    """
    if not is_on():
        yield
        return
    from opentelemetry.trace import Link, Status, StatusCode, get_current_span

    with (
        _provider(os.getpid())
        .get_tracer("decisionloop")
        .start_as_current_span(
            f"decisionloop {name}",
            context=None if here() else _context(parent or queued_in),
            links=[Link(get_current_span(_context(queued_in)).get_span_context())] if queued_in else None,
            attributes={f"decisionloop.{key}": value for key, value in about.items() if value},
            record_exception=False,
            set_status_on_exception=False,
        ) as current
    ):
        try:
            yield
        except BaseException as error:
            current.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise


@contextmanager
def part(name: str) -> Iterator[None]:
    """A span of what is done within another one; outside of any there is none."""
    if is_on() and here():
        with span(name):
            yield
    else:
        yield


def here() -> str:
    """The traceparent of the present span, to be kept or sent; "" outside of any."""
    if not is_on():
        return ""
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carried: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carried)
    return carried.get(HEADER, "")


def headers() -> dict[str, str]:
    """The header that carries the trace to whoever is asked; none outside of any span."""
    found = here()
    return {HEADER: found} if found else {}


def _context(parent: str) -> Context | None:
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    return TraceContextTextMapPropagator().extract({HEADER: parent}) if parent else None


@lru_cache(maxsize=2)
def _provider(_process: int) -> TracerProvider:
    """What this process's spans go through; a fork has another one, for threads that export do not go with it."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": "decisionloop"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(timeout=EXPORT_SECONDS)))
    return provider


def flush() -> None:
    """Send what waits, at most as long as `EXPORT_SECONDS`; the end of a process does so by itself."""
    if is_on():
        _provider(os.getpid()).force_flush(int(EXPORT_SECONDS * 1_000))
