"""The time of a trial: who gains goes on without a proof, but not for ever; who surely loses lately is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from decisionloop.contract import load_use_case
from decisionloop.learn.comparison import Comparison, Progress
from decisionloop.learn.gate import judge
from decisionloop.learn.gate_money import LOSES_LATELY
from decisionloop.learn.logged_batches import LoggedBatches
from decisionloop.learn.money_of_trial import MoneyOfTrial, money_of_trial
from decisionloop.learn.seen_outcomes import Policies
from decisionloop.observe.estimate import Estimate
from decisionloop.observe.off_policy import one_hot
from tests.learn.test_gate import GOOD, RULES, money
from tests.small_use_case import write_offers

LAST = replace(RULES, is_accumulating=True, is_last_look=True)
UNPROVEN = replace(GOOD, money=money(3.2, 9.0), progress=Progress(Comparison("2024-01-01T00:00:00+00:00", 0.05, None)))
GAINS, LOSES = (Estimate(value, value - 1, value + 1, 900, 500.0, 0.95) for value in (2.0, -2.0))


@pytest.mark.parametrize(
    ("of_trial", "may_go_on", "decision"),
    [
        (None, True, "refuse"),
        (MoneyOfTrial(GAINS, GAINS), True, "insufficient"),
        (MoneyOfTrial(GAINS, GAINS), False, "refuse"),
        (MoneyOfTrial(GAINS, LOSES), True, "refuse"),
        (MoneyOfTrial(LOSES, GAINS), True, "refuse"),
    ],
)
def test_without_a_proof_it_goes_on_only_while_its_trial_gains(of_trial, may_go_on, decision):
    verdict = judge(replace(UNPROVEN, of_trial=of_trial), replace(LAST, may_go_on=may_go_on))
    assert verdict.decision == decision


def test_what_was_proven_before_the_world_changed_promotes_nobody():
    proven = replace(GOOD, progress=UNPROVEN.progress)
    assert judge(proven, LAST).decision == "promote"
    verdict = judge(replace(proven, of_trial=MoneyOfTrial(GAINS, LOSES)), LAST)
    assert (verdict.decision, verdict.reason) == ("refuse", LOSES_LATELY)


@pytest.mark.parametrize("fewer", [0, 1])
def test_few_amounts_that_are_not_nought_say_nothing(tmp_path, fewer):
    value = dict.fromkeys(("nothing", "mail", "voucher"), "amount")
    folder = write_offers(tmp_path, outcome={"class": None}, economics={"value": value}).folder
    use_case = load_use_case(folder).use_case
    n, half, least = 2000, np.arange(2000) % 2, int(use_case.gate.minimum_effective_n)
    amount = np.zeros(n)
    amount[np.flatnonzero(half)[: least - fewer]] = 5.0
    log = pd.DataFrame(
        {
            "decision_id": [f"d{one}" for one in range(n)],
            "entity_id": [f"c{one}" for one in range(n)],
            "as_of": pd.Timestamp("2024-01-01", tz="UTC"),
            "role": "exploration",
            "action": np.array(use_case.action_names, dtype=object)[half],
            "propensity": 0.5,
            "fallback_reason": None,
            "outcome_class": np.nan,
            "outcome_amount": amount,
        }
    )
    ours, rules = (one_hot(np.full(n, action), len(use_case.actions)) for action in (1, 0))
    policies = Policies(ours, rules, np.zeros((n, len(use_case.actions))))
    frame = pd.DataFrame({"shop_id": log["entity_id"], "visits": 1.0, "channel": "web"})
    told = money_of_trial(use_case, LoggedBatches(log, frame, np.zeros(n, dtype=np.int64)), policies).whole
    assert told.reason == (f"{least - 1} amounts are not nought, and {least} are asked for" if fewer else None)
    assert told.is_known == (not fewer)
