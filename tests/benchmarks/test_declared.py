"""Declared beside realised: rows are found by their module, and no answer of a row is wrong too often."""

from __future__ import annotations

from benchmarks.declared.row import Row, is_above, misses
from benchmarks.intervals import declared_rows, measure
from decisionloop.observe.estimate import Estimate, cannot_say


def test_a_module_adds_its_rows_by_being_there() -> None:
    rows = declared_rows()
    assert {"gain of a policy", "rate of an outcome", "lift over the holdout, any of 52 looks"} <= {
        r.what for r in rows
    }
    assert len({(row.what, row.world) for row in rows}) == len(rows)


def test_a_row_counts_wrong_answers_and_what_cannot_be_told_is_none() -> None:
    coin = Row("coin", "fair", 0.5, lambda rng: bool(rng.random() < 0.5))
    assert abs(coin.realised(2_000, 1) - 0.5) < 0.05
    told = Estimate(1.0, 0.5, 1.5, 9, 9.0, 0.95)
    assert (misses(told, 2.0), misses(told, 1.0), is_above(told, 0.4), is_above(told, 0.6)) == (
        True,
        False,
        True,
        False,
    )
    assert not misses(cannot_say("nothing", 0, 0.95), 1.0)


def test_a_row_that_errs_more_than_declared_misses_its_goal(monkeypatch) -> None:
    rows = [
        Row("always wrong", "any", 0.05, lambda _: True, 150),
        Row("never wrong", "any", 0.05, lambda _: False, 150),
    ]
    monkeypatch.setattr("benchmarks.intervals.declared_rows", lambda: rows)
    assert [figure.is_met for figure in measure(is_quick=True)] == [False, True]
