"""The same small work again and again: what a machine takes for it says how fast the machine is just then.

A life of many batches takes minutes, in which the clock of the processor and the neighbours on it change by more than
what is looked for. What a turn is made of is done here in small: a frame, text, JSON and a table in memory.
"""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing

import numpy as np
import pandas as pd

RUNS = 3
_ROWS = 1_000


def fixed_work_seconds() -> float:
    """CPU seconds of the fixed work: the least of RUNS, for a busy machine only adds."""
    taken = []
    for _ in range(RUNS):
        clock = time.process_time()
        _work()
        taken.append(time.process_time() - clock)
    return min(taken)


def _work() -> None:
    draws = np.random.default_rng(0)
    frame = pd.DataFrame({"name": [f"shop {one % 97}" for one in range(_ROWS)], "money": draws.normal(size=_ROWS)})
    for _ in range(4):
        told = frame.groupby("name", as_index=False)["money"].agg(["mean", "count"]).sort_values("mean")
    rows = json.loads(json.dumps(frame.to_dict("records")))
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE kept (name TEXT, money REAL)")
        connection.executemany("INSERT INTO kept VALUES (:name, :money)", rows)
        found = connection.execute("SELECT name, sum(money) FROM kept GROUP BY name").fetchall()
    assert len(found) == len(told)
