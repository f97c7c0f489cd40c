"""What another system decided is read from the rows that say who is due, from a table of its own, or from its log."""

from __future__ import annotations

import pandas as pd
import pytest

from decisionloop.errors import SourceError
from decisionloop.sources.checking import check_use_case
from decisionloop.sources.legacy import legacy_decisions

FILES = {
    "history.csv": "client,known_at,spend\na,2026-01-01,10\nb,2026-01-01,90\n",
    "due.csv": "client,due_at,decision,chance\na,2026-01-07,wait,0.25\nb,2026-01-07, offer ,\nb,2025-12-01,wait,0.5\n",
    "outcomes.csv": "client,arrived_at,seen_at,bought\nb,2026-01-12,2026-01-12,1\n",
    "theirs.csv": "client,at,decision\na,2026-01-06,wait\na,2026-01-06,offer\nb,2026-01-09,offer\n",
}
LOG = """client,decided_at,spend,decision,seen_at,bought
a,2026-01-01,10,wait,,
b,2026-01-01,90,offer,2026-01-05,0
a,2026-01-08,20,offer,2026-01-12,1
"""
PEOPLE = pd.DataFrame({"client": ["a", "b"]})


def told(source, day):
    frame = legacy_decisions(source, PEOPLE, pd.Timestamp(day, tz="UTC"), 7)
    return [tuple(None if pd.isna(one) else one for one in row) for row in frame.drop(columns="decided_at").to_numpy()]


def test_they_come_with_the_rows_that_say_who_is_due(opened, tables):
    source = opened({**tables, "legacy": {"action": "decision", "propensity": "chance"}}, FILES, mode="observe")
    assert told(source, "2026-01-08") == [("a", "wait", "0.25"), ("b", "offer", None)]


def test_they_come_from_a_table_of_their_own_as_it_is_written(opened, tables):
    legacy = {"table": {"path": "theirs.csv", "time": "at"}, "action": "decision"}
    source = opened({**tables, "legacy": legacy}, FILES, mode="observe")
    assert told(source, "2026-01-08") == [("a", "wait"), ("a", "offer")]  # two at once are for the batch to refuse
    assert told(source, "2026-01-09") == [("a", "wait"), ("a", "offer"), ("b", "offer")]


def test_features_never_see_what_was_decided(opened, tables):
    history = {"path": "due.csv", "time": "due_at"}
    source = opened(
        {**tables, "history": history, "due": None, "legacy": {"action": "decision"}}, FILES, mode="observe"
    )
    assert list(source.known(PEOPLE, pd.Timestamp("2026-02-01", tz="UTC"))) == ["client", "due_at", "chance"]


def test_a_log_is_replayed_with_what_came_of_what_was_done(opened, at, decisions):
    spec = {"kind": "legacy_log_replay", "log": {"path": "log.csv", "time": "decided_at"}, "action": "decision",
            "outcome_time": "seen_at"}  # fmt: skip
    source = opened(spec, {"log.csv": LOG}, mode="observe")
    assert [f"{one:%m-%d}" for one in source.calendar()] == ["01-01", "01-08"]
    assert told(source, "2026-01-01") == [("a", "wait"), ("b", "offer")]
    decided = decisions(("a", "2026-01-01", "wait"), ("b", "2026-01-01", "offer"), ("a", "2026-01-08", "offer"))
    seen = source.outcomes(at("2026-02-01"), decided)
    assert list(zip(seen["decision_id"], seen["outcome_class"], strict=True)) == [("d1", 0.0), ("d2", 1.0)]
    assert source.outcomes(at("2026-01-11"), decided)["decision_id"].tolist() == ["d1"]
    assert "decision" not in source.known(PEOPLE, at("2026-02-01"))


OWN = """
import pandas as pd
class Mine:
    time_column = "at"
    def due(self, as_of, covers_days):
        return pd.DataFrame({"client": ["a"]})
    def known(self, entities, as_of):
        return pd.DataFrame({"client": ["a"], "at": [as_of], "spend": [1.0]})
    def newest_time(self, as_of):
        return as_of
    def outcomes(self, as_of, decided):
        columns = ["entity_id", "decision_time", "decision_id", "outcome_class", "amount", "observed_at"]
        return pd.DataFrame(columns=columns)
    def calendar(self):
        return ()
class Telling(Mine):
    def legacy_decisions(self, entities, as_of, covers_days):
        return pd.DataFrame({"client": ["a", "a"], "action": ["wait", "offer"], "propensity": [0.5, 0.5],
                             "decided_at": [as_of, as_of + pd.Timedelta(days=1)]})
def source(use_case, folder):
    return KIND()
"""


def test_a_source_of_one_s_own_says_it_and_nothing_that_is_still_to_come(opened):
    telling = opened({"kind": "custom"}, {"source.py": OWN.replace("KIND", "Telling")}, mode="observe")
    assert told(telling, "2026-01-08") == [("a", "wait", 0.5)]


def test_a_source_of_one_s_own_that_cannot_say_it_is_named_with_the_remedy(opened):
    silent = opened({"kind": "custom"}, {"source.py": OWN.replace("KIND", "Mine")}, mode="observe")
    with pytest.raises(SourceError, match=r"source\.py: legacy_decisions is missing.*LegacySource"):
        told(silent, "2026-01-08")


def test_the_check_says_what_cannot_be_told_and_what_was_done(write, tables):
    files = {**FILES, "due.csv": FILES["due.csv"].replace("2026-01-07,wait", "2026-01-07,promote")}
    files["history.csv"] = FILES["history.csv"].replace("2026-01-01", "2026-01-08")
    folder = write({**tables, "legacy": {"action": "decision"}}, files, mode="observe")
    findings = check_use_case(folder.folder).findings
    assert any("have unknown action: promote (1). Declare the action in the contract" in one for one in findings)
    assert any("The other system did" in one and "rules.py would have done the same" in one for one in findings)
    assert any("With which chance the other system draws is not known" in one for one in findings)
