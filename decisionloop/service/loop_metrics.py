"""The loop of every use case as Prometheus reads it: also while its worker, its schedule or Prefect is gone."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from decisionloop.errors import DecisionLoopError
from decisionloop.service.ledger_access import LedgerAccess

if TYPE_CHECKING:
    from prometheus_client import Metric

    from decisionloop.contract import UseCase
    from decisionloop.ledger.loop_figures import LoopFigures

FRESH_SECONDS = 15.0
"""What was read so short a time ago is told again: whoever asks oftener costs nothing."""
_PER_USE_CASE = {
    "decisionloop_loop_well": "1 where nothing is late, unanswered or critical, else 0.",
    "decisionloop_last_decided_age_seconds": "Age of the as-of of the last batch that was decided.",
    "decisionloop_outbox_waiting": "Actions that nobody holds and that have not left.",
    "decisionloop_outbox_oldest_seconds": "How long the oldest of them waits; 0 where none does.",
    "decisionloop_unanswered_alerts": "Critical alerts that nobody has acknowledged.",
    "decisionloop_undelivered_notices": "Notices that failed every time that they were sent.",
    "decisionloop_worker_silent_seconds": "How long ago a scheduled watchdog ran; not told before the first.",
    "decisionloop_drill_failed": "1 where the last drill failed, else 0; not told before the first.",
    "decisionloop_turn_memory_last_bytes": "Most memory that the process of the last turn has held.",
    "decisionloop_turn_memory_most_bytes": "The most that one of the last 20 turns has held.",
}
_LABELLED = {
    "decisionloop_loop_late": ("kind", "1 where this is late by the contract's `watchdog`, else 0."),
    "decisionloop_batches": ("state", "Batches by their present state."),
    "decisionloop_open_incidents": ("severity", "Incidents that are not closed."),
    "decisionloop_kill_switch": ("position", "1 for where the kill switch stands."),
}


@dataclass
class LoopMetrics:
    """Reads the loops of an installation, at most once in ``FRESH_SECONDS`` however many ask."""

    access: LedgerAccess
    _read_at: float = -FRESH_SECONDS
    _figures: dict[str, LoopFigures | None] = field(default_factory=dict)
    _is_live: dict[str, bool] = field(default_factory=dict)
    _reading: threading.Lock = field(default_factory=threading.Lock)

    def figures(self) -> Mapping[str, LoopFigures | None]:
        """The loop of each use case that the ledger knows; None where no contract of it can be read."""
        with self._reading:
            if time.monotonic() - self._read_at >= FRESH_SECONDS:
                self._figures, self._read_at = self._read(), time.monotonic()
            return self._figures

    def _read(self) -> dict[str, LoopFigures | None]:
        from decisionloop.ledger.use_cases import known_names

        return {name: self._one(name) for name in known_names(self.access.opened())}

    def _one(self, name: str) -> LoopFigures | None:
        from decisionloop.ledger.loop_figures import loop_figures
        from decisionloop.ledger.schema import utc_now

        ledger = self.access.opened()
        try:
            known = self._contract(name)
            return None if known is None else loop_figures(ledger, known, self._is_live_one(known), utc_now())
        except DecisionLoopError:  # a contract or a schedule that is none: told as not readable
            return None

    def _contract(self, name: str) -> UseCase | None:
        """The present contract; while that is broken, or lies on another machine, the last one that was in force."""
        from decisionloop.contract import load_use_case, use_case_folder
        from decisionloop.ledger.use_cases import last_readable_contract

        try:
            return load_use_case(use_case_folder(self.access.settings.usecases_dir, name)).use_case
        except (DecisionLoopError, OSError, ValueError, RecursionError):
            return last_readable_contract(self.access.opened(), name)

    def _is_live_one(self, use_case: UseCase) -> bool:
        """Whether a batch can be late: not of a replay. A source.py is asked once a contract."""
        from decisionloop.workspace import open_workspace

        if use_case.source.kind != "custom":
            return use_case.source.kind == "tables"
        if use_case.digest not in self._is_live:
            self._is_live[use_case.digest] = open_workspace(use_case.name, self.access.settings).is_live
        return self._is_live[use_case.digest]


def collected(figures: Mapping[str, LoopFigures | None]) -> Iterator[Metric]:
    """Every metric of the loops."""
    from prometheus_client.core import GaugeMetricFamily

    readable = GaugeMetricFamily(
        "decisionloop_loop_readable", "1 where a contract of the use case can be read, else 0.", labels=["use_case"]
    )
    for name, one in figures.items():
        readable.add_metric([name], float(one is not None))
    yield readable
    known = {name: one for name, one in figures.items() if one is not None}
    for metric, told in _PER_USE_CASE.items():
        family = GaugeMetricFamily(metric, told, labels=["use_case"])
        for name, one in known.items():
            value = _plain(one)[metric]
            if value is not None:
                family.add_metric([name], float(value))
        yield family
    for metric, (label, told) in _LABELLED.items():
        family = GaugeMetricFamily(metric, told, labels=["use_case", label])
        for name, one in known.items():
            for labelled, count in _by_label(one)[metric].items():
                family.add_metric([name, labelled], count)
        yield family


def _plain(one: LoopFigures) -> dict[str, float | None]:
    memory = one.memory
    return {
        "decisionloop_loop_well": one.is_well,
        "decisionloop_last_decided_age_seconds": one.seconds_since(one.last_decided),
        "decisionloop_outbox_waiting": one.facts.waiting,
        "decisionloop_outbox_oldest_seconds": one.seconds_since(one.facts.oldest_waiting) or 0.0,
        "decisionloop_unanswered_alerts": len(one.alerts),
        "decisionloop_undelivered_notices": one.undelivered_notices,
        "decisionloop_worker_silent_seconds": one.seconds_since(one.facts.last_turn_at),
        "decisionloop_drill_failed": one.has_drill_failed,
        "decisionloop_turn_memory_last_bytes": None if memory is None else memory.last_bytes,
        "decisionloop_turn_memory_most_bytes": None if memory is None else memory.most_bytes,
    }


def _by_label(one: LoopFigures) -> dict[str, dict[str, float]]:
    return {
        "decisionloop_loop_late": {kind: float(is_late) for kind, is_late in one.is_late.items()},
        "decisionloop_batches": {state: float(count) for state, count in one.batches.items()},
        "decisionloop_open_incidents": {level: float(count) for level, count in one.incidents_by_severity.items()},
        "decisionloop_kill_switch": dict.fromkeys(("off", "on", "default"), 0.0) | {one.kill_switch: 1.0},
    }
