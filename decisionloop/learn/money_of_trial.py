"""What a trial has brought so far, told plainly: how many entities it is given, and whether it may go on, hang on it.

A proof by bets holds at any number of outcomes and takes every amount at its worst, so that of amounts without a bound
it may take longer than a year; until then the share of a trial would hang on a first look that was taken before it.
What is told here is as good as normal and no better. It promotes nobody.
"""

from __future__ import annotations

from dataclasses import dataclass

from decisionloop.contract import UseCase
from decisionloop.learn.logged_batches import LoggedBatches
from decisionloop.learn.seen_outcomes import Policies, logged_for, seen_difference
from decisionloop.observe.estimate import Estimate, cannot_say
from decisionloop.observe.off_policy import OffPolicyEstimate, difference

LATELY = 8
"""Of the cohorts of a trial, the newest that tell whether it still gains: a world may have changed."""
CONFIDENCE = 0.95


@dataclass(frozen=True)
class MoneyOfTrial:
    """The gain a decision over the champion in all mature cohorts of a trial, and in the newest `LATELY` of them."""

    whole: Estimate
    lately: Estimate

    def is_gaining(self, required: float) -> bool:
        """Whether the newest cohorts say that it earns more than ``required``; it is not sure of that."""
        return self.lately.value is not None and self.lately.value > required

    def is_losing(self, required: float) -> bool:
        """Whether they are sure that it does not, whatever the outcomes are that have not come."""
        told = self.lately
        if told.high is None or (told.bounds is not None and told.bounds.missing and told.bounds.high is None):
            return False
        most = told.high if told.bounds is None or told.bounds.high is None else max(told.high, told.bounds.high)
        return most < required


def money_told(use_case: UseCase, traffic: LoggedBatches, policies: Policies, confidence: float) -> OffPolicyEstimate:
    """The gain a decision on n decisions of policy traffic, by a single look at them."""
    if not use_case.outcome.depends_on_action:
        return seen_difference(use_case, traffic.log, traffic.frame, policies, confidence)
    logged = logged_for(use_case, traffic.log, traffic.frame, policies)
    return difference(logged, policies.challenger, policies.champion, "dr", confidence)


def money_of_trial(use_case: UseCase, traffic: LoggedBatches, policies: Policies) -> MoneyOfTrial:
    """The same of the cohorts of a trial, n decisions of policy traffic."""
    newest = sorted(traffic.log["as_of"].unique())[-LATELY:]
    is_new = traffic.log["as_of"].isin(newest).to_numpy()
    return MoneyOfTrial(
        _enough(use_case, traffic, policies), _enough(use_case, traffic.rows(is_new), policies.rows(is_new))
    )


def _enough(use_case: UseCase, traffic: LoggedBatches, policies: Policies) -> Estimate:
    """The gain, or that too few outcomes tell of it to be as good as normal."""
    told, least = money_told(use_case, traffic, policies, CONFIDENCE).money, use_case.gate.minimum_effective_n
    if told.value is None or told.effective_n >= least:
        return told
    few = f"its outcomes are worth {told.effective_n:,.0f} equally weighted ones, and {least:,g} are asked for"
    return cannot_say(few, told.n, CONFIDENCE)
