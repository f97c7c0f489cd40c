"""After how many days outcomes were seen: one measure for whoever drafts a contract and whoever checks one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from decisionloop.contract.days import in_days

NEARLY_EVERY_OUTCOME = 0.95


@dataclass(frozen=True)
class OutcomeDelays:
    """Days from a decision, as the table has its time, until half of the outcomes, and nearly all, had been seen.

    ``is_one``: every one that was looked at took as long, as nothing that was seen does.
    """

    half: float
    nearly: float
    is_one: bool

    @classmethod
    def of(cls, days: np.ndarray) -> OutcomeDelays | None:
        """Of outcomes (n,) that took so many days, NaN where none has come; None where none has."""
        known = days[np.isfinite(days)]
        if not len(known):
            return None
        half, nearly = (float(one) for one in np.quantile(known, [0.5, NEARLY_EVERY_OUTCOME]))
        return cls(half, nearly, len(known) > 1 and float(np.ptp(known)) == 0)

    @property
    def words(self) -> str:
        """In a few words, to go on a sentence about outcomes."""
        if self.is_one:
            return f"{in_days(round(self.half))} for each of them (made-up times are like that)"
        return f"{in_days(round(self.half))} for half of them, {self.nearly:.0f} for {NEARLY_EVERY_OUTCOME:.0%}"
