"""Two small decision problems that a test runs whole; each test writes its own, and may damage what it wrote."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

FIRST_AS_OF = pd.Timestamp("2024-01-01", tz="UTC")
ENTITIES, WEEKS = 600, 6

_SHARED = """
entity: {key: shop_id, noun: shop}
outcome: {window_days: 7, maturity_days: 7}
guardrails: {}
data_quality: {rows: [50, 2000], maximum_age_days: 6}
monitors: {minimum_outcomes: 50, minimum_events: 10, retrain_every_days: 28, retrain_growth: null, cooldown_days: 21}
shadow: {on_newest_batch: false}
latency: {online_ms: 60000, batch_ms_per_row: 60000}
gate:
  yearly_error: 0.4
  minimum_effective_n: 60
  first_look_confidence: 0.51
  maximum_calibration_error: 0.5
  minimum_impact_ratio: 0.3
schedule: {cron: 0 0 * * 1, covers_days: 7}
actuator: {kind: file}
approval: {owner: owner@example.com, approvers: [approver@example.com]}
"""

SMALL = """
name: small
version: 1
title: Lend to a shop
description: Each week every shop is offered a loan, or not. Debt decides who pays back, and the rules ignore it.
features:
  - {name: turnover, type: number, wording: weekly turnover, unit: EUR, range: [0, 1000], purpose: It pays back.}
  - {name: debt, type: number, wording: debt, range: [0, 10], is_nullable: true, purpose: It comes first.}
  - {name: trade, type: category, wording: trade, categories: [craft, farm, retail], purpose: Trades differ.}
protected:
  - {name: owner_sex, groups: {f: women, m: men}, reference: m, minimum_group_size: 50}
outcome: {class: {column: defaulted, wording: did not pay back}}
actions:
  - {name: hold, wording: lend nothing, is_default: true, reveals_outcome: false, is_sent: false}
  - {name: lend, wording: lend, reveals_outcome: true, is_favourable: true}
model: {action_as: revealing_action, candidates: [scorecard]}
economics:
  currency: EUR
  constants: {margin: 10, loss: 40}
  value: {hold: "0", lend: "where(outcome, -loss, margin)"}
  explanation: A loan earns 10 EUR or loses 40.
policy: {exploration: {kind: uniform, share: 0.2}, holdout_share: 0.1}
guardrails: {action_share: {lend: [0.05, 0.95]}, maximum_score_shift: 0.25}
source:
  kind: full_information_replay
  history: {path: data/history.csv, time: seen_at}
  due: {path: data/outcomes.parquet, time: decided_at}
  outcomes: {path: data/outcomes.parquet, time: told_at}
  decision_time: decided_at
"""

SMALL_CODE = {
    "features.py": '''
def features(known, as_of):
    """The latest figures of each shop."""
    columns = ["shop_id", "turnover", "debt", "trade", "owner_sex"]
    return known.drop_duplicates("shop_id", keep="last")[columns]
''',
    "rules.py": '''
import numpy as np
import pandas as pd


def rules(features):
    """Lend where turnover is high."""
    return pd.Series(np.where(features["turnover"] > 80, "lend", "hold"), index=features.index)


def reasons(features):
    """Why, in words."""
    return pd.Series(np.where(features["turnover"] > 80, "high turnover", "low turnover"), index=features.index)
''',
}

OFFERS = """
name: offers
version: 1
title: Send an offer
description: A past experiment drew one of three actions for every shop; the loop learns whom to send which.
features:
  - {name: visits, type: integer, wording: visits, range: [0, 50], purpose: Visitors buy.}
  - {name: channel, type: category, wording: channel, categories: [shop, web], purpose: Channels differ.}
outcome: {class: {column: bought, wording: bought}, amount: {column: spend, unit: EUR}}
actions:
  - {name: nothing, wording: send nothing, is_default: true, reveals_outcome: true, is_sent: false}
  - {name: mail, wording: send a letter, reveals_outcome: true}
  - {name: voucher, wording: send a voucher, reveals_outcome: true}
