"""Lives batch after batch in this process, by the bodies of the real flows, and says what each batch took."""

from __future__ import annotations

import importlib
import inspect
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from types import FunctionType, SimpleNamespace
from typing import Any

from benchmarks.many_batches.fixed_work import fixed_work_seconds

NAME = "many_batches"
FIRST = datetime(2020, 1, 6, tzinfo=UTC)
"""A Monday so long ago that 200 weeks of it lie in the past: a batch that is still to come is refused."""
FILES = ("usecase.yaml", "features.py", "rules.py", "source.py")
TURN = ("predict", "act", "observe", "learn")


@dataclass(frozen=True)
class TurnTaken:
    """What one turn took: CPU seconds by flow (``chain``: the audit), memory and stored bytes after it.

    ``statements``: how many the ledger was asked. ``is_trained``: whether a model was trained in it, which costs what
    a training costs. ``fixed_work``: CPU seconds that the same small work took beside it (`many_batches.fixed_work`).
    """

    seconds: dict[str, float]
    resident_bytes: int
    stored_bytes: int
    statements: int
    is_trained: bool
    fixed_work: float

    @property
    def cpu(self) -> float:
        """CPU seconds of the whole turn."""
        return sum(self.seconds.values())


def as_of(number: int) -> datetime:
    """The as-of of a batch, counted from 0."""
    return FIRST + timedelta(weeks=number)


def install(home: str) -> None:
    """Write the use case into ``home`` and let this process work there; before Prefect is imported."""
    write_use_case(home, NAME)
    work_in(home)


def write_use_case(home: str, name: str) -> Path:
    """Write the use case under a name into ``home``; returns its folder."""
    folder = Path(home) / "usecases" / name
    folder.mkdir(parents=True, exist_ok=True)
    for file in FILES:
        shutil.copy(Path(__file__).parent / file, folder)
    return folder


def work_in(home: str) -> None:
    """Let this process work in ``home``; before Prefect is imported."""
    from decisionloop.cli.environment import use_private_prefect

    os.environ |= {"DECISIONLOOP_HOME": home, "DECISIONLOOP_USECASES_DIR": str(Path(home) / "usecases")}
    use_private_prefect(Path(home))
    importlib.import_module("tasks.tell.announcements").emit_event = lambda **_event: None  # nobody listens


def live(home: str, count: int) -> list[dict[str, Any]]:
    """Run ``count`` turns, one after another, and return a `TurnTaken` of each."""
    install(home)
    return [asdict(one_turn(number)) for number in range(count)]


def one_turn(number: int) -> TurnTaken:
    """One turn, and what it took."""
    asked = _counted_statements()
    before = len(asked)
    beside = fixed_work_seconds()
    seconds = turn_of(NAME, number)
    statements = len(asked) - before
    beside = (beside + fixed_work_seconds()) / 2
    return TurnTaken(seconds, _resident(), _stored(), statements, _trained(as_of(number)), beside)


def turn_of(use_case: str, number: int) -> dict[str, float]:
    """Predict, act, observe, learn, and the audit's chain: CPU seconds of each."""
    at, batch, seconds = as_of(number), "", {}
    for name in TURN:
        clock = time.process_time()
        given = batch if name == "act" else at
        told = body_of_flow(name)(use_case, given)
        batch = told if name == "predict" else batch
        seconds[name] = time.process_time() - clock
    clock = time.process_time()
    body_of_task("tasks.tell.notices", "deliver_notices")(use_case)
    body_of_task("tasks.seal.chain", "chain_what_is_new")(use_case)
    seconds["chain"] = time.process_time() - clock
    return seconds


def body_of_task(module: str, name: str) -> Callable[..., Any]:
    """The plain function of a task."""
    body: Callable[..., Any] = getattr(importlib.import_module(module), name).fn
    return body


def body_of_flow(name: str) -> Callable[..., Any]:
    """The plain function of a flow, the tasks and flows in it plain functions as well."""
    from prefect import Flow, Task

    flow = inspect.unwrap(getattr(importlib.import_module(f"flows.{name}"), name).fn)
    known = flow.__globals__
    plain: dict[str, Any] = {key: found.fn for key, found in known.items() if isinstance(found, Task)}
    for key, found in known.items():
        if isinstance(found, Flow) and inspect.unwrap(found.fn) is not flow:
            plain[key] = SimpleNamespace(fn=body_of_flow(found.name))
    return FunctionType(flow.__code__, {**known, **plain}, flow.__name__, flow.__defaults__)


@cache
def _counted_statements() -> list[None]:
    """One for each statement that this process has sent to its ledger since it was asked first."""
    from sqlalchemy import event

    from decisionloop.workspace import open_workspace

    found: list[None] = []
    event.listen(open_workspace(NAME).ledger.engine, "before_cursor_execute", lambda *_: found.append(None))
    return found


def _resident() -> int:
    import psutil

    return int(psutil.Process().memory_info().rss)


def _stored() -> int:
    home = Path(os.environ["DECISIONLOOP_HOME"])
    return sum(file.stat().st_size for file in home.rglob("*") if file.is_file())


def _trained(at: datetime) -> bool:
    from sqlalchemy import select

    from decisionloop.ledger.schema import training_set
    from decisionloop.workspace import open_workspace

    made = select(training_set.c.training_set_id).where(training_set.c.as_of == at).limit(1)
    with open_workspace(NAME).ledger.connect() as connection:
        return connection.execute(made).first() is not None
