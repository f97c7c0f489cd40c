"""A source of the user's own is held to the same promises."""

from __future__ import annotations

import pytest

from decisionloop.errors import ContractError, SourceError
from decisionloop.sources import ReplaySource, Source, open_source

CUSTOM: dict[str, object] = {"kind": "custom", "options": {"shift": 1}}
SOURCE = """
import pandas as pd

class Mine:
    time_column = "when"
    def __init__(self, shift):
        self.shift = shift
    def due(self, as_of, covers_days):
        return pd.DataFrame({"client": [7, 8]})
    def known(self, entities, as_of):
        days = ["2026-01-08", "2026-01-01", "2026-02-01"]
        return pd.DataFrame({"client": [8, 7, 7], "when": days, "spend": [1, 2, 3]})
    def newest_time(self, as_of):
        return None
    def outcomes(self, as_of, decided):
        seen = ["2026-01-05", "2026-02-05"]
        return pd.DataFrame({"entity_id": [7, 8], "decision_time": None, "decision_id": None,
                             "outcome_class": [1, 0], "amount": None, "observed_at": seen})
    def calendar(self):
        return (pd.Timestamp("2026-01-08"),)

def source(use_case, folder):
    return Mine(use_case.source.options["shift"])
"""
TRUTH = """
    def hidden_truth(self):
        return pd.DataFrame({"entity_id": [7], "as_of": ["2026-01-08"], "outcome_class": [1], "amount": [None]})

def source"""


def test_ids_and_times_are_made_canonical_and_nothing_later_gets_through(opened, at, decisions):
    source = opened(CUSTOM, {"source.py": SOURCE})
    assert isinstance(source, Source)
    assert not isinstance(source, ReplaySource)
    assert source.calendar() == (at("2026-01-08"),)
    due = source.due(at("2026-01-08"), 7)
    assert due["client"].tolist() == ["7", "8"]
    known = source.known(due, at("2026-01-08"))
    assert known[["client", "spend"]].to_numpy().tolist() == [["7", 2], ["8", 1]]
    seen = source.outcomes(at("2026-01-08"), decisions())
    assert seen[["entity_id", "outcome_class"]].to_numpy().tolist() == [["7", 1.0]]


def test_a_replay_of_ones_own_may_know_the_truth(opened, at):
    source = opened(CUSTOM, {"source.py": SOURCE.replace("\ndef source", TRUTH)})
    assert isinstance(source, ReplaySource)
    assert source.hidden_truth()["as_of"].tolist() == [at("2026-01-08")]
    assert source.hidden_truth()["entity_id"].tolist() == ["7"]


def test_a_world_of_ones_own_may_know_what_changed(opened, at):
    changes = """
    def true_changes(self):
        from decisionloop.sources.base import TrueChange
        return (TrueChange("late", "2026-02-01", ("labels",)), TrueChange("early", "2026-01-01", ("inputs",), 2.0))

def source"""
    source = opened(CUSTOM, {"source.py": SOURCE.replace("\ndef source", changes)})
    assert [(one.name, one.at) for one in source.true_changes()] == [
        ("early", at("2026-01-01")),
        ("late", at("2026-02-01")),
    ]
    stationary = changes.replace('TrueChange("late", "2026-02-01", ("labels",)), ', "").replace(
        'TrueChange("early", "2026-01-01", ("inputs",), 2.0)', ""
    )
    assert opened(CUSTOM, {"source.py": SOURCE.replace("\ndef source", stationary)}).true_changes() == ()


def test_a_source_that_says_nothing_of_changes_knows_of_none(opened):
    assert opened(CUSTOM, {"source.py": SOURCE}).true_changes() is None


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("def source(use_case, folder)", "def source(use_case)", "wrong signature"),
        ("return Mine(", "return str(", "lacks time_column, due, known"),
        ("def calendar", "def calender", "lacks calendar"),
        ('options["shift"]', 'options["sift"]', "failed: KeyError"),
        ("def source", "def sources", "no such function"),
    ],
)
def test_a_source_that_is_none_is_a_fault_of_the_contract(write, old, new, expected):
    folder = write(CUSTOM, {"source.py": SOURCE.replace(old, new)})
    with pytest.raises(ContractError, match=expected):
        open_source(folder)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('{"client": [7, 8]}', '{"kunde": [7, 8]}', "source.py: due has no column client"),
        ('pd.DataFrame({"client": [7, 8]})', "[7, 8]", "source.py: due returned list, not a DataFrame"),
        ('"when": days', '"then": days', "source.py: known has no column when"),
        ('"2026-01-01", ', '"long ago", ', "holds 'long ago'"),
        ('"observed_at": seen', '"seen": seen', "source.py: outcomes has no column observed_at"),
        ('"outcome_class": [1, 0]', '"outcome_class": ["a", 0]', "not an outcome"),
    ],
)
def test_what_it_hands_over_is_checked(write, at, decisions, old, new, expected):
    source = open_source(write(CUSTOM, {"source.py": SOURCE.replace(old, new)}))

    def read() -> None:
        source.known(source.due(at("2026-01-08"), 7), at("2026-01-08"))
        source.outcomes(at("2026-01-08"), decisions())

    with pytest.raises(SourceError) as raised:
        read()
    assert expected in str(raised.value)
