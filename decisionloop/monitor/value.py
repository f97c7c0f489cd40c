"""Monitor of value: is what decides surely worse than something simpler, and what the business wants to see besides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from decisionloop.act.economics import action_costs, realised_values
from decisionloop.contract import UseCase
from decisionloop.contract.currency import signed
from decisionloop.contract.operation import BudgetConstraint
from decisionloop.monitor.alarm.budget import DAYS_PER_YEAR, AlarmBudget
from decisionloop.monitor.alarm.finding import Finding
from decisionloop.monitor.alarm.terms import Terms
from decisionloop.monitor.lifts import Lifts
from decisionloop.observe.action_value import rate_of
from decisionloop.observe.amount_mean import amount_mean, amount_range
from decisionloop.observe.bounded_mean import bounded_mean, rate_estimate, sized_mean
from decisionloop.observe.cohort import Figure, is_decided_by_policy
from decisionloop.observe.confidence_sequence import ConfidenceSequence, difference
from decisionloop.observe.estimate import Estimate, Floats, cannot_say, difference_of_bounds
from decisionloop.observe.executed_actions import executed_index
from decisionloop.observe.missing_outcomes import MissingOutcomes
from decisionloop.observe.possible_money import UsualAmounts, possible_money
from decisionloop.observe.shown_outcomes import shown_weight
from decisionloop.observe.unbounded import marked, without_ends

LIFETIME_ALPHA = 0.05
"""Most that a sequence may be wrong in its whole life, whatever the budget."""
WINDOWS = (4, 13, 52)
"""Cohorts of a window: a month, a quarter and a year of weekly ones. The shortest sees a large loss soon."""


HOLDOUT_LIFT, CONVERSION_LIFT = "value_holdout_difference", "conversion_lift"


def sequences(use_case: UseCase) -> int:
    """How many sequences watch a release: a model's against the rules, the holdout, and each action whose money is
    known; those of rules, which are watched beside the default action once more, are no more."""
    return 2 + sum(use_case.is_value_known)


def value_alpha(use_case: UseCase, budget: AlarmBudget) -> float:
    """Chance that one sequence since the release began ever alarms falsely: half of the family's budget over all
    `sequences` of a release and the releases of a year.

    A sequence lives as long as its release; releases come at most as often as the contract retrains on schedule.
    """
    lives = max(1.0, DAYS_PER_YEAR / use_case.monitors.retrain_every_days)
    return min(LIFETIME_ALPHA, budget.false_alarms["value"] / 2 / (sequences(use_case) * lives))


def window_alpha(use_case: UseCase, budget: AlarmBudget) -> float:
    """Chance that one window of one cohort alarms falsely: the other half of the budget over all looks of a year."""
    return budget.alpha("value", sequences(use_case) * len(WINDOWS)) / 2


def judge_value(terms: Terms, lifts: Sequence[Lifts]) -> tuple[Finding, ...]:
    """Alarm where the policy has surely earned less than the rules, its entities less than the holdout, or all of it
    less than one action for everybody.

    Twice each: ``value_against_…`` since the release began, by the sequence's upper end at `value_alpha`, for life, so
    that looking at every cohort costs nothing; and ``value_lately_against_…`` over the last WINDOWS, by the upper end
    at `window_alpha` of a sequence that begins with the window, which is wider than a single interval would have to
    be. A good beginning hides no year of losses there. It is told of the shortest window that is sure, else of the
    longest; while there are no more cohorts than in the shortest there is none. The threshold is 0 less
    `monitors.minimum_money`. No finding where no cohort could tell yet.
    """
    return tuple(finding for one in lifts for finding in (*_since_the_release(terms, one), *_lately(terms, one)))


def _since_the_release(terms: Terms, lifts: Lifts) -> Iterator[Finding]:
    sequence = lifts.sequence()
    if sequence is not None:
        yield _finding(
            terms, f"value_against_{lifts.other}", lifts, sequence, value_alpha(terms.use_case, terms.budget)
        )


def _lately(terms: Terms, lifts: Lifts) -> Iterator[Finding]:
    lasts = [last for last in WINDOWS if last < len(lifts.cohorts)]
    monitor, alpha = f"value_lately_against_{lifts.other}", window_alpha(terms.use_case, terms.budget)
    found = [
        _finding(terms, monitor, lifts, sequence, alpha)
        for sequence in map(lifts.sequence, lasts)
        if sequence is not None
    ]
    if found:
        yield next((one for one in found if one.is_alarm), found[-1])


def _finding(terms: Terms, monitor: str, lifts: Lifts, sequence: ConfidenceSequence, alpha: float) -> Finding:
    now, currency = sequence.estimate, terms.use_case.economics.currency
    value, high = float(now.value or 0.0), float(now.high or 0.0)
    over = f"the last {sequence.cohorts}" if "lately" in monitor else f"{sequence.cohorts}"
    return Finding(
        family="value",
        monitor=monitor,
        slice=lifts.slice,
        figure=now,
        threshold=-terms.use_case.monitors.minimum_money,
        bound=sequence.at(1 - 2 * alpha).high,
        direction="below",
        alpha=alpha,
        words=f"Over {over} cohorts a decision earned {signed(value, currency)} against what {lifts.wording} "
        f"earned, at best {signed(high, currency)}.",
        suggestion=lifts.suggestion,
        against=lifts.other,
        stake=max(0.0, -value),
        release_id=terms.release_id,
    )


def holdout_lift(policy: Estimate, holdout: Estimate) -> Figure:
    """Money per decision of one cohort's policy less that of its holdout."""
    bounds = difference_of_bounds(policy, holdout)
    return Figure(HOLDOUT_LIFT, replace(difference(policy, holdout), bounds=bounds))


