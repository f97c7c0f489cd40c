"""Decides one large batch in this process, from freezing to the ledger, and says what it took."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.large_batch.make import AS_OF

STEPS = ("freeze", "validate", "score", "decide")


@dataclass(frozen=True)
class Setup:
    """Where a batch is decided: a home that holds the releases, the use cases' folder, and how.

    ``is_flow``: inside a Prefect flow, with its task runs; else the steps are called as plain functions.
    """

    home: str
    usecases: str
    ledger_url: str = ""
    runner: str = "in_process"
    workers: int = 0
    partition_rows: int = 250_000
    is_flow: bool = False

    def enter(self) -> None:
        """Make it the process's own; must come before Prefect is imported."""
        from decisionloop.cli.environment import use_private_prefect

        os.environ |= {
            "DECISIONLOOP_HOME": self.home,
            "DECISIONLOOP_USECASES_DIR": self.usecases,
            "DECISIONLOOP_LEDGER_URL": self.ledger_url,
            "DECISIONLOOP_RUNNER": self.runner,
            "DECISIONLOOP_RUNNER_WORKERS": str(self.workers),
            "DECISIONLOOP_PARTITION_ROWS": str(self.partition_rows),
        }
        use_private_prefect(Path(self.home))


@dataclass(frozen=True)
class Decided:
    """What deciding a batch took: wall seconds of each step, processor seconds and stored bytes of each stage.

    ``decisions``: a digest of ids, actions, scores, propensities, roles and reasons. ``started``: wall seconds for
    starting what is not part of any batch (imports, kernels, the runner's workers). ``transfer``: wall seconds for
    eight parts that do nothing, sent to the runner's workers and back.
    """

    wall: float
    cpu: float
    started: float
    transfer: float
    steps: dict[str, float]
    stages: dict[str, float]
    bytes_stored: int
    decisions: str


def install(setup: dict[str, object], rows: int, reasons: int) -> str:
    """Write the use case and install its releases; ``reasons`` are logged with each decision."""
    from benchmarks.large_batch.make import install_releases, write_use_case

    where = Setup(**setup)  # type: ignore[arg-type]
    write_use_case(Path(where.usecases), rows, reasons)
    where.enter()
    install_releases()
    return where.home


def decide(setup: dict[str, object], is_checked: bool) -> dict[str, object]:
    """Decide the batch and return `Decided`; ``is_checked`` adds the digest, which reads every decision back."""
    where = Setup(**setup)  # type: ignore[arg-type]
    where.enter()
    started = time.perf_counter()
    run = _in_flow() if where.is_flow else _plain()
    _warm(where)
    transfer = _transfer(where)
    ready = time.perf_counter()
    cpu = time.process_time()
    batch_id, steps = run()
    wall, cpu = time.perf_counter() - ready, time.process_time() - cpu
    stages, stored = _costs(batch_id)
    digest = _digest(batch_id) if is_checked else ""
    return asdict(Decided(wall, cpu, ready - started - transfer, transfer, steps, stages, stored, digest))


def _steps() -> tuple[str, dict[str, float]]:
    from tasks.act.decide import decide_batch
    from tasks.predict.freeze import freeze_batch
    from tasks.predict.score import score_batch
    from tasks.predict.validate import validate_batch

    return _timed(freeze_batch, validate_batch, score_batch, decide_batch)


def _timed(freeze: Callable, validate: Callable, score: Callable, decide: Callable) -> tuple[str, dict[str, float]]:
    took = {}
    clock = time.perf_counter()
    batch_id = freeze("large_batch", AS_OF)
    took["freeze"] = time.perf_counter() - clock
    for name, step in (("validate", validate), ("score", score), ("decide", decide)):
        clock = time.perf_counter()
        step("large_batch", batch_id)
        took[name] = time.perf_counter() - clock
    return batch_id, took


def _plain() -> Callable[[], tuple[str, dict[str, float]]]:
    from tasks.act.decide import decide_batch
    from tasks.predict.freeze import freeze_batch
    from tasks.predict.score import score_batch
    from tasks.predict.validate import validate_batch

    return lambda: _timed(freeze_batch.fn, validate_batch.fn, score_batch.fn, decide_batch.fn)


