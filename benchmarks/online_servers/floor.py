"""What durability alone costs: the bare endpoint with a key, which keeps each body on disk before it answers it.

``python FILE PORT URL``, the URL of a database (SQLAlchemy's). It decides nothing. Those who wait together are kept by
one transaction, on a thread of its own; on SQLite with the ledger's own pragmas.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import queue
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI, HTTPException, Request
from sqlalchemy import Engine, create_engine, event, text

from benchmarks.online_servers.bare import Body
from benchmarks.online_servers.ours import KEY
from decisionloop.ledger.storage.sqlite_connections import sqlite_pragmas

KEY_DIGEST = hashlib.sha256(KEY.encode()).hexdigest()
_Waiting = tuple[str, "asyncio.Future[None]"]


def floor_app(url: str) -> FastAPI:
    """The application over a database, in which it makes a table."""
    waiting: queue.SimpleQueue[_Waiting] = queue.SimpleQueue()

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        told = engine_of(url), waiting, asyncio.get_running_loop()
        threading.Thread(target=_keep_for_ever, args=told, daemon=True).start()
        yield

    app = FastAPI(lifespan=life)

    @app.post("/v1/large_batch/decisions")
    async def decide(body: Body, request: Request) -> Body:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(hashlib.sha256(given.encode()).hexdigest(), KEY_DIGEST):
            raise HTTPException(401)
        kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting.put((body.model_dump_json(), kept))
        await kept
        return body

    @app.get("/ready")
    def ready() -> dict[str, bool]:
        return {"ready": True}

    return app


def engine_of(url: str) -> Engine:
    """The database with its table."""
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", sqlite_pragmas("FULL"))
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE kept (body TEXT NOT NULL)"))
    return engine


def _keep_for_ever(engine: Engine, waiting: queue.SimpleQueue[_Waiting], loop: asyncio.AbstractEventLoop) -> None:
    place = "?" if engine.dialect.name == "sqlite" else "%s"
    connection: Any = engine.raw_connection()
    cursor = connection.cursor()
    while True:
        group = [waiting.get()]
        while not waiting.empty():
            group.append(waiting.get())
        cursor.execute("BEGIN IMMEDIATE" if place == "?" else "SELECT 1")
        cursor.executemany(f"INSERT INTO kept (body) VALUES ({place})", [(body,) for body, _ in group])
        connection.commit()
        loop.call_soon_threadsafe(_tell, [kept for _, kept in group])


def _tell(kept: list[asyncio.Future[None]]) -> None:
    for one in kept:
        if not one.done():
            one.set_result(None)


if __name__ == "__main__":
    uvicorn.run(floor_app(sys.argv[2]), port=int(sys.argv[1]), log_level="warning")
