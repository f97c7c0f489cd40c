"""One mature cohort, measured: money, ranking, calibration and adverse impact, each with its interval."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from decisionloop.act.economics import known_values, realised_values
from decisionloop.act.situation import is_free_to_explore, is_limited, is_of_policy
from decisionloop.contract import UseCase
from decisionloop.observe.bounded_mean import bounded_mean, rate_estimate
from decisionloop.observe.cohort_performance import measure_performance
from decisionloop.observe.estimate import Estimate, Floats, cannot_say, entity_codes, exactly_zero
from decisionloop.observe.executed_actions import executed_index, is_overridden, may_be_overridden
from decisionloop.observe.logged_decisions import LoggedDecisions
from decisionloop.observe.missing_outcomes import MissingOutcomes
from decisionloop.observe.off_policy import difference, one_hot
from decisionloop.observe.overlap import Overlap, OverlapRules, judge_overlap
from decisionloop.observe.possible_money import UsualAmounts, possible_money
from decisionloop.observe.value import ValueAgainstRules, gain_over, realised_value, value_against_rules

CHAMPION_LIFT = "value_champion_difference"
"""The champion's own money over the rules, measured where a release on trial decided beside it."""
COHORT_OVERLAP = OverlapRules(minimum_effective_n=10.0, maximum_weight_share=0.2)
"""A cohort is small and only reported, never acted on alone: less is asked of it than of the gate's log.

Where some ten draws tell two policies apart the interval is wide, and holds (`benchmarks.declared.money`).
"""


@dataclass(frozen=True)
class Figure:
    """One measurement: monitor, slice and estimate; ``release_id`` None where it is of the policy as a whole.

    ``threshold`` is the limit that it was judged by, if any; a cohort whose outcomes may still come is not mature.
    """

    monitor: str
    estimate: Estimate
    slice: str = "all"
    release_id: str | None = None
    threshold: float | None = None
    is_mature: bool = True


def logged_decisions(
    use_case: UseCase,
    log: pd.DataFrame,
    frame: pd.DataFrame,
    expected: np.ndarray | None,
    missing: MissingOutcomes | None = None,
    amounts: UsualAmounts = (),
) -> LoggedDecisions:
    """The log (n rows, aligned with ``frame``) as arrays; ``expected`` (n, A) is a reward model's money, if any.

    ``missing``: what is known of the outcomes that have not come. ``amounts``: of sizes of amounts, besides the log's.
    The action is the one that was chosen, with its propensity; the money that of what was executed. Where people may do
    otherwise no action's money is known for certain, and each may bring what any brings.
    """
    actions = {name: index for index, name in enumerate(use_case.action_names)}
    action = np.asarray(log["action"].map(actions), dtype=np.int64)
    known = known_values(use_case, frame)
    values = known if expected is None else np.where(np.isnan(known), expected, known)
    codes = entity_codes(log["entity_id"].to_numpy(dtype=object), len(log))
    done, is_open = executed_index(use_case, log), may_be_overridden(use_case, log)
    possible = possible_money(use_case, frame, log["outcome_class"], log["outcome_amount"], amounts)
    return LoggedDecisions(
        action=action,
        propensity=log["propensity"].to_numpy(dtype=np.float64),
        reward=realised_values(use_case, frame, done, log["outcome_class"], log["outcome_amount"]),
        expected_values=values,
        is_exact=np.array(use_case.is_value_known) & (not is_open),
        entity=np.arange(len(log)) if codes is None else codes,
        possible=possible.of_any_action() if is_open else possible,
        missing=missing,
        executed=done if is_overridden(log).any() else None,
    )


def is_policy_traffic(log: pd.DataFrame) -> np.ndarray:
    """True for decisions that tell of other policies: no holdout, no fallback of a single row, and nothing closed to
    them because a period's budget was spent. Shape (n,)."""
    return (log["role"] != "holdout").to_numpy(dtype=bool) & _by_reason(log, is_free_to_explore)


