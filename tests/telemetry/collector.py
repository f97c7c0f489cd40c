"""A collector of spans that this process exports to, as OpenTelemetry's own answers it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from decisionloop.telemetry import traces


class Collector(BaseHTTPRequestHandler):
    """Takes spans as a collector does."""

    spans: ClassVar[list[Any]] = []

    def do_POST(self) -> None:
        body = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["content-length"])))
        self.spans.extend(one for r in body.resource_spans for s in r.scope_spans for one in s.spans)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def collecting(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """The spans that it has been told of, while it listens."""
    with HTTPServer(("127.0.0.1", 0), Collector) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        traces._provider.cache_clear()
        Collector.spans.clear()
        yield Collector.spans
        traces.flush()
        traces._provider.cache_clear()
        server.shutdown()
