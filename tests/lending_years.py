"""A longer life of ``small``: the rules lose for some weeks, and are good before and after."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from tests.small_use_case import FIRST_AS_OF, SMALL, SMALL_CODE, Written, written_use_case

NEVER = 10_000_000
SHOPS = 600


def lends_for_long(
    folder: Path, weeks: int, defaulting: Callable[[int], float], seed: int = 1, **sections: object
) -> Written:
    """Write ``small`` with so many weeks; ``defaulting``: the chance of a default in a week. Nothing is trained."""
    chance = np.random.default_rng(seed)
    shop, week = np.tile(np.arange(SHOPS), weeks), np.repeat(np.arange(weeks), SHOPS)
    at, rows = FIRST_AS_OF + pd.to_timedelta(7 * week, unit="D"), SHOPS * weeks
    shop_id = np.array([f"s{one:04d}" for one in shop])
    figures = {
        "turnover": chance.gamma(4, 25, rows).clip(0, 1000).round(2),
        "debt": chance.uniform(0, 10, rows).round(2),
        "trade": np.array(["craft", "farm", "retail"])[chance.integers(0, 3, rows)],
        "owner_sex": np.where(shop % 2, "f", "m"),
    }
    history = pd.DataFrame({"shop_id": shop_id, "seen_at": at, **figures})
    risk = np.array([defaulting(one) for one in range(weeks)])[week]
    defaulted = (chance.random(rows) < risk).astype(int)
    told = {"decided_at": at, "told_at": at + pd.Timedelta(days=6), "defaulted": defaulted}
    tables = {"history.csv": history, "outcomes.parquet": pd.DataFrame({"shop_id": shop_id, **told})}
    untaught = {"monitors": {"minimum_outcomes": NEVER, "minimum_events": NEVER}}
    return written_use_case(folder / "small", SMALL, SMALL_CODE, tables, {**untaught, **sections})
