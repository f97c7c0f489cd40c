"""A real HTTP receiver that misbehaves as told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pandas as pd
import pytest

from decisionloop.dispatch.messages import OutgoingAction
from decisionloop.dispatch.receiver import Receiver, open_server


@dataclass
class Misbehaving:
    """A server that answers each request by the next of ``script`` (its last for ever), and what it was sent.

    ``ok``; ``slow`` carries out but answers too late; ``cut`` carries out and hangs up; ``trickle`` answers a byte at a
    time and never ends; a number is that status, and a pair a status and what it says, with `Retry-After` as a header.
    """

    url: str
    script: list[str | int | tuple[int, dict[str, object]]]
    requests: list[tuple[str, bytes]] = field(default_factory=list)


@pytest.fixture
def misbehaving_server(tmp_path: Path) -> Iterator[Callable[..., Misbehaving]]:
    servers: list[ThreadingHTTPServer] = []

    def start(*script: str | int, receiver: Receiver) -> Misbehaving:
        server = open_server(receiver, 0)
        told = Misbehaving(f"http://127.0.0.1:{server.server_address[1]}/actions", list(script))
        _interpose(server, told)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return told

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def _interpose(server: ThreadingHTTPServer, told: Misbehaving) -> None:
    ordinary: type[BaseHTTPRequestHandler] = server.RequestHandlerClass  # type: ignore[assignment]

    class Handler(ordinary):  # type: ignore[valid-type, misc]
        def setup(self) -> None:
            super().setup()
            self.wire = self.rfile

        def parse_request(self) -> bool:
            is_read = super().parse_request()
            if is_read and self.command == "POST":
                body = self.wire.read(int(self.headers["Content-Length"]))
                told.requests.append((self.headers["Idempotency-Key"], body))
                self.rfile = _Body(body, self.wire)
            return is_read

        def _answer(self, status: int, content: dict[str, object]) -> None:
            what = told.script.pop(0) if len(told.script) > 1 else told.script[0]
            if what == "slow":
                time.sleep(1.2)
            if what == "cut":
                self.close_connection = True
                self.connection.close()
                return None
            if what == "trickle":
                self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
                with suppress(OSError):
                    for _ in range(1000):
                        self.wfile.write(b" ")
                        time.sleep(0.02)
                self.close_connection = True
                return None
            if isinstance(what, tuple):
                status, content = what
            if isinstance(what, int):
                status, content = what, {"error": f"told to answer {what}"}
            self.retry_after = content.pop("Retry-After", None)
            try:
                return super()._answer(status, content)
            except OSError:  # the client did not wait
                return None

        def end_headers(self) -> None:
            if getattr(self, "retry_after", None) is not None:
                self.send_header("Retry-After", str(self.retry_after))
            super().end_headers()

    server.RequestHandlerClass = Handler


class _Body:
    """What was read already, then the connection."""

    def __init__(self, body: bytes, connection: object) -> None:
        self.body, self.connection = body, connection

    def read(self, length: int) -> bytes:
        return self.body[:length]

    def __getattr__(self, name: str) -> object:
        return getattr(self.connection, name)


@pytest.fixture(scope="session")
def make_messages() -> Callable[[int], list[OutgoingAction]]:
    """Messages of one batch."""

    def make(count: int) -> list[OutgoingAction]:
        as_of = pd.Timestamp("2005-07-08", tz="UTC")
        return [
            OutgoingAction(f"{i:032x}", "offers", f"c{i}", as_of, "mail", '{"text": "Zoë", "value": 1.5}')
            for i in range(count)
        ]

    return make
