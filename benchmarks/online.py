"""Decisions a second over HTTP, and how long one takes: our service, a bare FastAPI endpoint, MLflow and BentoML.

Ours decides by a model of 200 trees on 20 features with another in shadow, gives exact reasons in words, checks an API
key, reads the contract's features strictly and keeps every decision in the ledger, synced to disk, before it answers.
The bare endpoint reads the same body with pydantic and answers it. What is kept on disk alone does so too, but for a
key, and after a commit, one for those who wait together: no service that promises that can be faster. MLflow and
BentoML score one row with the champion's pipeline, and do nothing else. All are processes on this machine, asked in
turn by the same client in a process of its own: 16 connections say how many a second, one the 99th percentile.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import Figure, Spread
from benchmarks.online_servers.ours import ours
from benchmarks.online_servers.peers import bare, bentoml, floor, mlflow
from benchmarks.online_servers.server import Load, Server
from benchmarks.peers.environment import PeersUnavailable
from benchmarks.postgresql import postgresql

CONNECTIONS, ROUNDS, WARM_UP_SECONDS = 16, 5, 2.0
OF_BARE, OF_MLFLOW, P99_OF_BARE = 0.6, 15.0, 3.0
BARE, MLFLOW, BENTOML = "bare endpoint", "mlflow models serve", "BentoML"
ENGINES = ("SQLite", "PostgreSQL")
FLOORS = {engine: f"kept on disk alone, {engine}" for engine in ENGINES}


@dataclass(frozen=True)
class _Measured:
    """What one server came to in every round."""

    together: tuple[Load, ...]
    alone: tuple[Load, ...]

    @property
    def rate(self) -> Spread:
        return Spread.of([one.rate for one in self.together])

    @property
    def p99(self) -> Spread:
        return Spread.of([one.p99 for one in self.alone])

    @property
    def cpu(self) -> Spread:
        return Spread.of([one.cpu_ms for one in self.together])


def measure(is_quick: bool) -> Iterator[Figure]:
    """Rounds of each in turn, after one that is not counted; then of ours and the bare endpoint with two workers."""
    rounds, seconds = (1, 2.0) if is_quick else (ROUNDS, 5.0)
    with tempfile.TemporaryDirectory(prefix="decisionloop-benchmark-") as name, postgresql() as new_database:
        folder = Path(name)
        with ExitStack() as stack:
            servers = {
                "SQLite": stack.enter_context(ours(folder / "sqlite")),
                "PostgreSQL": stack.enter_context(ours(folder / "postgresql", new_database())),
                BARE: stack.enter_context(bare(folder)),
                FLOORS["SQLite"]: stack.enter_context(floor(folder, f"sqlite:///{folder}/floor.db")),
                FLOORS["PostgreSQL"]: stack.enter_context(floor(folder, new_database())),
            }
            missing = _enter_peers(stack, folder, servers)
            measured = _rounds(servers, rounds, seconds)
        yield from _figures(measured, missing)
        with ExitStack() as stack:
            servers = {
                "SQLite": stack.enter_context(ours(folder / "sqlite-2", workers=2)),
                "PostgreSQL": stack.enter_context(ours(folder / "postgresql-2", new_database(), workers=2)),
                BARE: stack.enter_context(bare(folder, workers=2)),
            }
            yield from _of_two_workers(_rounds(servers, rounds, seconds))


def _enter_peers(stack: ExitStack, folder: Path, servers: dict[str, Server]) -> dict[str, str]:
    """Start the peers that are to be had; returns why the others are not."""
    missing = {}
    for name, start in ((MLFLOW, mlflow), (BENTOML, bentoml)):
        try:
            servers[name] = stack.enter_context(start(folder))
        except (PeersUnavailable, TimeoutError) as why:
            missing[name] = str(why)
    return missing


def _rounds(servers: dict[str, Server], rounds: int, seconds: float) -> dict[str, _Measured]:
    """Everybody in turn, so that what else the machine does falls on all of them."""
    together: dict[str, list[Load]] = {name: [] for name in servers}
    alone: dict[str, list[Load]] = {name: [] for name in servers}
    for server in servers.values():
        server.load(CONNECTIONS, WARM_UP_SECONDS)
    for _ in range(rounds):
        for name, server in servers.items():
            together[name].append(server.load(CONNECTIONS, seconds))
            alone[name].append(server.load(1, seconds))
    return {name: _Measured(tuple(together[name]), tuple(alone[name])) for name in servers}


def _figures(measured: dict[str, _Measured], missing: dict[str, str]) -> Iterator[Figure]:
    beside = measured[BARE]
    for engine in ENGINES:
        own, what = measured[engine], f"decisions at {CONNECTIONS} connections, {engine}"
        least = measured[FLOORS[engine]]
        yield Figure(what, own.rate, "1/s", BARE, beside.rate, OF_BARE, "higher", True)
        for name, goal in ((MLFLOW, OF_MLFLOW), (BENTOML, None)):
            peer = measured.get(name)
            rate, why = (None, missing.get(name, "")) if peer is None else (peer.rate, "")
            yield Figure(what, own.rate, "1/s", name, rate, goal, "higher", goal is not None, why)
        yield Figure(what, own.rate, "1/s", FLOORS[engine], least.rate)
        yield Figure(f"p99 at one connection, {engine}", own.p99, "ms", BARE, beside.p99, P99_OF_BARE, "lower", True)
        yield Figure(f"p99 at one connection, {engine}", own.p99, "ms", FLOORS[engine], least.p99)
        yield Figure(f"processor time of a decision, {engine}", own.cpu, "ms", BARE, beside.cpu)
        yield Figure(f"processor time of a decision, {engine}", own.cpu, "ms", FLOORS[engine], least.cpu)
        yield Figure(f"{FLOORS[engine]}: requests at {CONNECTIONS} connections", least.rate, "1/s", BARE, beside.rate)
        yield Figure(f"{FLOORS[engine]}: p99 at one connection", least.p99, "ms", BARE, beside.p99)


def _of_two_workers(measured: dict[str, _Measured]) -> Iterator[Figure]:
    for engine in ENGINES:
        what = f"decisions at {CONNECTIONS} connections, 2 workers, {engine}"
        yield Figure(what, measured[engine].rate, "1/s", f"{BARE}, 2 workers", measured[BARE].rate)
