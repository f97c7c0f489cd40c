"""A small life of the loop that can be put back to a saved day, run, killed and looked at."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Protocol

from decisionloop.ledger.storage.engine import Ledger, open_ledger
from tests.crash.account import Account, Acknowledged, account
from tests.crash.receiving import receiver
from tests.crash.turn import FLOWS, HANGING_SECONDS, HUNG, Order, Stop, run_turn
from tests.crash.usecase import PART_ROWS, turns


class Database(Protocol):
    """Where the ledger is, and how it is put aside and back. Nobody may be connected to it meanwhile."""

    url: str

    def save(self, name: str) -> None:
        """Keep the ledger as it is under ``name``."""

    def restore(self, name: str) -> None:
        """Make the ledger what it was when it was saved under ``name``."""


@dataclass(frozen=True)
class Moment:
    """When a run is killed from outside: so long after a step began."""

    step: str
    delay_seconds: float

    def __str__(self) -> str:
        return f"{1000 * self.delay_seconds:.0f} ms into {self.step}"


@dataclass
class Run:
    """How a run went: the steps that began with their durations, and what was acknowledged as decided."""

    seconds: dict[str, float] = field(default_factory=dict)
    acknowledged: Acknowledged = frozenset()
    step: str = ""
    failure: str = ""
    exit_code: int | None = None

    @property
    def is_killed(self) -> bool:
        """Whether a SIGKILL ended it."""
        return self.exit_code == -signal.SIGKILL

    @property
    def has_succeeded(self) -> bool:
        """Whether it came to its end without a failure."""
        return self.exit_code == 0 and not self.failure


@dataclass(frozen=True)
class Day:
    """A day that runs begin from: how many turns were complete before it, and which flows run on it.

    ``steps`` are those that are worth killing on it.
    """

    name: str
    turn: int
    flows: tuple[str, ...]
    steps: tuple[str, ...]

    @property
    def as_of(self) -> datetime:
        """Time of the turn that runs."""
        return turns(self.turn + 1)[self.turn].to_pydatetime()


ACTING = ("freeze_batch", "validate_batch", "score_batch", "decide_batch", "dispatch_batch")
OBSERVING = ("read_outcomes", "measure_cohorts")
LEARNING = ("review_challengers", "check_triggers", "build_training_set", "train_candidate", "judge_candidates")
FIRST = Day("the first day", 0, FLOWS, ("freeze_batch", "score_batch"))
ORDINARY = Day("a day with a challenger in shadow", 3, FLOWS[:3], (*ACTING, *OBSERVING))
LEARNING_DAY = Day("a day of promotion and training", 3, FLOWS, LEARNING)
DAYS = (FIRST, ORDINARY, LEARNING_DAY)


@dataclass(frozen=True)
class World:
    """One installation: a home folder, a ledger, a receiver's file and port. ``saved`` holds its past days."""

    home: Path
    saved: Path
    database: Database
    port: int
    processes: ForkServerContext

    @property
    def engine(self) -> str:
        """Which kind of database keeps the ledger."""
        return self.database.url.partition(":")[0].partition("+")[0]

    @property
    def actions(self) -> Path:
        """What the receiver carried out."""
        return self.home / "actions.jsonl"

    def restore(self, day: Day) -> None:
        """Make everything what it was when that day began."""
        shutil.rmtree(self.home, ignore_errors=True)
        shutil.copytree(self.saved / day.name, self.home)
        self.database.restore(day.name)

    def save(self, day: Day) -> None:
        """Keep everything as the beginning of a day."""
        shutil.copytree(self.home, self.saved / day.name)
        self.database.save(day.name)

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        """The ledger, for looking at it between runs."""
        with open_ledger(self.database.url) as ledger:
            yield ledger

    def account(self) -> Account:
        """Everything that a kill must not change."""
        with self.ledger() as ledger:
            return account(ledger, self.home / "mlflow.db")

    @contextmanager
    def receiver(self, *, is_deduplicating: bool = True) -> Iterator[int]:
        """A running receiver of this world's actions."""
        with receiver(self.actions, self.port, is_deduplicating=is_deduplicating) as port:
            yield port

    def order(self, day: Day, stop: Stop | None = None, is_naming_at_random: bool = False) -> Order:
        """What a process is told that runs a day."""
        environment = {
            "DECISIONLOOP_HOME": str(self.home),
            "DECISIONLOOP_LEDGER_URL": self.database.url,
            "DECISIONLOOP_USECASES_DIR": str(self.saved / "usecases"),
            "DECISIONLOOP_PARTITION_ROWS": str(PART_ROWS),
        }
        return Order(environment, str(self.home), day.as_of, day.flows, stop, is_naming_at_random)

    def start(self, order: Order) -> tuple[BaseProcess, Connection]:
        """Start a process on an order; gives it with what it reports on."""
        receiving, sending = self.processes.Pipe(duplex=False)
        process = self.processes.Process(target=run_turn, args=(order, sending), daemon=True)
        process.start()
        sending.close()
        return process, receiving

    def run(self, day: Day, kill: Moment | Stop | None = None) -> Run:
        """Run a day in a process of its own, and kill it there and then."""
        process, report = self.start(self.order(day, kill if isinstance(kill, Stop) else None))
        return self.watch(process, report, kill if isinstance(kill, Moment) else None)

    def watch(self, process: BaseProcess, report: Connection, moment: Moment | None = None) -> Run:
        """Listen to a process until it ends, and send it SIGKILL at the moment."""
        run, began, kill_at, is_planned = Run(), 0.0, time.monotonic() + HANGING_SECONDS, False
        while True:
            if not report.poll(max(0.0, kill_at - time.monotonic())):
                process.kill()
                run.failure = "" if is_planned else f"hung in {run.step}: {(self.home / HUNG).read_text()}"
                kill_at = time.monotonic() + HANGING_SECONDS
                continue
            try:
                kind, content = report.recv()
            except (EOFError, OSError):  # it is dead; what it was just saying was not said
                break
            now = time.monotonic()
            if kind == "began":
                run.step, began = content, now
                if moment and content == moment.step:
                    kill_at, is_planned = now + moment.delay_seconds, True
            elif kind == "ended":
                run.seconds[content] = now - began
            elif kind == "acknowledged":
                run.acknowledged = frozenset(content)
            else:
                run.failure = content
        process.join()
        report.close()
        run.exit_code = process.exitcode
        return run
