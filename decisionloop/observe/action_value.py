"""What each action brought in one mature cohort: value, lift over the rules, and what acting cost against what came.

Value and lift are of the decisions for which the loop preferred an action, before chance drew another one: who is in
such a group follows from what was known of them, so the rules can be compared on the same decisions without bias. Of
the decisions in which an action was *taken* they could not: exploration takes it where it looked worst.
Cost, amount and conversion are of the decisions in which the action was taken: what was spent and what came of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from decisionloop.act.economics import action_costs
from decisionloop.contract import UseCase
from decisionloop.contract.operation import BudgetConstraint
from decisionloop.observe.amount_mean import amount_mean
from decisionloop.observe.bounded_mean import rate_estimate
from decisionloop.observe.cohort import Figure, is_policy_traffic, told_where_supported
from decisionloop.observe.estimate import Estimate, Floats, cannot_say
from decisionloop.observe.exact_rate import known_rows
from decisionloop.observe.executed_actions import executed_index
from decisionloop.observe.logged_decisions import LoggedDecisions
from decisionloop.observe.missing_outcomes import MissingOutcomes
from decisionloop.observe.off_policy import one_hot
from decisionloop.observe.outcome_rate import outcome_rate
from decisionloop.observe.possible_money import UsualAmounts
from decisionloop.observe.unbounded import without_ends
from decisionloop.observe.value import value_against_rules

VALUE, LIFT = "value_of_action", "lift_of_action"
COST, AMOUNT, CONVERSION = "cost_of_action", "amount_of_action", "conversion_of_action"


@dataclass(frozen=True)
class Choices:
    """Action indices (n,): the rules', and the one that the loop ``preferred`` before chance drew; -1 where it
    preferred none, as where champion and who is on trial disagree."""

    rules: np.ndarray
    preferred: np.ndarray


def action_figures(
    use_case: UseCase,
    log: pd.DataFrame,
    frame: pd.DataFrame,
    logged: LoggedDecisions,
    choices: Choices,
    amounts: UsualAmounts = (),
) -> Iterator[Figure]:
    """Figures a decision of every action, slice "action=NAME", on the policy's traffic (n decisions).

    value_of_action        money earned, where the action was preferred
    lift_of_action         the same less what the rules would have earned on those decisions
    cost_of_action         what taking it cost under the contract's budget, where the contract has one and an amount
    amount_of_action       the outcome's amount where it was taken, where the contract has a budget and an amount
    conversion_of_action   rate of the outcome's yes where it was taken and reveals one, exact limits

    ``log`` as `cohort.money_figures` has it, aligned with ``frame`` and with ``logged``; ``amounts``: how large amounts
    usually are, from elsewhere. An action that nobody was given has no figures. Where ``logged`` knows of missing
    outcomes, figures have bounds as those of the whole cohort have; what the missing ones would make of an amount is
    not known.
    """
    free, rules, preferred = is_policy_traffic(log), choices.rules, choices.preferred
    for index, name in enumerate(use_case.action_names):
        meant = free & (preferred == index)
        if meant.any():
            yield from _money(logged.subset(meant), one_hot(rules[meant], len(use_case.actions)), f"action={name}")
    yield from acting_figures(use_case, log, frame, logged, amounts)


def acting_figures(
    use_case: UseCase, log: pd.DataFrame, frame: pd.DataFrame, logged: LoggedDecisions, amounts: UsualAmounts = ()
) -> Iterator[Figure]:
    """Of every action that was executed, what it cost, its amount and its conversion; see :func:`action_figures`."""
    free, done = is_policy_traffic(log), executed_index(use_case, log)
    for index in range(len(use_case.actions)):
        taken = free & (done == index)
        if taken.any():
            missing = None if logged.missing is None else logged.missing.subset(taken)
            yield from _acting(use_case, log[taken], frame[taken], missing, index, amounts)


def _money(logged: LoggedDecisions, rules: np.ndarray, part: str) -> Iterator[Figure]:
    against = value_against_rules(logged, rules)
    yield Figure(VALUE, against.realised.per_decision, part)
    yield Figure(LIFT, told_where_supported(against.gain, against.overlap), part)


def _acting(
    use_case: UseCase,
    log: pd.DataFrame,
    frame: pd.DataFrame,
    missing: MissingOutcomes | None,
    index: int,
    amounts: UsualAmounts,
) -> Iterator[Figure]:
    part = f"action={use_case.action_names[index]}"
    if use_case.outcome.class_ and use_case.revealing[index]:
        yield Figure(
            CONVERSION, rate_of(log["outcome_class"].to_numpy(dtype=np.float64, na_value=np.nan), missing), part
        )
    budget = next((one for one in use_case.policy.constraints if isinstance(one, BudgetConstraint)), None)
    if use_case.outcome.amount and budget is not None:
        costs = action_costs(use_case, frame, budget)[:, index]
        cost, _ = known_rows(costs, log["outcome_amount"].to_numpy(dtype=np.float64, na_value=np.nan))
        yield Figure(COST, _paid(cost), part)
        yield Figure(AMOUNT, replace(amount_mean(use_case, log, amounts), bounds=without_ends(missing)), part)


def rate_of(happened: Floats, missing: MissingOutcomes | None) -> Estimate:
    """The rate of those that have come and, where it is known of them, of those that still will."""
    if missing is None:
        (happened,) = known_rows(happened)
        return rate_estimate(happened)
    return outcome_rate(happened, missing)


def _paid(cost: np.ndarray) -> Estimate:
    """Mean of what was paid: nothing is uncertain about it."""
    if not cost.size:
        return cannot_say("no outcome is known", 0, 0.95)
    paid = float(cost.mean())
    return Estimate(paid, paid, paid, cost.size, float(cost.size), 0.95)
