"""A live draft of people who come back: every decision gets the outcome of the row that it was made for."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from decisionloop.contract import load_use_case
from decisionloop.draft.draft import draft_use_case
from decisionloop.draft.roles import Asked
from decisionloop.observe.intake import Recorded, match_outcomes
from decisionloop.observe.reading import Reading, unread
from decisionloop.schedule import due_times
from decisionloop.sources.opening import open_source

BEGIN = pd.Timestamp("2024-01-01", tz="UTC")


def tickets(rows: int, days: int, customers: int) -> pd.DataFrame:
    """A row is a ticket; a customer comes back within days, mostly before the last ticket's outcome is seen."""
    rng = np.random.default_rng(7)
    asked = BEGIN + pd.to_timedelta(np.sort(rng.integers(0, days * 24 * 60, rows)), unit="min")
    return pd.DataFrame(
        {
            "customer": [f"c{one:04d}" for one in rng.integers(0, customers, rows)],
            "asked_at": asked,
            "wait_hours": rng.integers(1, 40, rows),
            "escalated": rng.integers(0, 2, rows),
            "seen_at": asked + pd.to_timedelta(rng.integers(9 * 24, 12 * 24, rows), unit="h"),
        }
    ).drop_duplicates(["customer", "asked_at"])


@pytest.mark.parametrize(("rows", "customers", "covers"), [(3_000, 200, 1), (1_200, 60, 7)])
def test_every_decision_about_people_who_come_back_has_its_own_outcome(
    tmp_path: Path, rows: int, customers: int, covers: int
) -> None:
    table = tickets(rows, 150 if covers > 1 else 40, customers)
    table.to_csv(tmp_path / "ret.csv", index=False, date_format="%Y-%m-%dT%H:%M:%SZ")
    asked = Asked(entity="customer", outcome="escalated", outcome_time="seen_at", time="asked_at", is_live=True)
    draft = draft_use_case(tmp_path, "ret", tmp_path / "ret.csv", asked)
    assert any("writes customer and asked_at" in note for note in draft.notes)
    folder = load_use_case(draft.folder)
    use_case, source = folder.use_case, open_source(folder)
    assert use_case.schedule.covers_days == covers
    made, revisions, last = [], pd.DataFrame(), None
    end = table["seen_at"].max().ceil("D") + timedelta(days=covers)
    for as_of in pd.DatetimeIndex(due_times(use_case.schedule, BEGIN.to_pydatetime(), end.to_pydatetime())):
        due = source.due(as_of, covers)["customer"]
        made += [(f"{one}/{as_of:%Y%m%d}", one, as_of, "act") for one in due]
        decisions = pd.DataFrame(made, columns=["decision_id", "entity_id", "as_of", "action"])
        shown = source.outcomes(as_of, decisions.assign(has_outcome=False))
        known = revisions if len(revisions) else NOTHING
        taken = match_outcomes(unread(shown, last), decisions, Recorded(known), use_case, as_of.to_pydatetime())
        revisions, last = pd.concat([revisions, taken.revisions]), Reading.of(shown, as_of.to_pydatetime())
    outcome = revisions.sort_values("revision").groupby("decision_id")["outcome_class"].last()
    decided = pd.DataFrame(made, columns=["decision_id", "customer", "as_of", "action"])
    rows_of = pd.merge_asof(
        decided.sort_values("as_of"), table, left_on="as_of", right_on="asked_at", by="customer", direction="backward"
    ).set_index("decision_id")
    assert len(rows_of) > 10 * customers / covers
    assert set(outcome.index) == set(rows_of.index)
    assert (outcome == rows_of["escalated"].reindex(outcome.index)).all()


NOTHING = pd.DataFrame(
    {
        "decision_id": pd.Series(dtype="str"),
        "revision": pd.Series(dtype="int64"),
        "outcome_class": pd.Series(dtype="float64"),
        "amount": pd.Series(dtype="float64"),
        "observed_at": pd.Series(dtype="datetime64[us, UTC]"),
    }
)
