"""What rules.py returns is turned into actions of the contract, or refused with a remedy."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from decisionloop.contract import UseCase, parse_use_case
from decisionloop.contract.code import ReasonsFunction, RulesFunction, UseCaseCode
from decisionloop.errors import ContractError
from decisionloop.predict.rules import GAVE_NONE, SAMPLE, apply_rules, choose_by_rules

USE_CASE: UseCase = parse_use_case(
    """
name: parcels
version: 1
title: Offer insurance
description: Whom to offer insurance.
entity: {key: client, noun: client}
features: [{name: spend, type: number, wording: money spent, purpose: worth}]
protected: [{name: sex, groups: {1: men, 2: women}, reference: 1}]
outcome: {class: {column: bought, wording: bought it}, window_days: 7, maturity_days: 7}
actions:
  - {name: wait, wording: do nothing, is_default: true, reveals_outcome: false}
  - {name: offer, wording: offer it, is_favourable: true, reveals_outcome: true}
model: {action_as: revealing_action}
economics: {currency: EUR, value: {wait: 0, offer: outcome - 0.1}, explanation: One euro each.}
policy: {exploration: {kind: uniform, share: 0.05}, holdout_share: 0.05}
guardrails: {}
data_quality: {rows: [1, 5000], maximum_age_days: 35}
schedule: {cron: 0 6 * * 1}
actuator: {kind: file}
source: {kind: custom}
approval: {owner: a@example.com, approvers: [b@example.com]}
""",
    "test",
)
FRAME = pd.DataFrame(
    {"client": ["a", "b", "c"], "spend": [10.0, 90.0, np.nan], "sex": ["1", "2", "1"]}, index=[7, 3, 5]
)


def choose(features: pd.DataFrame) -> pd.Series:
    return pd.Series(np.where(features["spend"] > 50, "offer", "wait"), index=features.index)


def code(rules: RulesFunction = choose, reasons: ReasonsFunction | None = None) -> UseCaseCode:
    return UseCaseCode(lambda known, as_of: known, rules, reasons, "digest")


def test_actions_are_indices_in_contract_order():
    action, reasons = apply_rules(USE_CASE, code(), FRAME)
    assert action.tolist() == [0, 1, 0]
    assert action.dtype == np.int64
    assert reasons.tolist() == [f"the rules chose to {word}" for word in ("do nothing", "offer it", "do nothing")]


def test_reasons_in_words_are_the_users():
    _, reasons = apply_rules(USE_CASE, code(reasons=lambda f: f["spend"].map("spent {:.0f}".format)), FRAME)
    assert reasons.tolist() == ["spent 10", "spent 90", "spent nan"]


def test_rules_see_the_features_alone():
    def spy(features: pd.DataFrame) -> pd.Series:
        assert features.columns.tolist() == ["spend"]
        features["spend"] = 0.0
        return choose(features)

    frame = FRAME.copy()
    apply_rules(USE_CASE, code(spy), frame)
    pd.testing.assert_frame_equal(frame, FRAME)


def test_an_empty_batch_has_no_actions():
    action, reasons = apply_rules(USE_CASE, code(), FRAME.head(0))
    assert (len(action), len(reasons)) == (0, 0)


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (lambda f: pd.Series("sleep", index=f.index), "sleep"),
        (lambda f: choose(f).where(f["spend"].notna()), "nan"),
        (lambda f: choose(f).head(2), "one value a row"),
        (lambda f: choose(f).sort_index(ascending=False), "one value a row"),
        (lambda f: choose(f).to_numpy(), "ndarray"),
        (lambda f: f["wealth"], "KeyError"),
    ],
)
def test_what_is_no_action_for_every_row_is_refused(rules, expected):
    with pytest.raises(ContractError, match=r"rules\.py of parcels") as raised:
        apply_rules(USE_CASE, code(rules), FRAME)
    assert expected in str(raised.value)


def say(value: object):
    """Reasons that are text but for the last row."""
    return lambda features: pd.Series(["a", "b", value], index=features.index, dtype=object)


NO_TEXTS = {
    "NAType": say(pd.NA),
    "NoneType": say(None),
    "float": say(float("nan")),
    "int": say(7),
    "list": say(["c"]),
    "bytes": say(b"c"),
    "a broken character": say("\ud800"),
}
NO_ROWS = {
    "None": lambda f: None,
    "list": lambda f: ["a"] * len(f),
    "DataFrame": lambda f: f,
    "str": lambda f: "a",
    "a Series of 2 values for 3 rows": lambda f: pd.Series(["a", "b"]),
    "in another order": lambda f: pd.Series("a", index=f.index[::-1]),
    "ValueError": lambda f: f["spend"].map({}.__getitem__).map(int),
}


@pytest.mark.parametrize(("expected", "reasons"), NO_TEXTS.items(), ids=list(NO_TEXTS))
def test_a_reason_that_is_no_text_is_refused_with_its_row(expected, reasons):
    with pytest.raises(ContractError) as raised:
        apply_rules(USE_CASE, code(reasons=reasons), FRAME)
    (fault,) = raised.value.faults
    assert (fault.path, fault.value) == ("reasons", expected)
    assert fault.problem == "is not a text, in 1 of 3 rows, the first of them row 2"
    assert "missing features included" in fault.remedy


@pytest.mark.parametrize(("expected", "reasons"), list(NO_ROWS.items())[:-1], ids=list(NO_ROWS)[:-1])
def test_reasons_that_are_no_series_of_a_value_a_row_are_refused(expected, reasons):
    with pytest.raises(ContractError, match="is not a Series with one value a row") as raised:
        apply_rules(USE_CASE, code(reasons=reasons), FRAME)
    assert expected in raised.value.faults[0].value


@pytest.mark.parametrize("reasons", NO_TEXTS.values(), ids=list(NO_TEXTS))
def test_where_it_keeps_nobody_from_being_decided_the_row_says_that_there_is_none(reasons):
    told: list[ContractError] = []
    action, words = apply_rules(USE_CASE, code(reasons=reasons), FRAME, told.append)
    assert action.tolist() == [0, 1, 0]
    assert words.tolist() == ["a", "b", f"the rules chose to do nothing{GAVE_NONE}"]
    assert [one.faults[0].path for one in told] == ["reasons"]


@pytest.mark.parametrize("reasons", NO_ROWS.values(), ids=list(NO_ROWS))
def test_reasons_that_fail_for_all_leave_every_action_as_it_is(reasons):
    told: list[ContractError] = []
    action, words = apply_rules(USE_CASE, code(reasons=reasons), FRAME, told.append)
    assert action.tolist() == [0, 1, 0]
    assert set(words[1:]) <= {f"the rules chose to {word}{GAVE_NONE}" for word in ("offer it", "do nothing")} | {"a"}
    assert told


def test_rows_that_reasons_fail_on_together_are_asked_alone():
    def reasons(features: pd.DataFrame) -> pd.Series:
        if features["spend"].isna().any():
            raise ValueError("cannot say")
        return features["spend"].map("spent {:.0f}".format)

    told: list[ContractError] = []
    _, words = apply_rules(USE_CASE, code(reasons=reasons), FRAME, told.append)
    assert words.tolist() == ["spent 10", "spent 90", f"the rules chose to do nothing{GAVE_NONE}"]


@pytest.mark.parametrize("many", [3, SAMPLE + 1])
@pytest.mark.parametrize(
    "value", [["offer"], {"offer": 1}, ("offer", "wait"), None, pd.NA, 1, b"offer", pd.Timestamp(0)]
)
def test_whatever_is_no_action_is_refused_however_many_rows_there_are(value, many):
    frame = pd.DataFrame({"client": "a", "spend": np.arange(many, dtype=float), "sex": "1"})

    def rules(features: pd.DataFrame) -> pd.Series:
        return pd.Series(["wait"] * (many - 1) + [value], index=features.index, dtype=object)

    with pytest.raises(ContractError, match=f"is not an action of the contract, in 1 of {many} rows"):
        apply_rules(USE_CASE, code(rules), frame)


@pytest.mark.parametrize("many", [3, SAMPLE + 1])
def test_actions_may_be_of_any_type_of_text(many):
    frame = pd.DataFrame({"client": "a", "spend": np.linspace(0, 100, many), "sex": "1"})
    expected, _ = apply_rules(USE_CASE, code(), frame)
    for dtype in ("category", "string", "string[pyarrow]", "str", object):
        action, _ = apply_rules(USE_CASE, code(lambda f, to=dtype: choose(f).astype(to)), frame)
        assert action.tolist() == expected.tolist(), dtype


@pytest.mark.parametrize("function", ["rules", "reasons"])
def test_a_frame_that_is_changed_is_nobody_elses(function):
    def changing(features: pd.DataFrame) -> pd.Series:
        told = choose(features)
        features.drop(index=features.index[0], inplace=True)
        features["spend"] = -1.0
        return told

    frame = FRAME.copy()
    action, words = apply_rules(USE_CASE, code(**{function: changing}), frame)
    assert action.tolist() == [0, 1, 0]
    assert len(words) == 3
    pd.testing.assert_frame_equal(frame, FRAME)


def test_what_the_code_and_the_rows_say_is_told_in_a_terminal_and_nowhere_else():
    def failing(features: pd.DataFrame) -> pd.Series:
        raise ValueError("Anna Svensson spent nothing")

    for rules in (failing, lambda f: pd.Series("Anna Svensson", index=f.index)):
        with pytest.raises(ContractError, match="Anna Svensson") as raised:
            apply_rules(USE_CASE, code(rules), FRAME)
        told = str(raised.value.without_quotes())
        assert "Svensson" not in told
        assert "rules.py of parcels" in told
        assert raised.value.faults[0].remedy in told


def test_a_fault_is_the_rules_where_made_up_rows_cannot_tell_what_they_read():
    def rules(features: pd.DataFrame) -> pd.Series:
        if (features["spend"] == 1.0).any():  # a row that is none of the user's
            raise ValueError("no such spending")
        return choose(features)

    made_up = pd.DataFrame({"client": ["m"], "spend": [1.0], "sex": ["1"]})
    faults = np.array(["missing: spend"], dtype=object)
    told = choose_by_rules(USE_CASE, code(rules), FRAME.iloc[[2]], faults, made_up)
    assert told.action.tolist() == [USE_CASE.default_action]
    assert told.reasons.tolist() == ["the default action is to do nothing, because of missing: spend"]
