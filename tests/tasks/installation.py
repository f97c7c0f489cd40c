"""An installation of one use case whose turns are run by the bodies of the real flows and tasks, without Prefect."""

from __future__ import annotations

import importlib
import inspect
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FunctionType, SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from prefect import Flow, Task
from sqlalchemy import select

from decisionloop import workspace as workspaces
from decisionloop.ledger import schema
from decisionloop.ledger.batches import batch_id_of, batch_state
from decisionloop.ledger.decisions import decisions_of_batch
from decisionloop.ledger.storage.engine import Ledger, create_or_upgrade
from decisionloop.ledger.verdicts import Verdict, verdicts
from decisionloop.workspace import Workspace, open_workspace
from tests.small_use_case import Written, as_of, batch_id, settings_of

# Clocks and stopwatches differ between two lives.
CLOCKS = ["decided_at", "latency_ms"]
# With these no guardrail halts a batch: what remains are the monitors.
UNGUARDED = {"maximum_feature_shift": 1, "maximum_score_shift": 1, "action_share": {"lend": [0, 1]}}
STALE_SHOPS = slice(0, 120)
"""Shops of which nothing new had come when the model first decided."""


@dataclass
class Installation:
    """A use case, the home that it runs in, and every event that was emitted."""

    folder: Path
    written: Written
    events: list[dict[str, Any]] = field(default_factory=list)

    def treat_women_badly(self) -> None:
        """In week 3 men have no debt and women much of it, and nothing but adverse impact stops a model."""
        self.contract(guardrails=UNGUARDED, gate={"minimum_impact_ratio": 0.8})
        self.written.set("debt", 9.5, 3, slice(1, None, 2))
        self.written.set("debt", 0.5, 3, slice(0, None, 2))

    @property
    def workspace(self) -> Workspace:
        """The use case, opened as the tasks open it."""
        return open_workspace(self.written.name)

    @property
    def ledger(self) -> Ledger:
        """Its ledger."""
        return self.workspace.ledger

    def contract(self, **sections: object) -> None:
        """Change sections of the contract; a process started from now on reads it."""
        self.written.contract(**sections)
        _forget_workspaces()

    def tell_when_it_happened(self) -> None:
        """From now on the source says of every outcome that it happened five days after its decision."""
        happened = {"happened_on": lambda outcomes: outcomes["decided_at"] + pd.Timedelta(days=5)}
        self.written.change("outcomes.parquet", lambda outcomes: outcomes.assign(**happened))
        self.contract(outcome={"happened_at": "happened_on"})

    def predict(self, week: int) -> str:
        """Freeze, validate and score the batch of a week."""
        told: str = _body("predict")(self.written.name, as_of(week))
        return told

    def act(self, week: int) -> int:
        """Decide it and send its actions."""
        sent: int = _body("act")(self.written.name, self.batch(week))
        return sent

    def observe(self, week: int) -> None:
        """Take in outcomes and measure."""
        _body("observe")(self.written.name, as_of(week))

    def learn(self, week: int) -> str:
        """Review, and retrain if a trigger says so."""
        told: str = _body("learn")(self.written.name, as_of(week))
        return told

    def retrain(self, week: int, **asked: object) -> str:
        """Retrain, if there is a reason to."""
        told: str = _body("retrain")(self.written.name, as_of(week), **asked)
        return told

    def turn(self, week: int) -> None:
        """The whole loop, once."""
        self.predict(week)
        self.act(week)
        self.observe(week)
        self.learn(week)

    def batch(self, week: int) -> str:
        """The id of a week's batch."""
        return batch_id(week, self.written.name)

    def state(self, week: int) -> str | None:
        """The state of a week's batch."""
        return batch_state(self.ledger, self.batch(week))

    def state_of(self, moment: datetime) -> str | None:
        """The state of the batch of a moment."""
        return batch_state(self.ledger, batch_id_of(self.written.name, moment))

    def decisions(self, week: int) -> pd.DataFrame:
        """The decisions of a week by entity, without clocks."""
        return decisions_of_batch(self.ledger, self.batch(week)).drop(columns=CLOCKS)

    def tables(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every table."""
        with self.ledger.connect() as connection:
            return {
                name: sorted(map(tuple, connection.execute(select(table))), key=repr)
                for name, table in schema.metadata.tables.items()
            }

    def sent(self) -> list[str]:
        """Every line of every file that left the house."""
        files = sorted((self.folder / "home" / "outbox").rglob("*.jsonl"))
        return [line for file in files for line in file.read_text().splitlines()]

    def looks(self) -> list[Verdict]:
        """The gate's verdicts on what came into shadow; each training also has candidates that did not."""
        shadowed = schema.release_event.c.release_id, schema.release_event.c.stage == "shadow"
        with self.ledger.connect() as connection:
            known = set(connection.execute(select(shadowed[0]).where(shadowed[1])).scalars())
        return [one for one in verdicts(self.ledger, self.written.name) if one.challenger_id in known]

    def announced(self, name: str) -> list[dict[str, Any]]:
        """The events of a name, for instance ``batch.halted``."""
        return [event for event in self.events if event["event"] == f"decisionloop.{name}"]


@contextmanager
def working_in(folder: Path, written: Written, ledger_url: str = "") -> Iterator[Installation]:
    """Work with what is in ``folder``; what would be emitted as an event is kept instead.

    A ledger that is not there yet begins as a copy of an empty one, whose tables were made once.
    """
    installation = Installation(folder, written)
    if not ledger_url and not (ledger := folder / "home" / "ledger.db").exists():
        ledger.parent.mkdir(parents=True, exist_ok=True)
        ledger.write_bytes(_empty_ledger())
    with settings_of(folder), pytest.MonkeyPatch.context() as patch:
        if ledger_url:
            patch.setenv("DECISIONLOOP_LEDGER_URL", ledger_url)
        patch.setattr("tasks.tell.announcements.emit_event", lambda **event: installation.events.append(event))
        try:
            yield installation
        finally:
            installation.ledger.close()
            _forget_workspaces()


@cache
def _empty_ledger() -> bytes:
    """A SQLite file with the ledger's tables."""
    with TemporaryDirectory() as folder:
        file = Path(folder, "ledger.db")
        create_or_upgrade(f"sqlite:///{file}").close()
        return file.read_bytes()


def copy(saved: Path, folder: Path) -> Written:
    """Copy an installation that nobody works with; returns its one use case."""
    shutil.copytree(saved, folder)
    (use_case,) = (folder / "usecases").iterdir()
    return Written(use_case)


def run_flow(name: str, *arguments: Any, **more: Any) -> Any:
    """Run the body of a flow, its tasks called as plain functions."""
    return _body(name)(*arguments, **more)


def run_task(module: str, name: str, *arguments: Any) -> Any:
    """Run the body of a task."""
    return getattr(importlib.import_module(module), name).fn(*arguments)


def _body(name: str) -> Callable[..., Any]:
    """The body of a flow, its tasks called as plain functions."""
    flow = inspect.unwrap(getattr(importlib.import_module(f"flows.{name}"), name).fn)
    bodies = {name: found.fn for name, found in flow.__globals__.items() if isinstance(found, Task)}
    bodies |= {
        name: SimpleNamespace(fn=_body(found.name))
        for name, found in flow.__globals__.items()
        if isinstance(found, Flow) and inspect.unwrap(found.fn) is not flow
    }
    return FunctionType(flow.__code__, {**flow.__globals__, **bodies}, flow.__name__, flow.__defaults__)


def _forget_workspaces() -> None:
    workspaces._open.cache_clear()
