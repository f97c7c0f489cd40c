"""`python -m decisionloop.cli.prefect_server FD`: Prefect's own server on a socket that the parent process has opened.

It says `ready` on standard output when it answers, and ends when standard input does: however the parent ends, with
kill -9 too, it leaves no server behind.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
import threading
from collections.abc import Callable

from decisionloop.imports import leave_out_iri_grammar, uncollected


def main(socket_number: int) -> None:
    """Serve until the parent is gone."""
    leave_out_iri_grammar()
    with uncollected():
        import uvicorn
        from prefect.server.api.server import create_app

        app = create_app(ephemeral=True, final=True)

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            print("ready", flush=True)

    server = Server(uvicorn.Config(app, log_level="error", lifespan="on"))

    def leave_with_parent() -> None:
        sys.stdin.buffer.read()
        server.should_exit = True

    say_nothing_of_leaving(lambda: server.should_exit)
    threading.Thread(target=leave_with_parent, daemon=True).start()
    server.run([socket.socket(fileno=socket_number)])


def say_nothing_of_leaving(is_leaving: Callable[[], bool]) -> None:
    """Keep off the terminal what a server that leaves cancels by itself, and each of its services tells of as an error.

    Every other error is said, and so is whatever is cancelled before.
    """

    def is_news(record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        return not (is_leaving() and isinstance(error, asyncio.CancelledError))

    for handler in logging.getLogger().handlers:
        handler.addFilter(is_news)


if __name__ == "__main__":
    main(int(sys.argv[1]))