model: {action_as: input, candidates: [scorecard]}
economics:
  currency: EUR
  constants: {margin: 0.3}
  value:
    nothing: margin * amount * outcome
    mail: margin * amount * outcome - 1
    voucher: margin * amount * outcome - 3
  explanation: Three tenths of what is bought, less the postage.
policy: {exploration: {kind: uniform, share: 0.3}, holdout_share: 0.05}
gate: {minimum_gain: -6}  # a single cohort of noisy amounts proves no more
source:
  kind: randomised_log_replay
  log: {path: data/experiment.csv, time: decided_at}
  action: action
  propensity: propensity
  outcome_time: seen_at
"""

OFFERS_CODE = {
    "features.py": '''
def features(known, as_of):
    """The latest row of each shop."""
    return known.drop_duplicates("shop_id", keep="last")[["shop_id", "visits", "channel"]]
''',
    "rules.py": '''
import pandas as pd


def rules(features):
    """Nothing for anybody."""
    return pd.Series("nothing", index=features.index)
''',
}


def as_of(week: int) -> datetime:
    """The as-of of a week's batch."""
    return (FIRST_AS_OF + pd.Timedelta(weeks=week)).to_pydatetime()


def batch_id(week: int, name: str = "small") -> str:
    """The id of a week's batch."""
    return f"{name}/{as_of(week):%Y-%m-%d}"


