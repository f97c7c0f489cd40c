"""Decisions of which several rows tell an amount, each seen at another time: corrections, or parts of one amount?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

FEWEST, SHARE = 10, 0.1
"""So many decisions with several rows, and so large a share of those with any, are worth a question."""
_SHOWN = 5


@dataclass(frozen=True)
class SeveralRows:
    """Of ``of`` decisions with rows, ``decisions`` have some of several times; ``example``: amounts of one, as seen."""

    decisions: int = 0
    of: int = 0
    example: tuple[float, ...] = ()

    @property
    def are_many(self) -> bool:
        """Whether they are too many to be corrections alone."""
        return self.decisions >= FEWEST and self.decisions >= SHARE * self.of

    @property
    def words(self) -> str:
        """What the rows are, which of them counts, and the field that says so."""
        share = f"{self.decisions / self.of:.0%}"
        amounts, more = ", ".join(f"{one:,.15g}" for one in self.example[:_SHOWN]), len(self.example) > _SHOWN
        last, total = f"{self.example[-1]:,.15g}", f"{round(sum(self.example), 6):,.15g}"
        return (
            f"Of {self.of:,} decisions with an outcome {self.decisions:,} ({share}) have several rows, seen at "
            f"different times, such as {amounts}{', …' if more else ''}. The latest counts, {last}, and not the sum, "
            f"{total}. If each row is a part (an instalment), say outcome.amount.rows: sum; if each is the total "
            "so far, say latest."
        )


def several_rows(decision: np.ndarray, seen: np.ndarray, amount: np.ndarray) -> SeveralRows:
    """Count n rows by their ``decision`` (n,), and when each was ``seen``."""
    rows = pd.DataFrame({"decision": decision, "seen": seen, "amount": amount})
    rows = rows[np.isfinite(amount)].sort_values(["decision", "seen", "amount"])
    times = rows.groupby("decision")["seen"].nunique()
    if times.empty or times.max() < 2:
        return SeveralRows(0, len(times))
    first = rows[rows["decision"] == times.idxmax()].drop_duplicates("seen", keep="last")
    return SeveralRows(int((times > 1).sum()), len(times), tuple(float(one) for one in first["amount"]))