def business_figures(
    use_case: UseCase,
    log: pd.DataFrame,
    frame: pd.DataFrame,
    missing: MissingOutcomes | None = None,
    amounts: UsualAmounts = (),
) -> Iterator[Figure]:
    """What the business asks of a cohort (n decisions, ``log`` aligned with ``frame``), in the outcome's own words.

    ``missing``: what is known of outcomes that have not come, None where all have. ``amounts``: how large amounts
    usually are, from elsewhere.

    revenue_per_decision     mean amount of the outcome on the policy's traffic, where the contract has an amount
    conversion               rate of the outcome's yes among the policy's decisions that have an outcome
    conversion_lift          the same less that of the holdout
    false_positive_cost      money lost, per decision, on actions other than doing nothing that ended in a loss; never
                             negative
    acquisition_cost_ratio   what actions cost under the contract's budget for each unit of the outcome's amount, where
                             the contract has both

    Conversion counts those that still come as earlier cohorts show them, and has bounds. Of the other figures it is
    told how many outcomes have not come, and what those would make of them is not known. Of the replay of an experiment
    each outcome counts for as many decisions as it stands for (`shown_weight`). Conversion compares like with
    like only where both sides reveal their outcomes whatever they do: where doing nothing reveals nothing, its lift
    cannot be told and is not given.
    """
    free, is_holdout = is_decided_by_policy(log), (log["role"] == "holdout").to_numpy()
    unseen = None if missing is None else missing.subset(free)
    if use_case.outcome.class_:
        yield Figure("conversion", _conversion(use_case, log[free], unseen))
        if all(use_case.revealing):
            yield from marked(_conversion_lift(use_case, log[free], log[is_holdout]), missing)
    yield from marked(_money_asked_for(use_case, log[free], frame[free], amounts), unseen)


def _money_asked_for(
    use_case: UseCase, log: pd.DataFrame, frame: pd.DataFrame, amounts: UsualAmounts
) -> Iterator[Figure]:
    if use_case.outcome.amount:
        yield Figure("revenue_per_decision", amount_mean(use_case, log, amounts))
    yield _false_positive_cost(use_case, log, frame, amounts)
    yield from _acquisition(use_case, log, frame, amounts)


