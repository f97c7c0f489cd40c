"""A stranger with a CSV of a past experiment, or of past decisions, needs a YAML file and thirty lines."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from decisionloop.contract import load_use_case
from decisionloop.contract.code import load_code
from decisionloop.predict.features import build_frame
from decisionloop.predict.rules import apply_rules
from decisionloop.sources import ReplaySource, open_source
from decisionloop.sources.checking import check_use_case

STRANGERS = Path(__file__).parent / "strangers"


def replayed(name: str) -> tuple[pd.DataFrame, pd.DataFrame, ReplaySource]:
    """Every decision of the rules over the whole replay, all outcomes seen in the end, and the source."""
    folder = load_use_case(STRANGERS / name)
    use_case, code, source = folder.use_case, load_code(folder), open_source(folder)
    assert isinstance(source, ReplaySource)
    parts = []
    for as_of in source.calendar():
        entities = source.due(as_of, use_case.schedule.covers_days)
        known = source.known(entities, as_of)
        frame = build_frame(use_case, code.features, known, entities, as_of, source.time_column)
        assert not frame.drop(columns="salary", errors="ignore").isna().any(axis=None)
        action, _ = apply_rules(use_case, code, frame)
        parts.append(
            pd.DataFrame(
                {
                    "decision_id": [f"{as_of.date()}/{one}" for one in frame[use_case.entity.key]],
                    "entity_id": frame[use_case.entity.key],
                    "as_of": as_of,
                    "action": np.array(use_case.action_names)[action],
                }
            )
        )
    decided = pd.concat(parts, ignore_index=True)
    later = source.calendar()[-1] + pd.Timedelta(days=60)
    return decided, source.outcomes(later, decided), source


@pytest.mark.parametrize(
    ("name", "asked"),
    [("mailing", ()), ("overdraft", ("say outcome.absent_means: 0", "monitors.minimum_events needs 10"))],
)
def test_it_passes_its_check_with_thirty_lines_of_code(name, asked):
    """The check asks of the second what no news means, for a fifth never comes, and for more of the rarer class."""
    report = check_use_case(STRANGERS / name)
    told = (*report.findings, *(one for one in report.cannot_happen if not one.startswith("No lift")))
    assert len(told) == len(asked)
    assert all(words in finding for words, finding in zip(asked, told, strict=True))
    assert report.rows > 0
    files = [STRANGERS / name / "features.py", STRANGERS / name / "rules.py"]
    assert sum(len(file.read_text().splitlines()) for file in files) <= 30


def test_a_past_experiment_with_three_unequal_arms():
    decided, seen, source = replayed("mailing")
    log = pd.read_csv(STRANGERS / "mailing" / "campaign.csv", dtype={"customer_no": str})
    assert sorted(decided["entity_id"]) == sorted(log["customer_no"])  # "000123" stays what it was
    chosen = decided.merge(log, left_on="entity_id", right_on="customer_no")
    matched = chosen[chosen["action"] == chosen["segment"]]
    shown = set(seen["entity_id"])
    assert shown == set(matched["entity_id"])  # within each arm the chances are alike, so each is shown whole
    values = seen.merge(log, left_on="entity_id", right_on="customer_no")
    assert (values["outcome_class"] == values["visit"]).all()
    assert (values["amount"] == values["spend"]).all()
    assert ((seen["observed_at"] - seen["decision_time"]) == pd.Timedelta(days=14)).all()
    assert len(source.hidden_truth()) == len(log)


def test_past_decisions_whose_refusals_show_nothing():
    decided, seen, source = replayed("overdraft")
    past = pd.read_csv(STRANGERS / "overdraft" / "past_decisions.csv")
    granted = decided[decided["action"] == "grant"]
    assert set(seen["decision_id"]) < set(granted["decision_id"])  # some that the rules grant were refused in the past
    assert seen["outcome_class"].isin([0, 1]).all()
    assert len(source.hidden_truth()) <= (past["granted"] == "yes").sum()
    assert not decided.duplicated(["entity_id", "as_of"]).any()
    assert len(source.calendar()) == 10  # seventy days in weeks
    outcomes = {"unpaid", "closed_on"}
    known = source.known(source.due(source.calendar()[-1], 7), source.calendar()[-1])
    assert not outcomes & set(known.columns)
    assert "granted" in known.columns
