"""A table of what another system did becomes a use case that looks on: its silent action is to do nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from decisionloop.contract import load_use_case
from decisionloop.draft.draft import draft_use_case
from decisionloop.draft.roles import Asked
from decisionloop.errors import UsageError
from decisionloop.sources.checking import check_use_case

N = 800


def table() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    approved = rng.random(N) < 0.6
    return pd.DataFrame(
        {
            "client": [f"C{i}" for i in range(N)],
            "decided_at": pd.date_range("2025-03-03", periods=N, freq="3h").strftime("%Y-%m-%dT%H:%M:%SZ"),
            "income": rng.gamma(3, 20, N).round(1),
            "decision": np.where(approved, "Approve", "Reject"),
            "defaulted": np.where(approved, (rng.random(N) < 0.2).astype(int).astype(str), ""),
        }
    )


def drafted(folder: Path, written: pd.DataFrame, **asked: object) -> Path:
    written.to_csv(folder / "table.csv", index=False)
    draft_use_case(folder, "lend", folder / "table.csv", Asked(**asked))  # type: ignore[arg-type]
    return folder / "lend"


def test_without_the_mode_an_action_without_its_chance_is_refused_and_the_mode_is_offered(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="where another system goes on deciding, say --mode observe"):
        drafted(tmp_path, table())


def test_it_is_drafted_to_look_on_and_passes_its_own_check(tmp_path: Path) -> None:
    folder = drafted(tmp_path, table(), is_observed=True)
    use_case = load_use_case(folder).use_case
    assert (use_case.mode, use_case.source.kind, use_case.source.propensity) == ("observe", "legacy_log_replay", "")
    assert [(one.name, one.is_default, one.reveals_outcome) for one in use_case.actions] == [
        ("reject", True, False),
        ("approve", False, True),
    ]
    assert use_case.model.action_as == "revealing_action"
    assert use_case.economics.value["reject"] == "0"
    findings = check_use_case(folder).findings
    assert any("The other system did reject" in one for one in findings)
    assert not any("have no outcome" in one for one in findings)  # those who were rejected have none to wait for


def test_what_it_did_must_be_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no column says what the other system did"):
        drafted(tmp_path, table().rename(columns={"decision": "income_band"}), is_observed=True)


def test_its_propensities_are_kept_where_there_are_any(tmp_path: Path) -> None:
    use_case = load_use_case(drafted(tmp_path, table(), is_observed=True, propensity="shares")).use_case
    assert use_case.source.propensity == "propensity"
