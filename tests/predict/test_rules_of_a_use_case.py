"""What rules.py returns is turned into actions of the contract, or refused with a remedy."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from decisionloop.contract import UseCase, parse_use_case
from decisionloop.contract.code import ReasonsFunction, RulesFunction, UseCaseCode
from decisionloop.errors import ContractError
from decisionloop.predict.rules import apply_rules

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
