"""Declared beside realised: rows are found by their module, and no answer of a row is wrong too often."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.declared.label_alarms import is_label_alarm
from benchmarks.declared.row import Row, is_above, misses
from benchmarks.declared.shifts import outputs_err
from benchmarks.intervals import declared_rows, figure_of, wrong_share
from decisionloop.observe.estimate import Estimate, cannot_say
from decisionloop.observe.label_curve import CohortArrivals, LabelCurve


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


def test_a_row_that_errs_more_than_declared_misses_its_goal() -> None:
    row = Row("alarm", "any", 0.05, lambda _: True, 150)
    assert [figure_of(row, wrong, is_quick=False).is_met for wrong in (1.0, 0.15, 0.1, 0.0)] == [
        False,
        False,
        True,
        True,
    ]


def test_whoever_takes_a_row_gives_the_same_answer() -> None:
    """Processes share the rows out, each with the seed that its words give."""
    place = next(n for n, row in enumerate(declared_rows()) if row.world == "n 214, 0.5 %")
    assert wrong_share(place, is_quick=True) == wrong_share(place, is_quick=True)


@pytest.mark.parametrize(
    "what",
    [
        "alarm: labels missing beyond the usual",
        "alarm: fewer labels than promised",
        "alarm: feedback gap",
        "alarm: scores moved",
        "alarm: actions moved, every slice",
        "alarm: skew, 12 features",
        "impact ratio",
        "bounds of money over the rules",
        "an action's lift over the rules",
        "gate's bets, proof at any of 8 looks",
        "gate's bets, no more at any of 8 looks",
    ],
)
def test_every_kind_of_interval_and_alarm_is_in_the_table(what: str) -> None:
    """Each kind is asked, and one of its worlds answers without breaking."""
    row = next(row for row in declared_rows() if row.what == what)
    assert row.realised(2, seed=1) in (0.0, 0.5, 1.0)


def test_alarms_of_these_worlds_come_where_something_has_changed() -> None:
    """Else they would keep what is declared by never saying anything."""
    assert is_label_alarm(400, 200, LabelCurve(), is_of_promise=True)
    usual = LabelCurve((CohortArrivals(500, (450,)),) * 10)
    assert is_label_alarm(500, 300, usual, is_of_promise=False)
    rng = np.random.default_rng(1)
    assert outputs_err(rng, 5_000, "action_shift", moved=0.3)
    assert outputs_err(rng, 5_000, "score_shift", moved=0.3)
