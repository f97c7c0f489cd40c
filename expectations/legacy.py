"""Whether one can tell what another system decided, row by row: the check of `mode: observe`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from decisionloop.act.legacy import REMEDIES, UNKNOWN_ACTION
from decisionloop.contract import UseCase
from expectations.checks import LEGACY_ACTIONS
from expectations.observation import Observation

_SHOWN = 3


@dataclass(frozen=True, eq=False)
class LegacyFaults:
    """An observation a kind of fault, and whose decision cannot be told (n,); None where no other system decides."""

    observations: tuple[Observation, ...] = ()
    is_fault: np.ndarray | None = None


def legacy_faults(use_case: UseCase, fault: np.ndarray, written: np.ndarray) -> LegacyFaults:
    """Why the decision about each of n rows cannot be told, "" where it can, and what is ``written`` for it."""
    return LegacyFaults(tuple(_observations(use_case, fault, written)), np.asarray(fault != "", dtype=bool))


def _observations(use_case: UseCase, fault: np.ndarray, written: np.ndarray) -> Iterator[Observation]:
    for kind, remedy in REMEDIES.items():
        count = int((fault == kind).sum())
        names = sorted(set(written[fault == UNKNOWN_ACTION])) if kind == UNKNOWN_ACTION else []
        shown = ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
        yield Observation(
            expectation=LEGACY_ACTIONS.name,
            column=kind.removeprefix("legacy: "),
            check=LEGACY_ACTIONS.name,
            severity=LEGACY_ACTIONS.severity_in(use_case.data_quality),
            remedy=remedy,
            is_evaluated=True,
            is_success=count == 0,
            rows=len(fault),
            unexpected=count,
            words=shown,
        )
