"""What was executed finds its decision, is recorded once, and says which outcomes there can be."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisionloop.contract import UseCase
from decisionloop.observe.executions import EXECUTION_COLUMNS, nothing_executed
from decisionloop.observe.intake import RECORDED_COLUMNS, Intake, Recorded, match_outcomes
from tests.examples import examples
from tests.observe.test_overrides import CONTRACT

START = pd.Timestamp("2024-01-01", tz="UTC")
AS_OF = START + pd.Timedelta(days=60)
NOTHING = pd.DataFrame({name: [] for name in RECORDED_COLUMNS})
DECISIONS = pd.DataFrame(
    {"decision_id": ["a", "b"], "entity_id": ["ann", "bob"], "as_of": START, "action": ["lend", "hold"]}
)


@pytest.fixture(scope="module")
def use_case() -> UseCase:
    return UseCase.model_validate(CONTRACT)


def row(of="a", executed=None, told=None, day=1.0, why=None, by=None, **other):
    """One row, seen ``day`` days after the decision."""
    seen = START + pd.Timedelta(days=day)
    keys = {"entity_id": None, "decision_time": None, "decision_id": of, "amount": None, "observed_at": seen}
    said = {"outcome_class": told, "executed_action": executed, "overridden_by": by, "override_reason": why}
    return keys | said | other


def take(use_case: UseCase, *rows: dict[str, object], executions: pd.DataFrame | None = None) -> Intake:
    frame = pd.DataFrame(list(rows)).astype(
        {"executed_action": "str", "overridden_by": "str", "override_reason": "str"}
    )
    recorded = Recorded(NOTHING, nothing_executed() if executions is None else executions)
    return match_outcomes(frame, DECISIONS, recorded, use_case, AS_OF)


@pytest.mark.parametrize(
    ("rows", "kinds", "why"),
    [
        ([row(executed="hold", why="risk")], ["executed"], ""),
        ([row(executed="lend", told=1)], ["first"], ""),
        ([row("b", executed="lend", told=0)], ["first"], ""),  # the choice reveals nothing, what was done does
        ([row("b", executed="lend"), row("b", told=0, day=5)], ["executed", "first"], ""),
        ([row("b", told=0)], ["invalid"], "reveals no outcome"),
        ([row(executed="hold"), row(told=1, day=5)], ["executed", "invalid"], "reveals no outcome"),
        ([row(executed="hold", told=1)], ["invalid"], "reveals no outcome, and it tells one"),
        ([row(executed="give", told=1)], ["invalid"], "none of hold, lend"),
        ([row("c", executed="hold")], ["unknown"], "decision_id"),
        ([row(None, executed="hold", entity_id="ann")], ["unknown"], "not of which decision"),
        ([row(None, executed="hold", entity_id="ann", decision_time=START)], ["executed"], ""),
        ([row(executed="hold", entity_id="bob")], ["invalid"], "another entity"),
        ([row(executed="hold", day=-1)], ["invalid"], "before its decision"),
        ([row(executed="hold", day=99)], ["invalid"], "as-of"),
        ([row(executed="hold"), row(executed="hold", day=2)], ["executed", "duplicate"], ""),
        ([row(executed="hold"), row(executed="lend", day=2)], ["executed", "contradictory"], ""),
        (
            [row(executed="hold", day=50)],
            ["executed"],
            "",
        ),  # long after the window: it says what was done, not what came
        ([row()], ["invalid"], "neither 0 nor 1"),
    ],
)
def test_each_row_is_answered_and_counted(use_case, rows, kinds, why):
    intake = take(use_case, *rows)
    assert [one.kind for one in intake.of_row] == kinds
    assert why in intake.of_row[-1].why
    counts = intake.counts
    assert counts.rows_read == len(rows) == counts.matched + counts.unknown + counts.invalid + counts.after_window
    told = counts.first + counts.late + counts.duplicate + counts.contradictory + counts.executed
    assert counts.matched == told
    counted = {name for name, value in vars(counts).items() if value} - {"rows_read", "matched"}
    assert counted == set(kinds)


def test_who_did_otherwise_and_why_are_kept_with_the_time_it_was_seen(use_case):
    executions = take(use_case, row(executed="hold", why="risk", by="clerk")).executions
    assert list(executions.columns) == list(EXECUTION_COLUMNS)
    (kept,) = executions.to_dict("records")
    assert (kept["executed_action"], kept["overridden_by"], kept["override_reason"]) == ("hold", "clerk", "risk")
    assert (kept["revision"], kept["observed_at"]) == (1, START + pd.Timedelta(days=1))


def test_an_outcome_beside_an_executed_action_that_is_none_is_not_taken(use_case):
    intake = take(use_case, row(executed="give", told=1))
    assert intake.revisions.empty
    assert intake.executions.empty


def test_what_was_done_is_taken_from_a_row_whose_outcome_came_too_late(use_case):
    intake = take(use_case, row(executed="lend", told=1, day=30))
    assert [one.kind for one in intake.of_row] == ["after_window"]
    assert intake.executions["executed_action"].tolist() == ["lend"]


def test_without_such_a_section_of_the_contract_nothing_is_taken(use_case):
    silent = use_case.model_copy(update={"outcome": use_case.outcome.model_copy(update={"executed": None})})
    intake = take(silent, row(executed="hold", told=1))
    assert intake.executions.empty
    assert [one.kind for one in intake.of_row] == ["first"]


SAID = st.tuples(st.sampled_from("ab"), st.sampled_from(["hold", "lend"]), st.integers(0, 4), st.sampled_from("xy"))


@examples(8)
@given(st.lists(SAID, max_size=7), st.randoms(use_true_random=False), st.integers(0, 7))
def test_what_is_known_last_depends_neither_on_order_nor_on_how_often_it_is_read(said, shuffled, split):
    use_case = UseCase.model_validate(CONTRACT)
    rows = [row(of, executed, day=day, why=why) for of, executed, day, why in said]

    def state(executions: pd.DataFrame) -> dict[str, tuple[object, ...]]:
        last = executions.sort_values("revision").drop_duplicates("decision_id", keep="last")
        told = zip(last["decision_id"], last["executed_action"], last["override_reason"], strict=True)
        return {of: (done, why) for of, done, why in told}

    if not rows:
        return
    whole = take(use_case, *rows).executions
    assert take(use_case, *rows, executions=whole).executions.empty
    other = list(rows)
    shuffled.shuffle(other)
    assert state(take(use_case, *other).executions) == state(whole)
    in_time = sorted(rows, key=lambda one: one["observed_at"])
    first, second = in_time[:split], in_time[split:]
    if first and second:
        early = take(use_case, *first).executions
        late = take(use_case, *second, executions=early).executions
        assert state(pd.concat([early, late])) == state(whole)
