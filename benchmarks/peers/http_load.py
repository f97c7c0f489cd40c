"""A client that asks one HTTP server as fast as it answers, on one thread and without a library: it is no bottleneck.

A process of its own (nothing of decisionloop is imported here), the same for every server that is compared:
``python -m benchmarks.peers.http_load PORT CONNECTIONS SECONDS FILE`` sends the requests of a file, whole and one a
line of base64, over and over. Each connection asks again as soon as it was answered. Prints JSON: ``seconds``, and each
request's ``latencies`` in seconds, in the order of their answers; ends with code 1 at an answer that is not 200.
"""

from __future__ import annotations

import base64
import itertools
import json
import re
import selectors
import socket
import sys
import time
from pathlib import Path

_LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)
_BUFFER = 65_536


class Connection:
    """One connection with at most one request on its way."""

    def __init__(self, port: int) -> None:
        self._port, self._request, self._got, self._sent_at = port, b"", b"", 0.0
        self.socket = self._opened()

    def _opened(self) -> socket.socket:
        opened = socket.create_connection(("127.0.0.1", self._port), timeout=60)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return opened

    def ask(self, request: bytes) -> None:
        """Send a request."""
        self._request, self._sent_at = request, time.perf_counter()
        self.socket.sendall(request)

    def answered(self) -> float | None:
        """Read what is there: how long the answer took, in seconds; None while it is not whole."""
        more = self.socket.recv(_BUFFER)
        if not more:
            raise ConnectionResetError("the server closed the connection")
        self._got += more
        if not _is_whole(self._got):
            return None
        if not self._got.startswith(b"HTTP/1.1 200"):
            raise ConnectionError(self._got[:2_000].decode(errors="replace"))
        self._got = b""
        return time.perf_counter() - self._sent_at

    def ask_again(self) -> None:
        """On another connection, as HTTP lets a server close one that it believes to be idle."""
        if self._got:
            raise ConnectionError("the server closed the connection in the middle of an answer")
        self.socket.close()
        self.socket = self._opened()
        self.socket.sendall(self._request)


def _is_whole(answer: bytes) -> bool:
    head, end, body = answer.partition(b"\r\n\r\n")
    found = _LENGTH.search(head)
    if found is not None:
        return bool(end) and len(body) >= int(found[1])
    return body.endswith(b"0\r\n\r\n")


def load(port: int, connections: int, seconds: float, sent: list[bytes]) -> tuple[float, list[float]]:
    """Ask for ``seconds``: how long it took to the last answer, and how long each took."""
    bodies, selector = itertools.cycle(sent), selectors.DefaultSelector()
    opened = [Connection(port) for _ in range(connections)]
    for one in opened:
        selector.register(one.socket, selectors.EVENT_READ, one)
    begun, latencies, waiting = time.perf_counter(), [], connections
    for one in opened:
        one.ask(next(bodies))
    while waiting:
        for ready, _ in selector.select():
            taken = _read(selector, ready.data)
            if taken is None:
                continue
            latencies.append(taken)
            if time.perf_counter() - begun < seconds:
                ready.data.ask(next(bodies))
            else:
                waiting -= 1
    taken_in_all = time.perf_counter() - begun
    for one in opened:
        one.socket.close()
    return taken_in_all, latencies


def _read(selector: selectors.BaseSelector, one: Connection) -> float | None:
    try:
        return one.answered()
    except ConnectionResetError:
        selector.unregister(one.socket)
        one.ask_again()
        selector.register(one.socket, selectors.EVENT_READ, one)
        return None


if __name__ == "__main__":
    lines = Path(sys.argv[4]).read_text().splitlines()
    told = load(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), [base64.b64decode(one) for one in lines])
    print(json.dumps({"seconds": told[0], "latencies": told[1]}))