def _in_flow() -> Callable[[], tuple[str, dict[str, float]]]:
    from prefect import flow

    from tasks.runner import PartRunner

    return flow(_steps, name="large-batch", task_runner=PartRunner(), persist_result=False, validate_parameters=False)


def _warm(where: Setup) -> None:
    """Load what a worker that has decided before has loaded: kernels, tables, Great Expectations, a cluster."""
    from benchmarks.reference_model import drawn_rows
    from decisionloop.ledger.releases import champion, shadows
    from decisionloop.predict.logged_scores import reason_codes
    from decisionloop.release_store import load_release
    from decisionloop.workspace import open_workspace
    from expectations.engine import great_expectations

    great_expectations()
    workspace = open_workspace("large_batch")
    settings, use_case = workspace.settings, workspace.use_case
    frame = drawn_rows(60_000, "categorical", seed=3)
    decides = champion(workspace.ledger, use_case.name)
    assert decides is not None
    for release in (decides.release, *(one.release for one in shadows(workspace.ledger, use_case.name))):
        model = load_release(
            workspace.snapshots, str(release.scorer_digest), settings.scorer_engine, settings.scorer_threads
        )
        import numpy as np

        reason_codes(use_case, model, frame, np.ones(len(frame), dtype=np.int64))
        model.leading.score(frame)
    if where.is_flow:
        from prefect import flow

        flow(lambda: None, name="warm")()
    if where.runner == "dask":
        from tasks.runner import local_cluster

        local_cluster(settings.workers)


def _transfer(where: Setup) -> float:
    """Wall seconds for eight parts that do nothing, on workers that have loaded everything."""
    if where.runner != "dask":
        return 0.0
    from prefect import flow, task

    from benchmarks.large_batch.workers import load
    from tasks.runner import PartRunner

    step = task(load, persist_result=False)

    def send() -> float:
        clock = time.perf_counter()
        for future in [step.submit(part) for part in range(8)]:
            future.result()
        return time.perf_counter() - clock

    run = flow(send, name="transfer", task_runner=PartRunner(), persist_result=False)
    run()
    return float(run())


def _costs(batch_id: str) -> tuple[dict[str, float], int]:
    from decisionloop.ledger.stage_costs import batch_cost
    from decisionloop.workspace import open_workspace

    cost = batch_cost(open_workspace("large_batch").ledger, batch_id)
    assert cost is not None
    stages: dict[str, float] = {}
    for line in cost.lines:
        stages[line.stage] = stages.get(line.stage, 0.0) + line.cpu_seconds
    return stages, cost.bytes_stored


def _digest(batch_id: str) -> str:
    """A digest of everything that was decided, in the order of the ids."""
    import pandas as pd
    from sqlalchemy import select

    from decisionloop.ledger.schema import decision
    from decisionloop.ledger.storage.frames import read_frame
    from decisionloop.workspace import open_workspace

    names = ("decision_id", "entity_id", "action", "role", "score", "propensity", "action_values", "reason_codes")
    statement = select(*(decision.c[name] for name in names)).where(decision.c.batch_id == batch_id)
    frame = read_frame(open_workspace("large_batch").ledger, statement).sort_values("decision_id", ignore_index=True)
    return hashlib.sha256(pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes()).hexdigest()


def predict_proba(usecases: str) -> dict[str, float]:
    """What raw ``predict_proba`` of the champion's pipeline takes on the same rows, all cores, the frame in memory."""
    import pyarrow as pa
    import pyarrow.parquet

    from benchmarks.reference_model import reference_model

    files = sorted((Path(usecases) / "large_batch" / "data").glob("*.parquet"))
    frame = pa.concat_tables([pyarrow.parquet.read_table(file) for file in files]).to_pandas()
    pipeline = reference_model("categorical").pipeline
    pipeline.predict_proba(frame.iloc[:10_000])
    wall, cpu = time.perf_counter(), time.process_time()
    pipeline.predict_proba(frame)
    return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
