"""A mail server and a web service that write down what they are sent."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from json import loads
from typing import Any


@dataclass
class Received:
    """What came in; while it ``is_down`` everything is refused."""

    port: int = 0
    is_down: bool = False
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    posts: list[dict[str, Any]] = field(default_factory=list)


@contextmanager
def mail_server() -> Iterator[Received]:
    """As much of SMTP (RFC 5321) as a sender needs."""
    received = Received()

    class Mail(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"421 closed\r\n" if received.is_down else b"220 ready\r\n")
            while not received.is_down and (line := self.rfile.readline().strip()):
                verb = line[:4].upper()
                if verb == b"DATA":
                    self.wfile.write(b"354 go on\r\n")
                    lines = list(iter(self.rfile.readline, b".\r\n"))
                    received.mails.append(message_from_bytes(b"".join(lines), policy=policy.default))
                elif verb == b"RCPT":
                    received.recipients.append(line.partition(b":")[2].strip(b"<> ").decode())
                self.wfile.write(b"221 bye\r\n" if verb == b"QUIT" else b"250 ok\r\n")

    with _served(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Mail), received):
        yield received


@contextmanager
def web_service() -> Iterator[Received]:
    """Takes every POST of JSON."""
    received = Received()

    class Web(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            if not received.is_down:
                received.posts.append(loads(content))
            self.send_response(503 if received.is_down else 200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing on the terminal."""

    with _served(ThreadingHTTPServer(("127.0.0.1", 0), Web), received):
        yield received


@contextmanager
def _served(server: socketserver.ThreadingTCPServer, received: Received) -> Iterator[None]:
    server.daemon_threads = True
    received.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
