"""A small decision problem to be killed in: who of this week's shops is lent money.

Its gate lets nearly everything pass, so that by the fourth week one turn holds all that learning can do: a challenger
is promoted, the model before it retires, two candidates are trained, one goes into shadow, the other is refused.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd

NAME = "shop_loan"
FIRST_AS_OF = pd.Timestamp("2026-01-05", tz="UTC")
ENTITIES, WEEKS, CHUNK_ROWS = 1_200, 8, 50
PART_ROWS = 130
"""A batch of 300 shops is computed in three parts, the last one smaller."""
CYCLE_WEEKS = 4
"""Each shop is due every fourth week, so a batch decides a quarter of them."""

CONTRACT = """
name: {name}
version: 1
title: Lend to a shop
description: Each week the shops that fall due are offered a loan, or not. Made up, for tests that kill the loop.
entity: {{key: shop_id, noun: shop}}
features:
  - name: turnover
    type: number
    wording: weekly turnover
    range: [0, 1000]
    purpose: It pays the loan back.
  - name: debt
    type: number
    wording: debt per turnover
    range: [0, 10]
    purpose: It comes first.
outcome:
  class: {{column: defaulted, wording: did not pay back}}
  window_days: 7
  maturity_days: 7
actions:
  - {{name: hold, wording: lend nothing, is_default: true, reveals_outcome: false, is_sent: false}}
  - {{name: lend, wording: lend, reveals_outcome: true, is_favourable: true}}
model: {{action_as: revealing_action, candidates: [scorecard, gradient_boosting]}}
economics:
  currency: EUR
  constants: {{margin: 10, loss: 40}}
  value: {{hold: "0", lend: "where(outcome, -loss, margin)"}}
  explanation: A loan earns 10 EUR or loses 40.
policy: {{exploration: {{kind: uniform, share: 0.2}}, holdout_share: 0.05}}
guardrails:
  action_share: {{lend: [0.01, 0.99]}}
  maximum_score_shift: 1
data_quality: {{rows: [10, 10000], maximum_age_days: 10}}
monitors: {{minimum_outcomes: 100, minimum_events: 20, retrain_every_days: 7, cooldown_days: 0}}
latency: {{online_ms: 60000, batch_ms_per_row: 60000}}
gate:
  {{yearly_error: 0.5, minimum_effective_n: 15, minimum_gain: -100, maximum_calibration_error: 1, maximum_auc_loss: 1}}
schedule: {{cron: 0 0 * * 1, covers_days: 7}}
actuator: {{kind: http, url: "{url}", chunk_rows: {chunk_rows}}}
source:
  kind: full_information_replay
  history: {{path: data/shops.parquet, time: seen_at}}
  outcomes: {{path: data/outcomes.parquet, time: told_at}}
  decision_time: due_at
approval: {{owner: owner@example.com, approvers: [approver@example.com]}}
"""

FEATURES = '''
def features(known, as_of):
    """The latest figures of each shop."""
    return known.drop_duplicates("shop_id", keep="last")[["shop_id", "turnover", "debt"]]
'''

RULES = '''
import numpy as np
import pandas as pd

def rules(features):
    """Lend where turnover is high."""
    return pd.Series(np.where(features["turnover"] > 50, "lend", "hold"), index=features.index)
'''


def write_use_case(folder: Path, url: str) -> None:
    """Write the use case below ``folder``, its actions to be sent to ``url``."""
    (folder / "data").mkdir(parents=True)
    (folder / "usecase.yaml").write_text(CONTRACT.format(name=NAME, url=url, chunk_rows=CHUNK_ROWS))
    (folder / "features.py").write_text(FEATURES)
    (folder / "rules.py").write_text(RULES)
    shops, outcomes = _history()
    shops.to_parquet(folder / "data" / "shops.parquet", index=False)
    outcomes.to_parquet(folder / "data" / "outcomes.parquet", index=False)


def turns(count: int) -> list[pd.Timestamp]:
    """The first as-of times at which shops are due."""
    return [FIRST_AS_OF + pd.Timedelta(weeks=week) for week in range(count)]


def due_shops(as_of: datetime) -> list[str]:
    """The shops that a turn must decide."""
    week = (as_of - FIRST_AS_OF).days // 7
    return [_shop_id(i) for i in _due_in(week)]


def _due_in(week: int) -> range:
    return range(week % CYCLE_WEEKS, ENTITIES, CYCLE_WEEKS)


def _shop_id(index: int) -> str:
    return f"shop-{index:04d}"


def _history() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Figures at every due time, and what would have become of a loan: debt decides it, which the rules ignore."""
    chance = np.random.default_rng(2026)
    due = [(i, week) for week in range(WEEKS) for i in _due_in(week)]
    index, week = np.array(due).T
    due_at = FIRST_AS_OF + pd.to_timedelta(7 * week, unit="D")
    shop_id = [_shop_id(i) for i in index]
    # Few different figures, so that gradient boosting bins them fast.
    turnover = (chance.gamma(4, 5, len(due)).round() * 5).clip(0, 1000)
    debt = chance.gamma(2, 1, len(due)).clip(0, 10).round(1)
    risk = 1 / (1 + np.exp(-(1.5 * debt - 4.5)))
    shops = pd.DataFrame({"shop_id": shop_id, "seen_at": due_at, "turnover": turnover, "debt": debt})
    outcomes = pd.DataFrame(
        {
            "shop_id": shop_id,
            "due_at": due_at,
            "told_at": due_at + pd.Timedelta(days=6),
            "defaulted": (chance.random(len(due)) < risk).astype(int),
        }
    )
    return shops, outcomes
