"""The small use cases, new or with some weeks behind them; every test has a copy of its own, to damage.

Their tests run in two processes, each of which lives the first weeks: in one those of a model on trial and of moments
within a turn (the group ``trial``), in the other most of the rest (``loop``).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from itertools import count
from pathlib import Path

import pandas as pd
import pytest
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from decisionloop.release_rehearsal import Rehearsal
from tests.engines import ON_ONE
from tests.small_use_case import as_of, write_offers, write_small
from tests.tasks.installation import STALE_SHOPS, Installation, copy, working_in
from tests.tasks.moment import CHUNK_ROWS, PART_ROWS, PARTS, RAMP, UNATTAINABLE, Moment, on_engine

Restored = Callable[[str], AbstractContextManager[Installation]]
LIVES_ON_EITHER_ENGINE = ("waiting_life", "chunked_life")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Lives on SQLite come before any on PostgreSQL: one at a time is kept, and each change would live it anew."""
    items.sort(key=_begins_on_postgresql)


def _begins_on_postgresql(item: pytest.Item) -> bool:
    given = getattr(item, "callspec", None)
    return given is not None and any(given.params.get(life) == "postgresql" for life in LIVES_ON_EITHER_ENGINE)


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A life of ``small``, saved after each of its first weeks.

    MLflow's tables are made before, which takes it seconds: lives that go on from here and learn find them.

    ``begun``: the rules have decided. ``shadowed``: their outcomes are known, and a first model has come into shadow.
    ``modelled``: it has shadowed a batch and is champion from the next one on.
    """
    root = tmp_path_factory.mktemp("saved")
    written = write_small(root / "new" / "usecases")
    for week, name in enumerate(("begun", "shadowed", "modelled")):
        with working_in(root / "new", written) as installation:
            assert week > 0 or not installation.workspace.registry.versions("small")
            installation.turn(week)
        copy(root / "new", root / name)
    return root


@pytest.fixture
def restored(saved: Path, tmp_path: Path) -> Restored:
    """Work with a copy of a saved moment; a test may do so several times, one after the other."""
    numbers = count()

    def restore(name: str) -> AbstractContextManager[Installation]:
        folder = tmp_path / f"{name}-{next(numbers)}"
        return working_in(folder, copy(saved / name, folder))

    return restore


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Installation]:
    """``small``, and nothing has happened yet."""
    with working_in(tmp_path, write_small(tmp_path / "usecases")) as installation:
        yield installation


@pytest.fixture
def fast_mlflow(saved: Path, tmp_path: Path) -> None:
    """Begin with MLflow's tables made, which takes it seconds."""
    (tmp_path / "home").mkdir(exist_ok=True)
    shutil.copy(saved / "modelled" / "home" / "mlflow.db", tmp_path / "home")


@pytest.fixture
def offers(fast_mlflow: None, tmp_path: Path) -> Iterator[Installation]:
    """``offers``, and nothing has happened yet."""
    with working_in(tmp_path, write_offers(tmp_path / "usecases")) as installation:
        yield installation


@pytest.fixture
def begun(restored: Restored) -> Iterator[Installation]:
    """Week 0 is over."""
    with restored("begun") as installation:
        yield installation


@pytest.fixture
def shadowed(restored: Restored) -> Iterator[Installation]:
    """Weeks 0 and 1 are over."""
    with restored("shadowed") as installation:
        yield installation


@pytest.fixture
def modelled(restored: Restored) -> Iterator[Installation]:
    """Weeks 0 to 2 are over."""
    with restored("modelled") as installation:
        yield installation


@pytest.fixture(scope="session", params=ON_ONE)
def waiting_life(
    request: pytest.FixtureRequest, saved: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Moment]:
    """A model stands in shadow and has scored a batch there; no step of a ramp has let it decide. On either engine."""
    with on_engine(request.param, saved / "begun", tmp_path_factory.mktemp("waiting") / "life", request) as moment:
        with moment.work() as life:
            life.contract(canary={"steps": []})
            life.turn(1)
            life.contract(gate={"minimum_effective_n": UNATTAINABLE})
            life.turn(2)
            life.contract(canary={"steps": RAMP})
        yield moment


