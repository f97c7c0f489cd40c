"""What exploring was expected to lose, in words for a manager and for the terminal."""

from __future__ import annotations

from dataclasses import replace

from decisionloop.report.read.exploring import planned_in_all
from decisionloop.report.record.exploring import ExploredGroup, PlannedExploring
from decisionloop.report.words.exploring import planned_line, planned_sentence

MAY = PlannedExploring(
    "2005-05-01",
    rows=1000,
    explored=3.0,
    cost=5_000.0,
    budget=4_000.0,
    groups=(ExploredGroup("sex", "men", 400, 1.0), ExploredGroup("sex", "women", 600, 2.0)),
    look_cost=1_200.0,
)
PARTS = "€3,800 within a budget of €4,000, and €1,200 at worst for a first look at what hardly anybody has seen"
NBSP = "\u00a0"


def test_a_batch_is_one_line():
    assert planned_line(MAY, "EUR").replace(NBSP, " ") == (
        "2005-05-01: about 3 of 1,000 (0.3%) tried, expected to lose at most €5,000: "
        + PARTS
        + "; men 0.25% of 400, women 0.33% of 600"
    )
    without = replace(MAY, cost=3_800.0, look_cost=0.0, groups=())
    assert planned_line(without, "EUR").replace(NBSP, " ") == (
        "2005-05-01: about 3 of 1,000 (0.3%) tried, expected to lose at most €3,800, with a budget of €4,000"
    )
    held = replace(without, is_budget_left=True)
    assert planned_line(held, "EUR").endswith(", of which `policy.exploration.largest_share` leaves a part")
    flat = replace(MAY, budget=None, groups=())
    assert (
        planned_line(flat, "EUR").replace(NBSP, " ")
        == "2005-05-01: about 3 of 1,000 (0.3%) tried, expected to lose at most €5,000"
    )


def test_where_nothing_is_tried_it_says_so_without_shares():
    nothing = replace(MAY, explored=0.0, cost=0.0, budget=0.0, look_cost=0.0, groups=())
    told = planned_line(nothing, "EUR").replace(NBSP, " ")
    assert told == "2005-05-01: nothing tried in 1,000 decisions, with a budget of €0"


def test_batches_add_up_with_their_groups():
    both = planned_in_all([MAY, replace(MAY, cohort="2005-05-08", cost=1_000.0)])
    assert both is not None
    assert (both.rows, both.explored, both.cost, both.budget) == (2000, 6.0, 6_000.0, 8_000.0)
    assert both.look_cost == 2_400.0
    before = planned_in_all([MAY, replace(MAY, look_cost=None)])
    assert before is not None
    assert before.look_cost is None
    assert "a first look at what hardly anybody has seen comes on top" in planned_line(before, "EUR")
    assert [(one.wording, one.rows, one.explored) for one in both.groups] == [("men", 800, 2.0), ("women", 1200, 4.0)]
    flat = planned_in_all([MAY, replace(MAY, budget=None)])
    assert flat is not None
    assert flat.budget is None
    assert planned_in_all([]) is None


def test_the_story_names_the_budget_and_on_whom_exploring_fell():
    told = planned_sentence(MAY, "EUR").replace(NBSP, " ")
    assert told.startswith("Beforehand it was expected to lose no more than €5,000")
    assert f"by prices that err on the dear side: {PARTS}." in told
    assert "men 0.25% and women 0.33%" in told
