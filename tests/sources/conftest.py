"""A small use case whose data and source a test chooses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import yaml

from decisionloop.contract import UseCaseFolder, load_use_case
from decisionloop.sources import Source, open_source

CONTRACT = """
name: parcels
version: 1
title: Offer insurance
description: Whom to offer insurance.
entity: {key: client, noun: client}
features:
  - {name: spend, type: number, wording: money spent, range: [0, 1000], purpose: worth}
outcome: {class: {column: bought, wording: bought it}, window_days: 7, maturity_days: 7}
actions:
  - {name: wait, wording: do nothing, is_default: true, reveals_outcome: false}
  - {name: offer, wording: offer it, reveals_outcome: true}
model: {action_as: revealing_action}
economics: {currency: EUR, value: {wait: "0", offer: "outcome - 0.1"}, explanation: One euro each.}
policy: {exploration: {kind: uniform, share: 0.05}, holdout_share: 0.05}
guardrails: {}
data_quality: {rows: [1, 5000], maximum_age_days: 35}
schedule: {cron: 0 0 * * 4, covers_days: 7}
actuator: {kind: file}
approval: {owner: a@example.com, approvers: [b@example.com]}
"""
CODE = {
    "features.py": """
import pandas as pd
def features(known, as_of):
    return known.drop_duplicates("client", keep="last")[["client", "spend"]]
""",
    "rules.py": """
import numpy as np
import pandas as pd
def rules(features):
    return pd.Series(np.where(features["spend"] > 50, "offer", "wait"), index=features.index)
""",
}
TABLES: dict[str, object] = {
    "kind": "tables",
    "history": {"path": "history.csv", "time": "known_at"},
    "due": {"path": "due.csv", "time": "due_at"},
    "outcomes": {"path": "outcomes.csv", "time": "arrived_at"},
    "outcome_columns": {"outcome_time": "seen_at"},
}
FULL_INFORMATION: dict[str, object] = {
    "kind": "full_information_replay",
    "history": {"path": "history.csv", "time": "known_at"},
    "due": {"path": "due.csv", "time": "due_at"},
    "outcomes": {"path": "outcomes.csv", "time": "seen_at"},
    "decision_time": "decided_at",
}
LOG: dict[str, object] = {
    "kind": "randomised_log_replay",
    "log": {"path": "log.csv", "time": "decided_at"},
    "action": "action",
    "propensity": "propensity",
    "outcome_time": "seen_at",
}

Write = Callable[..., UseCaseFolder]
Open = Callable[..., Source]


@pytest.fixture(scope="session")
def tables() -> dict[str, object]:
    """A ``tables`` source over three CSV files."""
    return TABLES


@pytest.fixture(scope="session")
def full_information() -> dict[str, object]:
    """A ``full_information_replay`` source over three CSV files."""
    return FULL_INFORMATION


@pytest.fixture(scope="session")
def log() -> dict[str, object]:
    """A ``randomised_log_replay`` source over one CSV file."""
    return LOG


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a use case: its ``source``, ``files`` (path to text or frame) and changed sections; returns its folder."""

    def written(source: dict[str, object], files: dict[str, str | pd.DataFrame], **sections: object) -> UseCaseFolder:
        folder = tmp_path / "parcels"
        content = yaml.safe_load(CONTRACT) | {"source": source} | sections
        for path, text in ({"usecase.yaml": yaml.safe_dump(content)} | CODE | files).items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(text, str):
                file.write_text(text)
            elif file.suffix == ".parquet":
                text.to_parquet(file, index=False)
            else:
                text.to_csv(file, index=False)
        return load_use_case(folder)

    return written


@pytest.fixture
def opened(write: Write) -> Open:
    """The same, opened."""
    return lambda source, files, **sections: open_source(write(source, files, **sections))


@pytest.fixture(scope="session")
def at() -> Callable[[str], pd.Timestamp]:
    """A UTC time from text."""
    return lambda text: pd.Timestamp(text, tz="UTC")


@pytest.fixture(scope="session")
def decisions() -> Callable[..., pd.DataFrame]:
    """Decisions of the loop from (entity, as-of, action); their ids count from d0."""

    def made(*rows: tuple[str, str, str]) -> pd.DataFrame:
        return pd.DataFrame(
            {
                "decision_id": pd.Series([f"d{i}" for i in range(len(rows))], dtype="str"),
                "entity_id": pd.Series([row[0] for row in rows], dtype="str"),
                "as_of": pd.to_datetime([row[1] for row in rows], utc=True).as_unit("us"),
                "action": pd.Series([row[2] for row in rows], dtype="str"),
            }
        )

    return made
