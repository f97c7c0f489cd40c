"""A small use case of live tables: customers who order are due a week later at the latest, and rows keep coming."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from tests.small_use_case import Written, written_use_case

MONDAY = datetime(2024, 1, 1, 6, tzinfo=UTC)
"""The first due time of the schedule, whose weeks end on Mondays at six."""
A_WEEK = 40

CONTRACT = """
name: live
version: 1
title: Send a voucher
description: Each Monday the customers who ordered in the week before get a voucher, or not.
entity: {key: customer_id, noun: customer}
features:
  - {name: spend, type: number, wording: spend, unit: EUR, range: [0, 10000], purpose: Who spends comes back.}
outcome:
  class: {column: returned, wording: came back}
  window_days: 7
  maturity_days: 7
  closed_days: 28
  happened_at: returned_at
actions:
  - {name: wait, wording: send nothing, is_default: true, reveals_outcome: true, is_sent: false}
  - {name: voucher, wording: send a voucher, reveals_outcome: true, is_favourable: true}
model: {action_as: input, candidates: [scorecard]}
economics:
  currency: EUR
  constants: {margin: 10}
  value: {wait: margin * outcome, voucher: margin * outcome - 1}
  explanation: Who comes back earns 10 EUR, and a voucher costs 1.
policy: {exploration: {kind: uniform, share: 0.2}, holdout_share: 0.05}
data_quality: {rows: [20, 1000], maximum_age_days: 10}
schedule: {cron: 0 6 * * 1, covers_days: 7}
source:
  kind: tables
  history: {path: data/orders.csv, time: ordered_at}
  outcomes: {path: data/returns.csv, time: seen_at}
  outcome_columns: {decision_time: decided_at, outcome_time: seen_at}
"""

CODE = {
    "features.py": '''
def features(known, as_of):
    """The last order."""
    return known.drop_duplicates("customer_id", keep="last")[["customer_id", "spend"]]
''',
    "rules.py": '''
import numpy as np
import pandas as pd


def rules(features):
    """A voucher for who spends little."""
    return pd.Series(np.where(features["spend"] < 50, "voucher", "wait"), index=features.index)
''',
}


EVERYONE = '''
import pandas as pd


class Everyone:
    """Takes no notice of the span that it is asked for."""

    time_column = "ordered_at"

    def __init__(self, folder):
        self.file = folder / "data" / "orders.csv"

    def _orders(self):
        rows = pd.read_csv(self.file)
        return rows.assign(ordered_at=pd.to_datetime(rows["ordered_at"], utc=True, format="ISO8601"))

    def due(self, as_of, covers_days):
        rows = self._orders()
        return rows[rows["ordered_at"] <= as_of][["customer_id"]].drop_duplicates()

    def known(self, entities, as_of):
        rows = self._orders()
        return rows[rows["customer_id"].isin(entities["customer_id"])]

    def newest_time(self, as_of):
        return as_of

    def outcomes(self, as_of, decided):
        names = ("entity_id", "decision_id", "outcome_class", "amount")
        times = {name: pd.Series(dtype="datetime64[us, UTC]") for name in ("decision_time", "observed_at")}
        return pd.DataFrame({name: pd.Series(dtype="str") for name in names} | times)

    def calendar(self):
        return ()


def source(use_case, folder):
    return Everyone(folder)
'''
"""A `source.py` that takes no notice of the span that it is asked for."""


def orders(weeks: int, a_week: int = A_WEEK) -> pd.DataFrame:
    """``a_week`` new customers in each week that ends on a Monday at six, the first of them before ``MONDAY``."""
    chance, rows = np.random.default_rng(5), np.arange(weeks * a_week)
    week, number = np.divmod(rows, a_week)
    before = pd.to_timedelta(1 + number * (6 * 24 / a_week), unit="h")
    return pd.DataFrame(
        {
            "customer_id": [f"c{i:05d}" for i in rows],
            "ordered_at": pd.Timestamp(MONDAY) + pd.to_timedelta(7 * week, unit="D") - before,
            "spend": chance.gamma(2, 50, len(rows)).round(2),
        }
    )


def order(customer_id: str, ordered_at: datetime, spend: float = 20.0) -> pd.DataFrame:
    """One more order."""
    return pd.DataFrame({"customer_id": [customer_id], "ordered_at": [pd.Timestamp(ordered_at)], "spend": [spend]})


def returns(ordered: pd.DataFrame, days: float = 5) -> pd.DataFrame:
    """Who of those who ordered came back within a week, seen so many days after the Monday on which they were due."""
    weeks = np.ceil((ordered["ordered_at"] - MONDAY) / pd.Timedelta(weeks=1))
    due = MONDAY + pd.to_timedelta(7 * weeks, unit="D")
    chance = np.random.default_rng(6)
    return pd.DataFrame(
        {
            "customer_id": ordered["customer_id"],
            "decided_at": due,
            "returned_at": due + pd.Timedelta(days=min(days, 5)),
            "seen_at": due + pd.Timedelta(days=days),
            "returned": (chance.random(len(ordered)) < 0.5).astype(int),
        }
    )


def write_live(
    folder: Path, ordered: pd.DataFrame, returned: pd.DataFrame | None = None, **sections: object
) -> Written:
    """Write the use case ``live`` into ``folder / live``."""
    tables = {"orders.csv": ordered, "returns.csv": returns(ordered) if returned is None else returned}
    return written_use_case(folder / "live", CONTRACT, CODE, tables, sections)


def add_orders(written: Written, *more: pd.DataFrame) -> None:
    """Let rows arrive."""
    written.change("orders.csv", lambda had: pd.concat([had, *more], ignore_index=True))
