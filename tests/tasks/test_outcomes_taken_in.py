"""The books of outcomes: what was seen of whom, counted once, however often the source is read."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from decisionloop.ledger.alerts import alerts
from decisionloop.ledger.outcomes import OutcomeIntake, append_intake, intakes, recorded_outcomes
from tasks.observe import outcomes as reading
from tasks.watch.refused_outcomes import watch_refused_outcomes
from tests.small_use_case import as_of

pytestmark = pytest.mark.xdist_group("loop")

LIVE = {
    "kind": "tables",
    "history": {"path": "data/history.csv", "time": "seen_at"},
    "due": {"path": "data/history.csv", "time": "seen_at"},
    "outcomes": {"path": "data/outcomes.parquet", "time": "told_at"},
    "outcome_columns": {"decision_time": "decided_at", "outcome_time": "told_at"},
}


def _books(installation, week):
    (books,) = [b for b in intakes(installation.ledger, "small") if b.as_of == as_of(week)]
    return books


def test_an_outcome_of_an_unknown_entity_is_counted_and_teaches_nothing(small):
    small.contract(source=LIVE)
    seen_at = as_of(0) + pd.Timedelta(days=1)
    stranger = {"shop_id": "stranger", "decided_at": as_of(0), "told_at": seen_at, "defaulted": 1}
    small.written.change("outcomes.parquet", lambda seen: pd.concat([seen, pd.DataFrame([stranger])]))
    small.predict(0)
    small.act(0)
    small.observe(1)
    books = _books(small, 1)
    lent = int((small.decisions(0)["action"] == "lend").sum())
    assert (books.rows_read, books.matched, books.first) == (601, lent, lent)
    assert (books.unknown, books.invalid, books.duplicate) == (1, 600 - lent, 0)
    assert "stranger" not in books.detail
    assert "no decision" in books.detail


def test_an_outcome_that_nobody_can_place_in_time_is_refused_once(small):
    small.contract(source=LIVE)

    def spoilt(seen):
        texts = seen.assign(told_at=seen["told_at"].astype(str))
        return pd.concat([texts, texts.iloc[[0, 1]].assign(told_at="soon")])

    small.written.change("outcomes.parquet", spoilt)
    small.predict(0)
    small.act(0)
    small.observe(1)
    lent = int((small.decisions(0)["action"] == "lend").sum())
    first = _books(small, 1)
    assert (first.matched, first.invalid) == (lent, 602 - lent)
    assert "2 invalid: when it was seen, or another of its times, is missing or unreadable" in first.detail
    small.observe(2)
    assert "unreadable" not in _books(small, 2).detail


def test_refused_outcomes_are_told_once_a_time_and_again_when_they_come_back(small):
    def read(week, refused):
        detail = json.dumps({"refused": {"its class is neither 0 nor 1": refused}})
        append_intake(small.ledger, OutcomeIntake("small", as_of(week), 20, 0, 0, 0, 0, 0, 0, refused, detail))
        return watch_refused_outcomes.fn("small", as_of(week))

    told = [read(week, 20 if week < 3 or week > 30 else 0) for week in range(33)]
    assert [week for week, many in enumerate(told) if many] == [0, 6, 31]  # no longer most, and then again
    assert [one.severity for one in alerts(small.ledger, "small")] == ["critical", "warning", "warning"]


def test_what_was_read_before_is_not_booked_again(begun):
    begun.observe(1)
    first = _books(begun, 1)
    assert first.rows_read == first.matched == first.first > 0
    begun.observe(2)
    second = _books(begun, 2)
    assert (second.rows_read, second.matched, second.duplicate) == (0, 0, 0)


def test_who_reads_at_the_same_time_as_another_takes_in_what_that_one_left(begun, monkeypatch):
    told, match = [], reading._match

    def match_and_be_slower(*asked):
        matched = match(*asked)
        if not told:
            told.append("")
            told.append(reading._read_outcomes("small", as_of(1)))
        return matched

    monkeypatch.setattr(reading, "_match", match_and_be_slower)
    assert reading.read_outcomes.fn("small", as_of(1)) == "read before"
    assert told[1] == f"{_books(begun, 1).first} new outcomes"


def test_a_correction_is_a_revision_and_a_repetition_a_duplicate(begun):
    begun.tell_when_it_happened()  # else what is seen after the window may have happened after it
    begun.observe(1)
    lent = begun.decisions(0).query("action == 'lend'")["entity_id"].tolist()

    def correct(outcomes):
        rows = outcomes[(outcomes["decided_at"] == as_of(0)) & outcomes["shop_id"].isin(lent[:5])]
        corrected = rows.assign(told_at=rows["told_at"] + pd.Timedelta(days=3))
        return pd.concat([corrected.iloc[:2].assign(defaulted=1 - rows["defaulted"].iloc[:2]), corrected.iloc[2:]])

    corrections = correct(pd.read_parquet(begun.written.folder / "data" / "outcomes.parquet"))
    begun.contract(source=LIVE)
    begun.written.change("outcomes.parquet", lambda outcomes: pd.concat([outcomes, corrections]))
    begun.observe(2)
    books = _books(begun, 2)
    assert (books.contradictory, books.duplicate, books.first, books.late) == (2, 3, 0, 0)


def _latest(small) -> pd.DataFrame:
    recorded = recorded_outcomes(small.ledger, "small", reading.BEGINNING, as_of(9))
    return recorded.sort_values("revision").drop_duplicates("decision_id", keep="last").set_index("decision_id")


def test_an_outcome_that_is_written_over_in_the_table_is_a_revision_in_either_direction(begun):
    begun.contract(source=LIVE)
    begun.observe(1)
    before = _latest(begun)["outcome_class"]
    assert set(before) == {0.0, 1.0}
    begun.written.change("outcomes.parquet", lambda seen: seen.assign(defaulted=1 - seen["defaulted"].astype(int)))
    begun.observe(2)
    after = _latest(begun)
    assert (after["outcome_class"][before.index] == 1 - before).all()
    assert (after["revision"][before.index] == 2).all()
    books = _books(begun, 2)
    assert books.contradictory == len(before)
    assert "the latest counts" in books.detail
    begun.observe(3)
    assert (_latest(begun)["revision"][before.index] == 2).all()


def _written_wrong(seen: pd.DataFrame, share: float) -> pd.DataFrame:
    """Some of the outcomes with a class that is none."""
    is_wrong = seen["shop_id"].rank(method="dense") <= share * seen["shop_id"].nunique()
    return seen.assign(defaulted=seen["defaulted"].astype(int).mask(is_wrong, 7))


@pytest.mark.parametrize(("share", "severity"), [(0.02, None), (0.3, "warning"), (0.9, "critical")])
def test_people_are_told_once_where_outcomes_come_and_cannot_be_read(small, share, severity):
    small.contract(source=LIVE)
    small.written.change("outcomes.parquet", lambda seen: _written_wrong(seen, share))
    small.predict(0)
    small.act(0)
    for week in (1, 2):
        small.observe(week)
    told = [one for one in alerts(small.ledger, "small") if one.kind == "outcomes"]
    assert [one.severity for one in told] == ([severity] if severity else [])
    assert all("its class is neither 0 nor 1" in one.message for one in told)
