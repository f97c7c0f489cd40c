"""Many small use cases on one ledger, turn by turn: all in one process, or each turn in one of its own."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any

import yaml

from benchmarks.many_batches.life import turn_of, work_in, write_use_case

MORE_THAN_ANYBODY_HAS = 1_000_000
"""So many outcomes are asked for before a model is trained: what a training costs is told apart."""


@dataclass(frozen=True)
class Round:
    """One turn of every use case: wall seconds, and the CPU seconds of each turn."""

    wall: float
    turns: tuple[float, ...]


def name_of(number: int) -> str:
    """The name of a use case, counted from 0."""
    return f"shops_{number:02d}"


def live_side_by_side(home: str, count: int, rounds: int) -> list[dict[str, Any]]:
    """Install ``count`` use cases and run ``rounds`` turns of each, in rounds; returns a `Round` of each."""
    for number in range(count):
        _write(home, name_of(number))
    work_in(home)
    return [asdict(_one_round(count, number)) for number in range(rounds)]


def one_turn_apart(home: str, name: str, number: int) -> float:
    """One turn of a use case that is installed, as a worker's new process runs it: its CPU seconds, start included."""
    work_in(home)
    turn_of(name, number)
    return time.process_time()


def _one_round(count: int, number: int) -> Round:
    clock = time.perf_counter()
    turns = tuple(sum(turn_of(name_of(one), number).values()) for one in range(count))
    return Round(time.perf_counter() - clock, turns)


def _write(home: str, name: str) -> None:
    file = write_use_case(home, name) / "usecase.yaml"
    contract = yaml.safe_load(file.read_text())
    contract["monitors"]["minimum_outcomes"] = MORE_THAN_ANYBODY_HAS
    file.write_text(yaml.safe_dump(contract | {"name": name}, sort_keys=False))
