"""Decisions over HTTP a second, and how long one takes: the service, and a bare FastAPI endpoint with a pydantic body.

Both are processes of uvicorn on this machine and are asked by the same client, in turn: at 16 connections for how many
a second, at one connection for the 99th percentile. Ours reads the contract's features strictly, decides by rules,
explains in words and keeps every decision in SQLite, synced to disk, before it answers; the bare one reads the same
body and answers it.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from benchmarks.figures import Figure, Spread
from decisionloop.contract.scaffold import new_use_case

NAME, CONNECTIONS, ROUNDS = "vouchers", 16, 5
START_SECONDS = 300
BARE = """
import sys, uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

class Features(BaseModel):
    days_since_order: float | None = None
    orders_last_year: float | None = None
    channel: str | None = None

class Body(BaseModel):
    entity: str
    features: Features

app = FastAPI()

@app.post("/v1/vouchers/decisions")
async def decide(body: Body) -> Body:
    return body

@app.get("/ready")
def ready() -> dict[str, bool]:
    return {"ready": True}

uvicorn.run(app, port=int(sys.argv[1]), log_level="warning")
"""
FEATURES = {"days_since_order": 20, "orders_last_year": 3, "channel": "web"}


def measure(is_quick: bool) -> Iterator[Figure]:
    """Rounds of each in turn, after one that is not counted."""
    requests, alone, rounds = (160, 50, 1) if is_quick else (1_600, 400, ROUNDS)
    with tempfile.TemporaryDirectory() as folder, _service(Path(folder)) as ours, _bare(Path(folder)) as bare:
        both = {"ours": ours, "bare": bare}
        for port in both.values():
            _rate(port, CONNECTIONS * 4)
        rates: dict[str, list[float]] = {name: [] for name in both}
        slow: dict[str, list[float]] = {name: [] for name in both}
        for _ in range(rounds):
            for name, port in both.items():
                rates[name].append(_rate(port, requests))
                slow[name].append(float(np.percentile(_times(port, alone), 99)) * 1_000)
    beside = "bare endpoint"
    yield Figure(
        f"decisions at {CONNECTIONS} connections", Spread.of(rates["ours"]), "1/s", beside, Spread.of(rates["bare"])
    )
    yield Figure("99th percentile, one connection", Spread.of(slow["ours"]), "ms", beside, Spread.of(slow["bare"]))


def _rate(port: int, requests: int) -> float:
    """Requests a second, each connection asking one after another."""
    started = time.perf_counter()
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        list(pool.map(lambda place: _times(port, requests // CONNECTIONS, place), range(CONNECTIONS)))
    return requests / (time.perf_counter() - started)


def _times(port: int, requests: int, place: int = 0) -> list[float]:
    """How long each of some requests takes on one connection, in seconds."""
    connection, taken = http.client.HTTPConnection("127.0.0.1", port, timeout=60), []
    for number in range(requests):
        body = json.dumps({"entity": f"c{place}-{number}", "features": FEATURES})
        started = time.perf_counter()
        connection.request("POST", f"/v1/{NAME}/decisions", body, {"content-type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        taken.append(time.perf_counter() - started)
        assert answer.status == 200
    connection.close()
    return taken


@contextmanager
def _service(folder: Path) -> Iterator[int]:
    """The service of the skeleton of `decisionloop usecase new`, on a free port."""
    contract = new_use_case(folder / "usecases", NAME) / "usecase.yaml"
    contract.write_text(contract.read_text(encoding="utf-8") + "online: {}\n", encoding="utf-8")
    settings = {"DECISIONLOOP_HOME": str(folder / "home"), "DECISIONLOOP_USECASES_DIR": str(folder / "usecases")}
    port = _free_port()
    with _running([sys.executable, "-m", "decisionloop.cli", "service", "--port", str(port)], port, settings):
        yield port


@contextmanager
def _bare(folder: Path) -> Iterator[int]:
    program, port = folder / "bare.py", _free_port()
    program.write_text(BARE, encoding="utf-8")
    with _running([sys.executable, str(program), str(port)], port, {}):
        yield port


@contextmanager
def _running(command: list[str], port: int, settings: dict[str, str]) -> Iterator[None]:
    """A process that answers on a port; stopped at the end."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DECISIONLOOP_")}
    process = subprocess.Popen(command, env={**kept, **settings}, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _is_ready(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise TimeoutError(f"{' '.join(command)} does not answer.")
            time.sleep(0.2)
        yield
    finally:
        process.terminate()
        process.wait(timeout=60)


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", "/ready")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port