def is_decided_by_policy(log: pd.DataFrame) -> np.ndarray:
    """True (n,) for what the policy decided within its limits: its traffic, and rows for which a budget was spent.

    The policy that is deployed is the one under the budget, so that its money and gain are these rows' too.
    """
    return (log["role"] != "holdout").to_numpy(dtype=bool) & _by_reason(log, is_of_policy)


def _by_reason(log: pd.DataFrame, of_reason: Callable[[str | None], bool]) -> np.ndarray:
    code, reasons = pd.factorize(log["fallback_reason"].astype(object), use_na_sentinel=True)
    return np.array([*map(of_reason, reasons), of_reason(None)])[code]  # the last, -1, has no reason


def is_drawn(log: pd.DataFrame) -> np.ndarray:
    """True (n,) for policy traffic whose propensity is known: of all else no other policy's money can be told."""
    return is_policy_traffic(log) & log["propensity"].notna().to_numpy(dtype=bool)


def counts_in_money(log: pd.DataFrame, propensity: Floats, is_rules_choice: np.ndarray) -> np.ndarray:
    """True (n,) for the decisions whose money is told: the policy's, and all of whom the rules' money can be told.

    Who got for certain what the rules do (the holdout, rows with a fault, everybody under the kill switch) earned what
    the rules alone would have, and of whom a limit cut by a draw its chance tells that, whichever way it fell. What the
    rules would have earned of somebody who got for certain something else nobody can tell. ``propensity`` (n,) of what
    was chosen; ``is_rules_choice`` (n,): it is what the rules would have done (`rules_within_limits`).
    """
    is_drawn_from_more = propensity < 1 - 1e-9  # not so where it is NaN, which nobody knows
    is_certain = np.nan_to_num(propensity) >= 1 - 1e-9
    return is_decided_by_policy(log) | is_drawn_from_more | (is_rules_choice & is_certain)


def rules_within_limits(log: pd.DataFrame, action: np.ndarray, rules: np.ndarray) -> np.ndarray:
    """What the rules could have done (n,): where a limit left a row one ``action`` (n,), that, and else ``rules`` (n,).

    Limits bind the rules like anybody.
    """
    is_certain = log["propensity"].to_numpy(dtype=np.float64, na_value=np.nan) >= 1 - 1e-9
    return np.where(_by_reason(log, is_limited) & is_certain, action, rules)


def money_figures(
    log: pd.DataFrame,
    logged: LoggedDecisions,
    rules: np.ndarray,
    unexplored: np.ndarray,
    champion: np.ndarray | None = None,
) -> Iterator[Figure]:
    """What was earned by everybody who `counts_in_money`, what the rules would have on the same, and exploring's cost.

    ``value_difference`` is per decision of the policy: who got what the rules do for certain is no news of one. Its
    total is that of everybody, of whom the others add nothing. ``value_champion_difference`` and ``exploration_cost``
    are of the policy's traffic, for what was not open to a row says nothing of either.

    Args:
        logged: the same n decisions as `logged_decisions`; where that knows of missing outcomes figures are bounded.
        rules: action index (n,) of the rules. unexplored: chance (n, A) of each action had nothing been explored.
        champion: action index (n,) of the champion, where another release decided some beside it: what the champion
            alone would have earned over the rules is then told too.
    """
    by_rules = one_hot(rules, len(logged.is_exact))
    counted = counts_in_money(log, logged.propensity, logged.action == rules)
    if counted.any():
        earned = value_against_rules(logged.subset(counted), by_rules[counted])
        rules_money = told_where_supported(earned.rules.money, earned.rules.overlap)
        yield Figure("value_policy", earned.realised.per_decision)
        yield Figure("value_policy_total", earned.realised.total)
        yield Figure("value_rules", rules_money)
        yield Figure("value_rules_total", rules_money.scaled(earned.realised.decisions))
        own, free = is_decided_by_policy(log), is_policy_traffic(log)
        if own.any():
            policy = logged.subset(own)
            against = earned if len(policy) == counted.sum() else value_against_rules(policy, by_rules[own])
            yield from _gains(policy, against)
        else:
            yield Figure("value_difference_total", exactly_zero(earned.realised.decisions))
        if free.any():
            alone = None if champion is None else one_hot(champion[free], by_rules.shape[1])
            yield from _of_exploring(logged.subset(free), by_rules[free], unexplored[free], alone)
    is_holdout = (log["role"] == "holdout").to_numpy()
    if is_holdout.any():
        yield Figure("value_holdout", realised_value(logged.subset(is_holdout)).per_decision)


