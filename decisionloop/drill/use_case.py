"""The made-up use case that a drill decides: shops that are lent to or not, week by week, from a fixed draw."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

NAME, APPROVER = "drill", "drill"
MONDAY = datetime(2024, 1, 1, tzinfo=UTC)
WEEKS, SHOPS = 6, 120

_CONTRACT = f"""
name: {NAME}
version: 1
title: A drill
description: Made up, to try kill switch and rollback on. Nobody is decided by it.
entity: {{key: shop_id, noun: shop}}
features:
  - {{name: turnover, type: number, wording: weekly turnover, unit: EUR, range: [0, 1000], purpose: It pays back.}}
  - {{name: debt, type: number, wording: debt, range: [0, 10], purpose: It comes first.}}
outcome:
  class: {{column: defaulted, wording: did not pay back}}
  window_days: 7
  maturity_days: 7
actions:
  - {{name: hold, wording: lend nothing, is_default: true, reveals_outcome: false, is_sent: false}}
  - {{name: lend, wording: lend, reveals_outcome: true, is_favourable: true}}
model: {{action_as: revealing_action, candidates: [scorecard]}}
economics:
  currency: EUR
  constants: {{margin: 10, loss: 40}}
  value: {{hold: "0", lend: "where(outcome, -loss, margin)"}}
  explanation: A loan earns 10 EUR or loses 40.
policy: {{exploration: {{kind: uniform, share: 0.1}}, holdout_share: 0.1}}
guardrails: {{maximum_feature_shift: 1, maximum_score_shift: 1}}
data_quality: {{rows: [50, 1000], maximum_age_days: 6}}
schedule: {{cron: 0 0 * * 1, covers_days: 7}}
actuator: {{kind: file}}
approval: {{owner: {APPROVER}, approvers: [{APPROVER}]}}
source:
  kind: full_information_replay
  history: {{path: data/history.csv, time: seen_at}}
  due: {{path: data/outcomes.csv, time: decided_at}}
  outcomes: {{path: data/outcomes.csv, time: told_at}}
  decision_time: decided_at
"""
_FEATURES = '''"""What is known of each shop."""


def features(known, as_of):
    """The latest figures."""
    return known.drop_duplicates("shop_id", keep="last")[["shop_id", "turnover", "debt"]]
'''
_RULES = '''"""The rules that the drill falls back to."""

import numpy as np
import pandas as pd


def rules(features):
    """Lend where turnover is high."""
    return pd.Series(np.where(features["turnover"] > 80, "lend", "hold"), index=features.index)


def reasons(features):
    """Why, in words."""
    return pd.Series(np.where(features["turnover"] > 80, "high turnover", "low turnover"), index=features.index)
'''


def as_of(week: int) -> datetime:
    """When the batch of a week is due, of `WEEKS`."""
    return MONDAY + timedelta(weeks=week)


def write_use_case(usecases: Path) -> None:
    """Write it into a new folder below ``usecases``."""
    folder = usecases / NAME
    (folder / "data").mkdir(parents=True)
    for name, text in (("usecase.yaml", _CONTRACT), ("features.py", _FEATURES), ("rules.py", _RULES)):
        (folder / name).write_text(text, encoding="utf-8")
    rows = drawn_rows(WEEKS, seed=0)
    rows[["shop_id", "seen_at", "turnover", "debt"]].to_csv(folder / "data" / "history.csv", index=False)
    outcomes = rows.assign(decided_at=rows["seen_at"], told_at=rows["seen_at"] + pd.Timedelta(days=6))
    outcomes[["shop_id", "decided_at", "told_at", "defaulted"]].to_csv(folder / "data" / "outcomes.csv", index=False)


def drawn_rows(weeks: int, seed: int) -> pd.DataFrame:
    """`SHOPS` shops in each of some weeks: what is known of them, and what would become of a loan."""
    chance = np.random.default_rng(seed)
    week, shop = np.divmod(np.arange(weeks * SHOPS), SHOPS)
    debt = chance.uniform(0, 10, len(shop)).round(2)
    return pd.DataFrame(
        {
            "shop_id": [f"shop-{one:04d}" for one in shop],
            "seen_at": pd.Timestamp(MONDAY) + pd.to_timedelta(7 * week, unit="D"),
            "turnover": chance.gamma(4, 25, len(shop)).clip(0, 1000).round(2),
            "debt": debt,
            "defaulted": (chance.random(len(shop)) < 1 / (1 + np.exp(-1.5 * (debt - 5)))).astype(int),
        }
    )
