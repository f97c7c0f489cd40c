"""A small decision problem that another system decides, with a truth that the loop cannot see."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from tests.small_use_case import SMALL, SMALL_CODE, Written, as_of, lending, written_use_case

MARGIN, LOSS = 10.0, 40.0
BY_TURNOVER = 60.0
"""The other system lends above it; rules.py does above 80."""
Chances = Callable[[pd.DataFrame], np.ndarray]


@dataclass(frozen=True)
class World:
    """What was written, and what only the test knows: ``truth`` has the outcome of everybody, lent to or not."""

    written: Written
    truth: pd.DataFrame

    def money(self, week: int, action: Callable[[pd.DataFrame], np.ndarray]) -> float:
        """True money a decision in a week, of lending where ``action`` (n,) says so."""
        rows = self.truth[self.truth["decided_at"] == as_of(week)]
        return float((action(rows) * np.where(rows["defaulted"] == 1, -LOSS, MARGIN)).mean())


def write_observed(folder: Path, chances: Chances | None = None, **sections: object) -> World:
    """Write ``observed`` into ``folder / observed``: the other system lends with ``chances`` (n,), which it then logs;
    without any it lends where turnover is above BY_TURNOVER, and nobody knows that."""
    history, outcomes = lending()
    truth = outcomes.assign(turnover=history["turnover"], debt=history["debt"], owner_sex=history["owner_sex"])
    chance = (truth["turnover"] > BY_TURNOVER).to_numpy(float) if chances is None else chances(truth)
    truth["is_lent"] = np.random.default_rng(11).random(len(truth)) < chance
    decided = truth[["shop_id", "decided_at"]].assign(action=np.where(truth["is_lent"], "lend", "hold"))
    if chances is not None:
        decided["propensity"] = np.where(truth["is_lent"], chance, 1 - chance)
    seen = outcomes[truth["is_lent"]]
    source = {
        "kind": "tables",
        "history": {"path": "data/history.csv", "time": "seen_at"},
        "due": {"path": "data/decided.csv", "time": "decided_at"},
        "outcomes": {"path": "data/outcomes.csv", "time": "told_at"},
        "outcome_columns": {"decision_time": "decided_at", "outcome_time": "told_at"},
        "legacy": {"action": "action", "propensity": "" if chances is None else "propensity"},
    }
    tables = {"history.csv": history, "decided.csv": decided, "outcomes.csv": seen}
    whole = {"name": "observed", "mode": "observe", "source": source, **sections}
    return World(written_use_case(folder / "observed", SMALL, SMALL_CODE, tables, whole), truth)