def _gains(policy: LoggedDecisions, against: ValueAgainstRules) -> Iterator[Figure]:
    """What the n decisions of ``policy`` earned over the rules."""
    gain = told_where_supported(against.gain, against.overlap)
    yield Figure("value_difference", gain)
    yield Figure("value_difference_total", gain.scaled(len(policy)))


def _of_exploring(
    traffic: LoggedDecisions, rules: Floats, unexplored: Floats, champion: Floats | None
) -> Iterator[Figure]:
    """What the champion alone would have earned over the rules on n decisions of the policy's ``traffic``, and what
    exploring cost: of each its chances (n, A) of each action."""
    if champion is not None:
        alone = difference(traffic, champion, rules)
        yield Figure(CHAMPION_LIFT, told_where_supported(alone.money, alone.overlap))
    yield Figure("exploration_cost", _cost(gain_over(traffic, realised_value(traffic), unexplored), len(traffic)))


def ranking_figures(log: pd.DataFrame, score: np.ndarray, release_id: str) -> Iterator[Figure]:
    """AUC (plain and selection-weighted), log loss, calibration and rates of one release's scores (n,), where revealed.

    ``calibration_gap`` is observed less predicted rate on the revealed rows as they are: 0 for a right model whatever
    was selected. Every other figure but ``auc`` is weighted by inverse propensity and so speaks of everybody. Decisions
    that somebody overrode are left out: nobody knows how these rows were selected.
    """
    revealed = is_policy_traffic(log) & log["outcome_class"].notna().to_numpy() & ~np.isnan(score) & ~is_overridden(log)
    if not revealed.any():
        return
    rows = log.loc[revealed]
    outcome = rows["outcome_class"].to_numpy(dtype=np.float64)
    propensity, predicted = rows["propensity"].to_numpy(dtype=np.float64), score[revealed]
    if np.isnan(propensity).any():  # nobody knows how these rows were selected, so nothing is said of everybody
        plain = measure_performance(outcome, predicted, np.ones(len(outcome)))
        gap = bounded_mean(outcome - predicted, -predicted, 1 - predicted)
        yield Figure("auc", plain.auc_revealed, release_id=release_id)
        yield Figure("calibration_gap", gap, release_id=release_id)
        return
    weight = 1 / propensity
    performance = measure_performance(outcome, predicted, propensity)
    measured = {
        "auc": performance.auc_revealed,
        "auc_weighted": performance.auc,
        "log_loss": performance.log_loss,
        "brier_score": performance.brier_score,
        "calibration_error": performance.calibration.error,
        "calibration_slope": performance.calibration.slope,
        "calibration_gap": bounded_mean(outcome - predicted, -predicted, 1 - predicted),
        "calibration_gap_weighted": performance.calibration.in_the_large,
        "predicted_rate": bounded_mean(predicted, 0.0, 1.0, weight),
        "observed_rate": rate_estimate(outcome, weight),
    }
    for monitor, estimate in measured.items():
        yield Figure(monitor, estimate, release_id=release_id)


def told_where_supported(money: Estimate, overlap: Overlap) -> Estimate:
    """The money where the log could tell it, else a plain "cannot say"; the bounds need no more than the weights."""
    verdict = judge_overlap(overlap, COHORT_OVERLAP)
    unknown = cannot_say(verdict.reason, money.n, money.confidence)
    return money if verdict.is_sufficient else replace(unknown, bounds=money.bounds)


def _cost(gain: Estimate, decisions: int) -> Estimate:
    """A gain per decision as a cost over all of them."""
    return gain.scaled(-decisions)
