"""Worlds to be killed in, one on each engine, and the option that says how often."""

from __future__ import annotations

import functools
import multiprocessing
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

from tests.crash.databases import InHome, OnServer
from tests.crash.disturbing import Undisturbed, live
from tests.crash.harness import Database, World
from tests.crash.receiving import receiver
from tests.crash.turn import PRELOADED
from tests.crash.usecase import NAME, write_use_case

DEFAULT_KILLS = 12
ENGINES = ("sqlite", "postgresql")
QUIET = {
    # With a key and no address of a server, Prefect emits no events and starts no server to take them.
    "PREFECT_API_KEY": "none",
    "DO_NOT_TRACK": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "OMP_NUM_THREADS": "1",
}


IN_ONE_PROCESS = pytest.mark.xdist_group("crash")
"""What all worlds need loaded takes half a minute of a core, and is loaded once."""


def kills_owed(config: pytest.Config) -> int:
    """How many random kills the suite owes, both engines together."""
    return int(config.getoption("kills", DEFAULT_KILLS))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--kills``; pytest takes it where tests/crash is named on its command line."""
    parser.addoption("--kills", type=int, default=DEFAULT_KILLS, help="how often tests/crash kills the loop at random")


@pytest.fixture(scope="session")
def kills(request: pytest.FixtureRequest) -> int:
    """How many random kills the suite owes, both engines together."""
    return kills_owed(request.config)


@pytest.fixture(scope="session")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkServerContext]:
    """Makes processes that share nothing with this one and have everything heavy loaded already."""
    context = multiprocessing.get_context("forkserver")
    forkserver._forkserver._stop()  # one that other tests have started has loaded other modules
    context.set_forkserver_preload(list(PRELOADED))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PREFECT_HOME", str(tmp_path_factory.mktemp("prefect")))
        patch.delenv("PREFECT_API_URL", raising=False)
        for name, value in QUIET.items():
            patch.setenv(name, value)
        forkserver.ensure_running()
    yield context
    forkserver._forkserver._stop()


@dataclass(frozen=True)
class Lived:
    """A world with the days saved that runs begin from, and how each of them went without kills."""

    world: World
    undisturbed: dict[str, Undisturbed]


@pytest.fixture(scope="session")
def lived(
    request: pytest.FixtureRequest, processes: ForkServerContext, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Lived]:
    """Gives the world of an engine; its life is lived once."""

    @functools.cache
    def on(engine: str) -> Lived:
        folder = tmp_path_factory.mktemp(f"world-{engine}")
        home, saved = folder / "home", folder / "saved"
        home.mkdir()
        with receiver(home / "actions.jsonl") as port:
            write_use_case(saved / "usecases" / NAME, f"http://127.0.0.1:{port}/actions")
            world = World(home, saved, _database(request, engine, home), port, processes)
            return Lived(world, live(world))

    return on


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """Which kind of database keeps the ledger."""
    return str(request.param)


@pytest.fixture
def world(engine: str, lived: Callable[[str], Lived]) -> World:
    """An installation on one engine, with the days saved that runs begin from."""
    return lived(engine).world


@pytest.fixture
def undisturbed(engine: str, lived: Callable[[str], Lived]) -> dict[str, Undisturbed]:
    """Each day as it goes without kills, by its name."""
    return lived(engine).undisturbed


def _database(request: pytest.FixtureRequest, engine: str, home: Path) -> Database:
    if engine == "sqlite":
        return InHome(f"sqlite:///{home / 'ledger.db'}")
    database = OnServer(request.getfixturevalue("postgres_server"), "crash")
    database.create()
    return database