def _conversion(use_case: UseCase, log: pd.DataFrame, missing: MissingOutcomes | None = None) -> Estimate:
    """The rate of those that are known: of what the draw of a replay shows, each for as many as it stands for."""
    happened = log["outcome_class"].to_numpy(dtype=np.float64, na_value=np.nan)
    is_known = ~np.isnan(happened)
    weight = shown_weight(use_case, log, is_known)
    if weight is None:
        return rate_of(happened, missing)
    return replace(rate_estimate(happened[is_known], weight[is_known]), bounds=without_ends(missing))


def _conversion_lift(use_case: UseCase, policy: pd.DataFrame, holdout: pd.DataFrame) -> Iterator[Figure]:
    known = [int(side["outcome_class"].notna().sum()) for side in (policy, holdout)]
    if all(known):
        lift = difference(*(_conversion(use_case, side) for side in (policy, holdout)))
        yield Figure(CONVERSION_LIFT, replace(lift, n=sum(known), effective_n=float(sum(known))))


def _false_positive_cost(use_case: UseCase, log: pd.DataFrame, frame: pd.DataFrame, amounts: UsualAmounts) -> Figure:
    action = executed_index(use_case, log)
    money = realised_values(use_case, frame, action, log["outcome_class"], log["outcome_amount"])
    acted = action != use_case.default_action
    is_known = acted & ~np.isnan(money)
    if acted.any() and not is_known.any():
        return Figure("false_positive_cost", cannot_say("no outcome of an action is known", len(log), 0.95))
    # Actions without an outcome are taken to have lost as the others did.
    stands_for = shown_weight(use_case, log, is_known)
    each = is_known.astype(float) if stands_for is None else stands_for
    weight = np.where(acted, each * acted.sum() / max(1.0, each.sum()), 1.0)
    lost, used = np.where(acted, np.maximum(-money, 0.0), 0.0), ~acted | is_known
    possible = possible_money(use_case, frame, log["outcome_class"], log["outcome_amount"], amounts)
    worst = possible.worst[np.arange(len(log)), action]
    most = np.where(acted, np.maximum(-np.nan_to_num(worst), lost), 0.0)
    return Figure("false_positive_cost", bounded_mean(lost[used], 0.0, most[used], weight[used]))


def _acquisition(use_case: UseCase, log: pd.DataFrame, frame: pd.DataFrame, amounts: UsualAmounts) -> Iterator[Figure]:
    budget = next((one for one in use_case.policy.constraints if isinstance(one, BudgetConstraint)), None)
    if use_case.outcome.amount is None or budget is None:
        return
    action = executed_index(use_case, log)
    costs = action_costs(use_case, frame, budget)[np.arange(len(log)), action]
    worth = log["outcome_amount"].to_numpy(dtype=np.float64, na_value=np.nan)
    is_known = ~np.isnan(costs) & ~np.isnan(worth)
    ends = amount_range(use_case, log, amounts)
    entities = log["entity_id"].to_numpy(dtype=object)[is_known]
    weight = shown_weight(use_case, log, is_known)
    each = np.ones(len(entities)) if weight is None else weight[is_known]
    yield Figure("acquisition_cost_ratio", _ratio(costs[is_known], worth[is_known], each, ends or (0.0, 0.0), entities))


def _ratio(
    cost: Floats, worth: Floats, weight: Floats, ends: tuple[float, float], entities: npt.NDArray[np.object_]
) -> Estimate:
    """Weighted sum of costs over that of worths (n,), its interval by linearisation (a ratio estimator).

    ``ends``: a small and a large worth, one more of which may not have been seen.
    """
    if not weight @ worth > 0:
        return cannot_say("no amount has come yet", cost.size, 0.95)
    ratio, mean = float(weight @ cost / (weight @ worth)), float(weight @ worth / weight.sum())
    dearer, cheaper = ((cost - ratio * end) / mean for end in ends)
    spread = sized_mean((cost - ratio * worth) / mean, cheaper, dearer, weight, entities=entities)
    if spread.low is None or spread.high is None:
        return cannot_say("too few actions to make an interval from", cost.size, 0.95)
    return Estimate(ratio, max(0.0, ratio + spread.low), ratio + spread.high, cost.size, float(cost.size), 0.95)
