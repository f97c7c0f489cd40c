"""Which logged decisions were free to be explored, and so tell of the policy; and whose money is told."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from decisionloop.act.situation import DEFAULT_FOR_ALL, KILL_SWITCH, SPENT, STANDING_IN
from decisionloop.observe.cohort import (
    counts_in_money,
    is_decided_by_policy,
    is_policy_traffic,
    rules_within_limits,
)

LOGGED = {
    "chosen by a model": ("champion", None, True),
    "explored": ("exploration", None, True),
    "held out": ("holdout", None, False),
    "rules stood in for the batch": ("baseline", f"{STANDING_IN}jump", True),
    "rules stood in, and the row was cut by a limit": ("baseline", f"{STANDING_IN}jump; limit: cost", True),
    "cut by the draw of a limit": ("baseline", "limit: largest cost", True),
    "a fault, and cut by a limit": ("baseline", "missing: debt; limit: largest cost", False),
    "kill switch, and cut by a limit": ("baseline", f"{KILL_SWITCH}; limit: largest cost", False),
    "not everything was open, for the budget was spent": ("champion", SPENT, False),
    "rules stood in for a row held out": ("holdout", f"{STANDING_IN}jump", False),
    "kill switch": ("baseline", KILL_SWITCH, False),
    "a fault of the row": ("baseline", "debt is missing", False),
}


@pytest.mark.parametrize("dtype", [object, "string", "category"])
def test_everything_but_holdout_and_fallbacks_of_single_rows_was_free(dtype):
    role, reason, expected = zip(*LOGGED.values(), strict=True)
    log = pd.DataFrame({"role": role, "fallback_reason": pd.Series(reason, dtype=dtype)})
    assert is_policy_traffic(log).tolist() == list(expected)


def test_what_was_decided_while_a_budget_was_spent_is_the_policys_and_tells_of_no_other():
    reasons = {SPENT: True, f"{STANDING_IN}jump; {SPENT}": True, f"missing: debt; {SPENT}": False, "kill switch": False}
    log = pd.DataFrame({"role": "champion", "fallback_reason": [*reasons]})
    assert is_decided_by_policy(log).tolist() == [*reasons.values()]
    assert not is_policy_traffic(log).any()
    assert not is_decided_by_policy(log.assign(role="holdout")).any()


def test_where_a_limit_left_one_action_the_rules_could_have_done_nothing_else():
    reasons = [SPENT, SPENT, "missing: limit", None, "missing: debt; limit: largest cost"]
    log = pd.DataFrame({"fallback_reason": reasons, "propensity": [1.0, 0.9, 1.0, 1.0, 1.0]})
    assert rules_within_limits(log, np.zeros(5, dtype=int), np.full(5, 2)).tolist() == [0, 2, 2, 2, 0]


def test_a_batch_without_any_reason_was_free_as_a_whole():
    log = pd.DataFrame({"role": ["champion"] * 3, "fallback_reason": [None] * 3})
    assert is_policy_traffic(log).all()
    assert is_policy_traffic(log.iloc[:0]).shape == (0,)


CERTAIN = {
    "held out": (("holdout", None), 1.0, True, True),
    "a fault, and the rules' action": (("baseline", "debt is missing"), 1.0, True, True),
    "kill switch, on the rules": (("baseline", KILL_SWITCH), 1.0, True, True),
    "kill switch, and the default action where rules act": (("baseline", DEFAULT_FOR_ALL), 1.0, False, False),
    "held out, and drawn to stay within a limit": (("holdout", None), 0.5, True, True),
    "held out, and cut by that draw": (("holdout", "limit: largest cost"), 0.5, False, True),
    "kill switch, and cut by the draw of a limit": (
        ("baseline", f"{KILL_SWITCH}; limit: largest cost"),
        0.5,
        False,
        True,
    ),
    "chosen by a model against the rules": (("champion", None), 0.9, False, True),
    "decided by another system, nobody knows with which chance": (("legacy", None), np.nan, False, True),
}


def test_money_is_told_of_the_policy_and_of_who_got_for_certain_what_the_rules_do():
    who, propensity, is_rules_choice, expected = zip(*CERTAIN.values(), strict=True)
    log = pd.DataFrame(who, columns=["role", "fallback_reason"])
    assert counts_in_money(log, np.array(propensity), np.array(is_rules_choice)).tolist() == list(expected)
