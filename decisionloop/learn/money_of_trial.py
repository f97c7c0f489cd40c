"""What a trial has brought so far, told plainly: how many entities it is given, and whether it may go on, hang on it.

A proof by bets holds at any number of outcomes and takes every amount at its worst, so that of amounts without a bound
it may take longer than a year; until then the share of a trial would hang on a first look that was taken before it.
What is told here is as good as normal and no better. It promotes nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from decisionloop.contract import UseCase
from decisionloop.learn.logged_batches import LoggedBatches
from decisionloop.learn.seen_outcomes import Policies, logged_for, seen_difference
from decisionloop.observe.estimate import Estimate, cannot_say, normal_quantile
from decisionloop.observe.off_policy import OffPolicyEstimate, difference

LATELY, AT_LEAST = 8, timedelta(days=56)
"""Of the cohorts of a trial, the newest that tell whether it still gains: a world may have changed. Where there are
several a week, those of so many days: eight days looked at daily would end a better release in one trial of ten."""
CONFIDENCE = 0.95


@dataclass(frozen=True)
class MoneyOfTrial:
    """The gain a decision over the champion in all mature cohorts of a trial, and in the newest of them (`LATELY`)."""

    whole: Estimate
    lately: Estimate

    def is_gaining(self, required: float) -> bool:
        """Whether the newest cohorts say that it earns more than ``required``; it is not sure of that.

        In the whole trial outcomes that never came count at their worst, or who earns less where they are missing would
        go on. Of the newest cohorts alone that would be asking for more than a trial can show.
        """
        whole, lately = at_worst(self.whole), self.lately.value
        return whole is not None and whole[0] > required and lately is not None and lately > required

    def is_losing(self, required: float) -> bool:
        """Whether they are sure that it does not, whatever the outcomes are that have not come."""
        told = self.lately
        if told.high is None or (told.bounds is not None and told.bounds.missing and told.bounds.high is None):
            return False
        most = told.high if told.bounds is None or told.bounds.high is None else max(told.high, told.bounds.high)
        return most < required


def at_worst(told: Estimate) -> tuple[float, float] | None:
    """An estimate with outcomes that never came at their worst, and its standard error; None where nothing tells."""
    if told.value is None or told.low is None or told.value <= told.low:
        return None
    error = (told.value - told.low) / normal_quantile(told.confidence)
    if told.bounds is None or not told.bounds.missing:
        return told.value, error
    return None if told.bounds.low is None else (told.value - max(0.0, told.low - told.bounds.low), error)


def money_told(use_case: UseCase, traffic: LoggedBatches, policies: Policies, confidence: float) -> OffPolicyEstimate:
    """The gain a decision on n decisions of policy traffic, by a single look at them."""
    if not use_case.outcome.depends_on_action:
        return seen_difference(use_case, traffic.log, traffic.frame, policies, confidence)
    logged = logged_for(use_case, traffic.log, traffic.frame, policies)
    return difference(logged, policies.challenger, policies.champion, "dr", confidence)


def money_of_trial(use_case: UseCase, traffic: LoggedBatches, policies: Policies) -> MoneyOfTrial:
    """The same of the cohorts of a trial, n decisions of policy traffic."""
    cohorts = traffic.log["as_of"]
    newest = sorted(cohorts.unique())[-LATELY:]
    is_new = (cohorts.isin(newest) | (cohorts > cohorts.max() - AT_LEAST)).to_numpy()
    return MoneyOfTrial(
        _enough(use_case, traffic, policies), _enough(use_case, traffic.rows(is_new), policies.rows(is_new))
    )


def _enough(use_case: UseCase, traffic: LoggedBatches, policies: Policies) -> Estimate:
    """The gain, or that too few outcomes, or amounts that are any, tell of it to be as good as normal."""
    told, least = money_told(use_case, traffic, policies, CONFIDENCE).money, use_case.gate.minimum_effective_n
    if told.value is None:
        return told
    if told.effective_n < least:
        few = f"its outcomes are worth {told.effective_n:,.0f} equally weighted ones, and {least:,g} are asked for"
        return cannot_say(few, told.n, CONFIDENCE)
    if use_case.outcome.amount is None:
        return told
    amounts = traffic.log["outcome_amount"].to_numpy(dtype=np.float64, na_value=np.nan)[policies.moved.any(axis=1)]
    with_money = int(np.count_nonzero(np.nan_to_num(amounts)))
    if with_money >= least:
        return told
    return cannot_say(f"{with_money:,} amounts are not nought, and {least:,g} are asked for", told.n, CONFIDENCE)
