"""The support rule: each row is answered by itself, unknown values are outside, and its file is what was written."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decisionloop.errors import IntegrityError
from decisionloop.predict.release_model import ReleaseManifest
from decisionloop.predict.support_rule import KindTree, Seen, SupportInput, SupportRule
from tests.examples import examples

ACTIONS = ("hold", "lend")
# debt <= 5 is one kind and more (or unknown) another; what matters of trade is whether it was seen.
RULE = SupportRule(
    actions=ACTIONS,
    is_known=(True, False),
    inputs=(SupportInput("debt"), SupportInput("trade", ("craft", "farm", "retail"))),
    tree=KindTree((0, -1, -1), (5.0, 0.0, 0.0), (1, -1, -1), (2, -1, -1), (False, False, False), (-1, 0, 1)),
    outcomes=(((0.0, 12.0), (0.0, 450.0)), ((0.0, 0.0), (0.0, 100.0))),
    seen=((), (Seen(None, 0.0, 10.0, True), Seen((0.0, 2.0), 0.0, 2.0, False))),
    minimum=100.0,
)
HOLD, LEND = range(2)


def frame_of(debt: object, trade: object, rows: int = 1) -> pd.DataFrame:
    index = range(rows)
    debt_column = pd.Series(debt, index=index, dtype="float64")
    return pd.DataFrame({"debt": debt_column, "trade": pd.Series(trade, index=index, dtype="str")})


def lend_is_supported(debt: float, trade: str | None, rules: int) -> bool:
    hold, lend = RULE.supported(ACTIONS, frame_of(debt, trade), np.array([rules]))[0]
    assert hold  # its money needs no outcome
    return bool(lend)


@pytest.mark.parametrize(
    ("debt", "trade", "rules", "expected"),
    [
        (1.0, "craft", LEND, True),
        (1.0, "craft", HOLD, False),  # twelve explored loans are too few
        (9.0, "retail", LEND, True),  # just enough
        (float("nan"), "craft", LEND, True),  # it was missing in what taught, too
        (11.0, "craft", LEND, False),  # more than ever seen
        (1.0, "farm", LEND, False),  # never lent to
        (1.0, "mining", LEND, False),
        (1.0, None, LEND, False),  # never missing
    ],
)
def test_an_action_is_supported_where_outcomes_of_such_rows_are_known(debt, trade, rules, expected):
    assert lend_is_supported(debt, trade, rules) == expected


@st.composite
def rows(draw: st.DrawFn) -> tuple[pd.DataFrame, np.ndarray, np.random.Generator]:
    many, chance = draw(st.integers(1, 60)), np.random.default_rng(draw(st.integers(0, 2**32)))
    debt = np.where(chance.random(many) < 0.2, np.nan, chance.normal(5, 4, many))
    trade = chance.choice(["craft", "farm", "retail", "mining"], many)
    return frame_of(debt, trade, many), chance.integers(0, 2, many), chance


@examples(20)
@given(rows())
def test_a_row_alone_in_a_part_and_in_a_batch_gets_the_same_answer(case):
    frame, rules, chance = case
    whole = RULE.supported(ACTIONS, frame, rules)
    cut, order = int(chance.integers(0, len(frame) + 1)), chance.permutation(len(frame))
    parts = [RULE.supported(ACTIONS, frame.iloc[one], rules[one]) for one in (slice(0, cut), slice(cut, None))]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    np.testing.assert_array_equal(RULE.supported(ACTIONS, frame.iloc[order], rules[order]), whole[order])
    alone = [RULE.supported(ACTIONS, frame.iloc[[row]], rules[[row]])[0] for row in range(len(frame))]
    np.testing.assert_array_equal(np.stack(alone), whole)


@settings(max_examples=30, deadline=None)
@given(rows())
def test_its_file_reads_back_as_the_same_rule_and_is_written_the_same_again(case):
    frame, rules, _ = case
    data = RULE.to_bytes()
    again = SupportRule.from_bytes(data)
    assert (again, again.to_bytes()) == (RULE, data)
    np.testing.assert_array_equal(again.supported(ACTIONS, frame, rules), RULE.supported(ACTIONS, frame, rules))


@pytest.mark.parametrize("damage", [lambda one: one | {"version": 9}, lambda one: one | {"tree": 3}, lambda _: []])
def test_what_is_no_support_rule_is_refused(damage):
    with pytest.raises(IntegrityError, match="support rule"):
        SupportRule.from_bytes(json.dumps(damage(json.loads(RULE.to_bytes()))).encode())


def test_other_actions_than_the_contract_names_are_refused():
    with pytest.raises(IntegrityError, match="Retrain"):
        RULE.supported(("lend", "hold"), frame_of(1.0, "craft"), np.array([0]))


def test_the_support_rule_is_in_the_digest_of_a_release_and_without_one_nothing_changes():
    plain, within = ReleaseManifest("a", None), ReleaseManifest("a", None, "b")
    assert plain.to_bytes() == b'{"version": 1, "class": "a", "amount": null}'  # as releases had it before
    assert json.loads(within.to_bytes())["support"] == "b"
    assert [ReleaseManifest.from_bytes(one.to_bytes()) for one in (plain, within)] == [plain, within]


def test_a_manifest_of_a_later_version_is_refused_and_not_read_as_a_model_that_may_decide_everywhere():
    with pytest.raises(IntegrityError, match="version 3"):
        ReleaseManifest.from_bytes(b'{"version": 3, "class": "a", "amount": null, "support": "b"}')
