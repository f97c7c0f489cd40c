"""What runs in the process that is killed: one turn of the loop, by the bodies of the real flows and tasks.

No Prefect server takes part. What was done is the ledger's business alone (docs/adr/0003), so the tasks are called as
plain functions, in the order and with the branching that the flows have.
"""

from __future__ import annotations

import faulthandler
import importlib
import os
import secrets
import signal
import tempfile
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from tests.crash.usecase import NAME

HANGING_SECONDS = 100
"""A turn that takes longer hangs, and writes to the file ``HUNG`` where."""
HUNG = "hung.txt"
FLOWS = ("predict", "act", "observe", "retrain", "learn")
# Loaded before the first turn, so that a process that is killed at once costs little.
PRELOADED = (
    "tests.crash.turn",
    "flows.loop",
    "decisionloop.dispatch.http",
    "decisionloop.learn.binning",
    "decisionloop.ledger.storage.append_only",
    "decisionloop.ledger.storage.migrate",
    "decisionloop.predict.scorer.scorer",
    "decisionloop.sources.files",
    "decisionloop.sources.full_information",
    "adbc_driver_postgresql.dbapi",
    "alembic.command",
    "alembic.migration",
    "fsspec.implementations.chained",
    "git",
    "great_expectations",
    "mlflow.pyfunc",
    "mlflow.sklearn",
    "mlflow.store.db.utils",
    "mlflow.store.model_registry.sqlalchemy_workspace_store",
    "mlflow.store.tracking.sqlalchemy_workspace_store",
    "mlflow.tracing.export",
    "mlflow.tracing.export.utils",
    "mlflow.tracing.processor.otel",
    "narwhals._pandas_like.group_by",
    "narwhals._pandas_like.namespace",
    "narwhals.stable.v1",
    "pandas.core.arrays.arrow.extension_types",
    "psycopg",
    "skops.io",
    "sqlalchemy.dialects.postgresql.psycopg",
    "tests.crash.warm",
)


@dataclass(frozen=True)
class Stop:
    """A place where the process sends itself a signal: before or after the n-th call of a function (or method)."""

    module: str
    function: str
    when: str
    call: int = 1
    signal: int = signal.SIGKILL

    def __str__(self) -> str:
        return f"{self.when}-{self.module.rpartition('.')[2]}.{self.function}-{self.call}"


@dataclass(frozen=True)
class Order:
    """What a process is to do: ``environment`` holds its settings, and it works in ``folder``.

    ``is_naming_at_random`` gives decisions random ids instead of ids that are a function of what is decided.
    """

    environment: dict[str, str]
    folder: str
    as_of: datetime
    flows: Sequence[str]
    stop: Stop | None = None
    is_naming_at_random: bool = False


def run_turn(order: Order, report: Connection) -> None:
    """Run one turn, saying on ``report`` as each step begins and ends, and what is acknowledged as decided."""
    os.environ.update(order.environment)
    os.chdir(order.folder)
    tempfile.tempdir = order.folder
    hung = os.open(Path(order.folder, HUNG), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    faulthandler.dump_traceback_later(HANGING_SECONDS - 5, file=hung)
    try:
        if order.is_naming_at_random:
            _name_at_random()
        if order.stop:
            _install(order.stop)
        _call_flows(order, report)
    except Exception:
        report.send(("failed", traceback.format_exc()))


def _call_flows(order: Order, report: Connection) -> None:
    predict, act, observe, _, learn = (_plain_flow(name, report) for name in FLOWS)
    batch_id = predict(NAME, order.as_of)
    if "act" in order.flows:
        act(NAME, batch_id)
    if "observe" in order.flows:
        observe(NAME, order.as_of)
    if "learn" in order.flows:
        learn(NAME, order.as_of)


def _plain_flow(name: str, report: Connection) -> Callable[..., Any]:
    """The body of a flow, each of its tasks replaced by the task's body."""
    from prefect import Task

    module = importlib.import_module(f"flows.{name}")
    for step, found in list(vars(module).items()):
        if isinstance(found, Task):
            setattr(module, step, _reported(step, found.fn, report))
    flow: Callable[..., Any] = getattr(module, name).fn
    return flow


def _reported(step: str, function: Callable[..., Any], report: Connection) -> Callable[..., Any]:
    def run(*arguments: Any) -> Any:
        report.send(("began", step))
        result = function(*arguments)
        if step == "decide_batch":
            report.send(("acknowledged", list(_decided(*arguments))))
        report.send(("ended", step))
        return result

    return run


def _decided(use_case: str, batch_id: str) -> Iterator[tuple[str, str, str]]:
    from decisionloop.ledger.decisions import decisions_of_batch
    from decisionloop.workspace import open_workspace

    rows = decisions_of_batch(open_workspace(use_case).ledger, batch_id)
    return zip(rows["decision_id"], rows["entity_id"], rows["action"], strict=True)


def _install(stop: Stop) -> None:
    owner: Any = importlib.import_module(stop.module)
    *holders, name = stop.function.split(".")
    for holder in holders:
        owner = getattr(owner, holder)
    original, calls = getattr(owner, name), 0

    def stopping(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        is_here = calls == stop.call
        if is_here and stop.when == "before":
            os.kill(os.getpid(), stop.signal)
        result = original(*arguments, **named)
        if is_here and stop.when == "after":
            os.kill(os.getpid(), stop.signal)
        return result

    setattr(owner, name, stopping)


def _name_at_random() -> None:
    """Give decisions other ids whenever they are laid out for the ledger.

    They begin as they must, with the second of the batch's as-of: else they are refused, which is another matter.
    """
    import pyarrow as pa

    module = importlib.import_module("tasks.act.log_decisions")
    lay_out = module.decision_rows

    def renamed(*arguments: Any) -> pa.Table:
        rows = lay_out(*arguments)
        ids = pa.array([one[:8] + secrets.token_hex(12) for one in rows["decision_id"].to_pylist()])
        return rows.set_column(rows.column_names.index("decision_id"), "decision_id", ids)

    module.decision_rows = renamed
