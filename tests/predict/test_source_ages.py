"""How old the newest row of everyone is: what "stale" is told from."""

from __future__ import annotations

import numpy as np
import pandas as pd

from decisionloop.predict.features import source_ages

AS_OF = pd.Timestamp("2024-01-05", tz="UTC")


def known(*rows: tuple[str, str]) -> pd.DataFrame:
    ids, times = ([row[i] for row in rows] for i in (0, 1))
    return pd.DataFrame(
        {"shop": pd.Series(ids, dtype="str"), "seen_at": pd.to_datetime(times, utc=True, format="ISO8601")}
    )


def ages(rows: pd.DataFrame, *entities: str) -> list[float]:
    found = source_ages(rows, pd.Series(entities, dtype="str", name="shop"), "seen_at", AS_OF)
    assert found.dtype == np.float32
    return found.tolist()


def test_the_newest_row_of_each_entity_counts():
    rows = known(("a", "2024-01-01"), ("a", "2024-01-04"), ("b", "2024-01-02 12:00"))
    assert ages(rows, "a", "b") == [1.0, 2.5]


def test_the_order_and_the_selection_of_entities_do_not_matter():
    rows = known(("a", "2024-01-01"), ("b", "2024-01-02"), ("c", "2024-01-03"))
    assert ages(rows, "c", "a") == [2.0, 4.0]
    assert ages(rows, "b", "b") == [3.0, 3.0]


def test_who_is_not_known_has_no_age():
    assert np.isnan(ages(known(("a", "2024-01-01")), "z")).all()
    assert np.isnan(ages(known(("a", "2024-01-01")).iloc[:0], "a", "b")).all()
    assert ages(known(("a", "2024-01-01"))) == []
