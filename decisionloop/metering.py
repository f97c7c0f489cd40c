"""How much work a stage of serving does: processor seconds, rows, bytes. What they cost is in the contract.

A meter measures the thread that it runs in (or the whole process, where that does nothing else). Its cost is a
plain value: partitions measure by themselves, wherever they run, and their costs add up.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Literal, Self, get_args

from decisionloop.errors import UsageError

Stage = Literal["freeze", "validate", "score", "explain", "decide", "log", "dispatch"]
STAGES: tuple[Stage, ...] = get_args(Stage)
Scope = Literal["thread", "process"]
_CLOCKS: dict[Scope, Callable[[], float]] = {"thread": time.thread_time, "process": time.process_time}


@dataclass(frozen=True)
class StageCost:
    """What one stage of a batch took. ``release_id`` None: shared by everything that was served.

    rows          rows that the stage handled
    cpu_seconds   processor time, user and system
    bytes_stored  bytes that it left in the snapshot store or the ledger
    """

    stage: Stage
    release_id: str | None
    rows: int
    cpu_seconds: float
    bytes_stored: int = 0

    def __add__(self, other: StageCost) -> StageCost:
        """The two together, for instance two partitions. Raises UsageError for another stage or release."""
        if (self.stage, self.release_id) != (other.stage, other.release_id):
            raise UsageError(
                f"the cost of {self.stage} ({self.release_id}) and of {other.stage} ({other.release_id}) are not one "
                "cost. Add up costs of the same stage and release, or use `add_up`."
            )
        return replace(
            self,
            rows=self.rows + other.rows,
            cpu_seconds=self.cpu_seconds + other.cpu_seconds,
            bytes_stored=self.bytes_stored + other.bytes_stored,
        )


class Meter:
    """Measures one stage: ``with Meter("score", release_id) as meter: ...; meter.add(rows=n)``, then ``meter.cost``.

    It may be entered again and again (once a chunk), and then adds up; what it measured counts when the work raises,
    too. Meters must not be nested in each other: the inner work would count twice. ``scope`` "process" also counts
    the worker threads of numba and BLAS, and is right only where nothing else runs in the process.
    """

    def __init__(self, stage: Stage, release_id: str | None = None, scope: Scope = "thread") -> None:
        self.stage: Stage = stage
        self.release_id = release_id
        self.cpu_seconds = 0.0
        self.wall_seconds = 0.0
        self.rows = 0
        self.bytes_stored = 0
        self._clock = _CLOCKS[scope]
        self._started: tuple[float, float] | None = None

    def __enter__(self) -> Self:
        if self._started is not None:
            raise UsageError(f"the meter of {self.stage} runs already. Leave it before entering it again.")
        self._started = time.perf_counter(), self._clock()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._started is not None  # __enter__ came before
        wall, cpu = self._started
        self.cpu_seconds += self._clock() - cpu
        self.wall_seconds += time.perf_counter() - wall
        self._started = None

    def add(self, rows: int = 0, bytes_stored: int = 0) -> None:
        """Say that so many rows were handled and so many bytes were stored."""
        self.rows += rows
        self.bytes_stored += bytes_stored

    @property
    def cost(self) -> StageCost:
        """What was measured so far."""
        return StageCost(self.stage, self.release_id, self.rows, self.cpu_seconds, self.bytes_stored)


def add_up(costs: Iterable[StageCost]) -> tuple[StageCost, ...]:
    """One cost a stage and release, in the order of the stages: the sum over partitions and attempts at them."""
    found: dict[tuple[Stage, str | None], StageCost] = {}
    for cost in costs:
        key = cost.stage, cost.release_id
        found[key] = found[key] + cost if key in found else cost
    order = sorted(found, key=lambda key: (STAGES.index(key[0]), key[1] or ""))
    return tuple(found[key] for key in order)