@pytest.fixture
def waiting(waiting_life: Moment, tmp_path: Path) -> Iterator[Installation]:
    """A model stands in shadow, and may be let decide."""
    with waiting_life.copied(tmp_path / "waiting") as moment, moment.work() as installation:
        yield installation


@pytest.fixture
def at_once(monkeypatch) -> None:
    """No process of its own is started: what the release does there is another test's."""
    found = Rehearsal(("turnover", "debt", "trade"), 200, 0.0, 0.1, 100)
    monkeypatch.setattr("tasks.release.checks_before.rehearse", lambda asked: found)


@pytest.fixture(scope="session", params=ON_ONE)
def chunked_life(
    request: pytest.FixtureRequest, saved: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Moment]:
    """Weeks 0 to 2 are over, a model is champion, and actions leave in small chunks. On either engine."""
    with on_engine(request.param, saved / "modelled", tmp_path_factory.mktemp("chunked") / "life", request) as moment:
        with moment.work() as life:
            life.contract(actuator={"kind": "file", "chunk_rows": CHUNK_ROWS})
            assert life.ledger.is_sqlite == (request.param == "sqlite")
        yield moment


@pytest.fixture(scope="session")
def predicted_life(chunked_life: Moment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moment]:
    """Week 3 is scored as well, in parts."""
    with chunked_life.copied(tmp_path_factory.mktemp("predicted") / "life") as moment:
        with pytest.MonkeyPatch.context() as patch, moment.work() as life:
            patch.setenv(PARTS, PART_ROWS)
            life.predict(3)
        yield moment


@pytest.fixture
def cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in parts, so that there is something between the first and the last."""
    monkeypatch.setenv(PARTS, PART_ROWS)


@pytest.fixture
def predicted(predicted_life: Moment, cut: None, tmp_path: Path) -> Iterator[Installation]:
    """Week 3 is scored as well, the ledger on either engine."""
    with predicted_life.copied(tmp_path / "predicted") as moment, moment.work() as installation:
        yield installation


@pytest.fixture(scope="session")
def tried_life(waiting_life: Moment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moment]:
    """Week 3 is scored, a model being on trial for a quarter; in parts, the ledger on either engine."""
    with waiting_life.copied(tmp_path_factory.mktemp("tried") / "life") as moment:
        with pytest.MonkeyPatch.context() as patch, moment.work() as life:
            patch.setenv(PARTS, PART_ROWS)
            life.contract(actuator={"kind": "file", "chunk_rows": CHUNK_ROWS})
            life.learn(2)
            life.predict(3)
        yield moment


@pytest.fixture
def tried(tried_life: Moment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    """Week 3 is scored, a model being on trial."""
    monkeypatch.setenv(PARTS, PART_ROWS)
    with tried_life.copied(tmp_path / "tried") as moment, moment.work() as installation:
        yield installation


@pytest.fixture
def unfair(modelled: Installation) -> Installation:
    """Weeks 0 to 2 are over, and in week 3 the model will hardly lend to women."""
    modelled.treat_women_badly()
    return modelled


@pytest.fixture(scope="session")
def week_three(saved: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model has decided week 3, knowing of some shops only what they showed a week before."""

    def without_news(history: pd.DataFrame) -> pd.DataFrame:
        return history.drop(history.index[pd.to_datetime(history["seen_at"]) == as_of(3)][STALE_SHOPS])

    folder = tmp_path_factory.mktemp("week_three") / "life"
    with working_in(folder, copy(saved / "modelled", folder)) as life:
        life.written.change("history.csv", without_news)
        life.predict(3)
        life.act(3)
        life.observe(3)
    return folder


@pytest.fixture
def decided(week_three: Path, tmp_path: Path) -> Iterator[Installation]:
    """Weeks 0 to 3 are over; no outcome of week 3 is known."""
    with working_in(tmp_path / "decided", copy(week_three, tmp_path / "decided")) as installation:
        yield installation


@pytest.fixture
def no_server() -> Iterator[None]:
    """Prefect is told of a server that is not there, so that it starts none of its own to look for a channel."""
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api", PREFECT_CLIENT_MAX_RETRIES: 0}):
        yield
