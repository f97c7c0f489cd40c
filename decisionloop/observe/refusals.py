"""Which rows of a reading found a decision, and why the others were refused."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

RefusalKind = Literal["invalid", "unknown", "after_window"]


@dataclass(frozen=True)
class Refusal:
    """Rows that were not taken, why, and how many.

    invalid: cannot be; unknown: no such decision; after_window: it has one, but happened when that no longer counted.
    """

    kind: RefusalKind
    reason: str
    rows: int


@dataclass
class Matching:
    """For each outcome row (n,) the position of its decision, -1 where it was refused; and the refusals.

    ``refused`` (n,): why a row was refused, None where it was not.
    """

    decision: np.ndarray
    refusals: list[Refusal] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.is_open = np.ones(len(self.decision), dtype=bool)
        self.refused = np.full(len(self.decision), None, dtype=object)

    def refuse(self, kind: RefusalKind, reason: str, where: np.ndarray) -> None:
        """Refuse the rows of ``where`` that no earlier check refused."""
        rows = int((where & self.is_open).sum())
        if rows:
            refusal = Refusal(kind, reason, rows)
            self.refusals.append(refusal)
            self.refused[where & self.is_open] = refusal
        self.is_open &= ~where
        self.decision[where] = -1

    def forget(self, where: np.ndarray) -> None:
        """Tell nothing of the refused rows of ``where``: they were told before."""
        self.refused[where] = None
        told = Counter((one.kind, one.reason) for one in self.refused if one is not None)
        self.refusals = [Refusal(kind, reason, rows) for (kind, reason), rows in told.items()]

    def rows(self, kind: RefusalKind) -> int:
        """How many rows were refused as ``kind``."""
        return sum(refusal.rows for refusal in self.refusals if refusal.kind == kind)
