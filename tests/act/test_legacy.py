"""What another system did is told row by row: its last decision, or why nobody can tell."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisionloop.act.agreement import Agreement
from decisionloop.act.legacy import BAD_PROPENSITY, NO_ACTION, REMEDIES, SEVERAL_ACTIONS, UNKNOWN_ACTION, legacy_actions
from decisionloop.contract import parse_use_case
from tests.contract.conftest import CONTRACT

CASE = parse_use_case(CONTRACT, "usecase.yaml")
ACTIONS = st.sampled_from([*CASE.action_names, "promote", None])


def said(*rows: tuple[str, int, str | None], propensity: list[str | None] | None = None) -> pd.DataFrame:
    """Rows of entity, day and action."""
    frame = pd.DataFrame(
        {
            "client_id": [one for one, _, _ in rows],
            "decided_at": pd.to_datetime([f"2026-01-{day:02d}" for _, day, _ in rows], utc=True),
            "action": pd.Series([action for _, _, action in rows], dtype="str"),
        }
    )
    return frame if propensity is None else frame.assign(propensity=pd.Series(propensity, dtype="str"))


def test_the_last_decision_counts_whatever_the_order_of_the_rows() -> None:
    told = legacy_actions(CASE, np.array(["a", "b"]), said(("a", 5, "offer"), ("b", 3, "wait"), ("a", 2, "wait")))
    assert told.action.tolist() == [1, 0]
    assert told.fault.tolist() == ["", ""]
    assert np.isnan(told.propensity).all()


def test_each_fault_is_named_and_has_a_remedy() -> None:
    rows = said(
        ("blank", 1, None), ("new", 1, "promote"), ("two", 1, "wait"), ("two", 1, "offer"), ("same", 1, "wait"),
        ("same", 1, "wait"),
    )  # fmt: skip
    told = legacy_actions(CASE, np.array(["nobody", "blank", "new", "two", "same"]), rows)
    assert told.fault.tolist() == [NO_ACTION, NO_ACTION, UNKNOWN_ACTION, SEVERAL_ACTIONS, ""]
    assert told.written[2] == "promote"
    assert set(told.fault) - {""} <= set(REMEDIES)


@pytest.mark.parametrize("written", ["0", "-0.1", "1.0001", "often", "nan", "inf", None])
def test_what_is_no_propensity_is_a_fault(written: str | None) -> None:
    told = legacy_actions(
        CASE, np.array(["a", "b"]), said(("a", 1, "wait"), ("b", 1, "wait"), propensity=[written, "1"])
    )
    assert told.fault.tolist() == [BAD_PROPENSITY, ""]
    assert np.isnan(told.propensity[0])
    assert told.propensity[1] == 1.0


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(1, 9), ACTIONS), max_size=12))
def test_everybody_has_an_action_or_a_fault_and_never_both(rows: list[tuple[str, int, str | None]]) -> None:
    told = legacy_actions(CASE, np.array(list("abcde")), said(*rows))
    assert ((told.fault == "") == (told.fault == "") & (told.action >= 0)).all()
    assert told.fault[-1] == NO_ACTION  # of whom nothing is said
    for one, fault, action in zip("abcd", told.fault, told.action, strict=False):
        last = [(day, did) for who, day, did in rows if who == one]
        newest = {did for day, did in last if day == max(day for day, _ in last)}
        if fault == "":
            assert newest == {CASE.action_names[action]}


def test_agreement_adds_up_over_parts_and_is_told_by_what_was_done() -> None:
    done, rules = np.array([0, 0, 1, 1, 1]), np.array([0, 1, 1, 1, 0])
    model = np.array([0, 0, 0, -1, 1])
    whole = Agreement.of(("wait", "offer"), done, {"rules": rules, "m": model})
    parts = [
        Agreement.of(("wait", "offer"), done[s], {"rules": rules[s], "m": model[s]}) for s in (slice(2), slice(2, 5))
    ]
    for told in (whole, parts[0] + parts[1], Agreement.from_json(whole.to_json())):
        assert (told.decisions("rules"), told.agreed("rules")) == (5, 3)
        assert (told.share("rules", "wait"), told.share("rules", "offer")) == (0.5, pytest.approx(2 / 3))
        assert (told.decisions("m"), told.share("m", "wait")) == (4, 1.0)
