"""A table of payments in instalments: its live draft proposes that they are added up, and keeps every one of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from decisionloop.contract import load_use_case
from decisionloop.draft.draft import draft_use_case
from decisionloop.draft.roles import Asked
from decisionloop.sources.opening import open_source

BEGIN = pd.Timestamp("2024-01-01", tz="UTC")


def _payments(cases: int = 400) -> pd.DataFrame:
    """Each case was opened once, and has been paid in one to three instalments, often of the same amount and day."""
    rng = np.random.default_rng(5)
    case = np.repeat(np.arange(cases), rng.integers(1, 4, cases))
    opened = BEGIN + pd.to_timedelta(case // 20, unit="D")
    return pd.DataFrame(
        {
            "case_no": [f"k{one:05d}" for one in case],
            "opened_at": opened,
            "debt": (100 + case % 50).astype(float),
            "paid": rng.choice([50.0, 110.0], len(case)),
            "paid_at": opened + pd.to_timedelta(rng.integers(3, 20, len(case)), unit="D"),
        }
    )


def test_a_live_draft_of_instalments_adds_them_up_as_a_guess_and_keeps_all_of_them(tmp_path: Path) -> None:
    table = _payments().drop_duplicates()
    table.to_csv(tmp_path / "paid.csv", index=False, date_format="%Y-%m-%dT%H:%M:%SZ")
    asked = Asked(entity="case_no", amount="paid", outcome_time="paid_at", time="opened_at", is_live=True)
    draft = draft_use_case(tmp_path, "paid", tmp_path / "paid.csv", asked)
    assert any("taken for parts of one paid (outcome.amount.rows: sum)" in note for note in draft.notes)
    text = (draft.folder / "usecase.yaml").read_text()
    assert "rows: sum" in text.split("amount: {")[1].split("\n")[0]
    assert "# GUESS: its unit, and that rows of one decision are parts" in text
    folder = load_use_case(draft.folder)
    assert folder.use_case.outcome.are_rows_added
    source, end = open_source(folder), BEGIN + pd.Timedelta(days=90)
    shown = source.outcomes(end, pd.DataFrame())
    assert shown["amount"].sum() == table["paid"].sum()
    assert not shown["is_copy"].any()
    assert len(source.due(end, 365)) == table["case_no"].nunique()


def test_a_draft_of_one_row_a_decision_says_nothing_of_parts(tmp_path: Path) -> None:
    table = _payments().drop_duplicates("case_no")
    table.to_csv(tmp_path / "paid.csv", index=False, date_format="%Y-%m-%dT%H:%M:%SZ")
    asked = Asked(entity="case_no", amount="paid", outcome_time="paid_at", time="opened_at", is_live=True)
    draft = draft_use_case(tmp_path, "paid", tmp_path / "paid.csv", asked)
    assert load_use_case(draft.folder).use_case.outcome.amount.rows is None
