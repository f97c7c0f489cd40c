"""One disagreement between the sections of a contract."""

from __future__ import annotations

from dataclasses import dataclass

from decisionloop.contract.written import Path


@dataclass(frozen=True)
class Inconsistency:
    """Two sections contradict each other: where (steps from the top), what value, why, and what to do."""

    path: Path
    value: object
    problem: str
    remedy: str