@contextmanager
def settings_of(folder: Path) -> Iterator[None]:
    """Let this process work for the installation in ``folder``: use cases in one folder of it, home in another."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("LEDGER_URL", "SNAPSHOTS_URL", "MLFLOW_TRACKING_URI"):
            patch.delenv(f"DECISIONLOOP_{name}", raising=False)
        patch.setenv("DECISIONLOOP_HOME", str(folder / "home"))
        patch.setenv("DECISIONLOOP_USECASES_DIR", str(folder / "usecases"))
        yield


@dataclass(frozen=True)
class Written:
    """A use case on disk, to be changed by the test that has it."""

    folder: Path

    @property
    def name(self) -> str:
        """Its name."""
        return self.folder.name

    def contract(self, **sections: object) -> None:
        """Write the contract again, as its next version, with some sections changed; keys that are not named stay."""
        path = self.folder / "usecase.yaml"
        known = _of_yaml(path.read_text())
        changed = _merged(known, {"version": known["version"] + 1, **sections} if sections else {})
        path.write_text(_as_yaml(changed))

    def change(self, table: str, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
        """Write a table again as ``change`` returns it."""
        path = self.folder / "data" / table
        path.write_bytes(_bytes_of(change(_read(path)), path.suffix))

    def set(self, column: str, value: object, week: int, shops: slice = slice(None)) -> None:
        """Set a column of the history of one week, for all its rows or some of them."""

        def put(history: pd.DataFrame) -> pd.DataFrame:
            rows = history.index[pd.to_datetime(history["seen_at"]) == as_of(week)][shops]
            history[column] = history[column].astype(object)
            history.loc[rows, column] = value
            return history

        self.change("history.csv", put)


def write_small(folder: Path, **sections: object) -> Written:
    """Write the use case ``small`` into ``folder / small``."""
    return written_use_case(folder / "small", SMALL, SMALL_CODE, _tables_of_small(), sections)


def write_offers(folder: Path, **sections: object) -> Written:
    """Write the use case ``offers`` into ``folder / offers``."""
    return written_use_case(
        folder / "offers", OFFERS, OFFERS_CODE, {"experiment.csv": _experiment().encode()}, sections
    )


@cache  # to write them takes longer than anything else of it
def _tables_of_small() -> dict[str, bytes]:
    history, outcomes = lending()
    return {"history.csv": _bytes_of(history, ".csv"), "outcomes.parquet": _bytes_of(outcomes, ".parquet")}


def written_use_case(
    folder: Path,
    contract: str,
    code: dict[str, str],
    tables: Mapping[str, pd.DataFrame | bytes],
    sections: dict[str, object],
) -> Written:
    """Write a use case: what all of them share, its contract, its code, its tables and the sections to change."""
    (folder / "data").mkdir(parents=True)
    whole = _merged(_of_yaml(_SHARED), _of_yaml(contract))
    (folder / "usecase.yaml").write_text(_as_yaml(_merged(whole, sections)))
    for name, text in code.items():
        (folder / name).write_text(text)
    for name, table in tables.items():
        path = folder / "data" / name
        path.write_bytes(table if isinstance(table, bytes) else _bytes_of(table, path.suffix))
    return Written(folder)


def _of_yaml(text: str) -> Any:
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def _as_yaml(content: dict[str, object]) -> str:
    return str(yaml.dump(content, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper), sort_keys=False))


def _merged(contract: dict[str, object], sections: dict[str, object]) -> dict[str, object]:
    merged = dict(contract)
    for name, section in sections.items():
        old = merged.get(name)
        is_same_kind = isinstance(old, dict) and isinstance(section, dict) and "kind" not in section
        merged[name] = {**old, **section} if is_same_kind else section
    return merged


def _read(path: Path) -> pd.DataFrame:
    return pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)


def _bytes_of(frame: pd.DataFrame, suffix: str) -> bytes:
    return frame.to_parquet(index=False) if suffix == ".parquet" else frame.to_csv(index=False).encode()


def _weeks() -> tuple[np.ndarray, pd.DatetimeIndex, np.ndarray]:
    """Shop number, as-of and shop id of every shop in every week."""
    week, shop = np.divmod(np.arange(ENTITIES * WEEKS), ENTITIES)
    return shop, FIRST_AS_OF + pd.to_timedelta(7 * week, unit="D"), np.array([f"shop-{i:04d}" for i in shop])


def lending() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Figures of every shop in every week, and what would have become of a loan."""
    chance = np.random.default_rng(2024)
    shop, at, shop_id = _weeks()
    rows = len(shop)
    debt = chance.uniform(0, 10, rows).round(2)
    trade = np.array(["craft", "farm", "retail"])[chance.integers(0, 3, rows)]
    risk = 1 / (1 + np.exp(-1.5 * (debt - 5) - (trade == "craft")))
    history = pd.DataFrame(
        {
            "shop_id": shop_id,
            "seen_at": at,
            "turnover": chance.gamma(4, 25, rows).clip(0, 1000).round(2),
            "debt": np.where(chance.random(rows) < 0.08, np.nan, debt),
            "trade": trade,
            "owner_sex": np.where(shop % 2, "f", "m"),
        }
    )
    outcomes = pd.DataFrame(
        {
            "shop_id": shop_id,
            "decided_at": at,
            "told_at": at + pd.Timedelta(days=6),
            "defaulted": (chance.random(rows) < risk).astype(int),
        }
    )
    return history, outcomes


@cache
def _experiment() -> str:
    """A third of the shops each got a voucher, a letter and nothing; who visits often buys anyway."""
    chance = np.random.default_rng(7)
    shop, at, shop_id = _weeks()
    rows = len(shop)
    drawn = chance.integers(0, 3, rows)
    visits, is_web = chance.integers(0, 30, rows), chance.integers(0, 2, rows)
    lift = np.array([0.0, 1.0, 3.0])[drawn]
    bought = chance.random(rows) < 1 / (1 + np.exp(3 - 0.15 * visits - is_web - lift))
    made = pd.DataFrame(
        {
            "shop_id": shop_id,
            "decided_at": at,
            "seen_at": at + pd.Timedelta(days=5),
            "visits": visits,
            "channel": np.array(["shop", "web"])[is_web],
            "action": np.array(["nothing", "mail", "voucher"])[drawn],
            "propensity": 1 / 3,
            "bought": bought.astype(int),
            "spend": np.where(bought, chance.gamma(5, 8, rows).round(2), 0.0),
        }
    )
    return made.to_csv(index=False)
