"""Figures of the ledger read back as the estimates that they were."""

from __future__ import annotations

import numpy as np
import pandas as pd

from decisionloop.observe.estimate import Estimate, cannot_say

CONFIDENCE = 0.95


def estimates_of(rows: pd.DataFrame) -> list[Estimate]:
    """Rows of the table `measurement` as estimates; one that had no value or no interval could not be told."""
    columns = (rows[name].astype(np.float64) for name in ("value", "low", "high", "effective_n"))
    return [
        cannot_say("too few outcomes", int(n), CONFIDENCE)
        if np.isnan([value, low, high]).any()
        else Estimate(value, low, high, int(n), effective_n, CONFIDENCE)
        for n, value, low, high, effective_n in zip(rows["n"], *columns, strict=True)
    ]
