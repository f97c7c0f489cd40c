"""What another system's decisions earned, and what others would have earned on them, as far as that can be told.

What was done needs no propensity: its money is what it brought. What somebody else would have done is told without any
where each of its decisions has money that is known: it would have done the same, or the money of its action needs no
outcome (`is_exact`), or the outcome does not depend on the action. Given what was done nothing is left to chance there
but the outcomes, so such a log is read as one that was drawn with certainty (`off_policy.with_told_draws`): the doubly
robust estimate then adds known money and paired differences, and asks no model. Where some decisions are not such the
propensities must be known, and support what they would be moved to; else nobody can tell, and nobody claims it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from decisionloop.act.economics import realised_values
from decisionloop.contract import UseCase
from decisionloop.observe.cohort import Figure, is_policy_traffic, told_where_supported
from decisionloop.observe.estimate import Estimate, cannot_say
from decisionloop.observe.logged_decisions import Flags, LoggedDecisions
from decisionloop.observe.off_policy import one_hot
from decisionloop.observe.value import realised_value, value_against_rules

VALUE_BESIDE, GAIN_BESIDE = "value_beside", "gain_beside"
UNTOLD = "untold_beside"
"""Share of decisions that it would have taken otherwise, by an action whose money nobody has seen."""
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Beside:
    """What somebody else would have earned a decision, and how much more than was earned; ``untold`` (n,) as UNTOLD."""

    value: Estimate
    gain: Estimate
    untold: Flags


def legacy_money_figures(
    use_case: UseCase,
    log: pd.DataFrame,
    frame: pd.DataFrame,
    logged: LoggedDecisions,
    rules: np.ndarray,
    releases: dict[str, np.ndarray],
) -> Iterator[Figure]:
    """Money of what another system decided, and of rules and releases on the same n decisions where it can be told.

    ``rules`` and each of ``releases``: action indices (n,), -1 where a release said nothing. The monitors are those of
    `cohort.money_figures`; of a release ``value_beside`` and ``gain_beside``, which is its own less what was earned.
    """
    free = is_policy_traffic(log)
    policy, rows, features = logged.subset(free), log[free], frame[free]
    if not len(policy):
        return
    realised = realised_value(policy)
    yield Figure("value_policy", realised.per_decision)
    yield Figure("value_policy_total", realised.total)
    told = beside(use_case, rows, features, policy, rules[free])
    lost = told.gain.scaled(-1)
    yield Figure("value_rules", told.value)
    yield Figure("value_rules_total", told.value.scaled(len(policy)))
    yield Figure("value_difference", lost)
    yield Figure("value_difference_total", lost.scaled(len(policy)))
    yield _untold(told)
    for release_id, action in releases.items():
        if (action[free] < 0).any():
            continue
        told = beside(use_case, rows, features, policy, action[free])
        yield Figure(VALUE_BESIDE, told.value, release_id=release_id)
        yield Figure(GAIN_BESIDE, told.gain, release_id=release_id)
        yield replace(_untold(told), release_id=release_id)


def _untold(told: Beside) -> Figure:
    """How many decisions nobody can tell, as a share of all that is only counted."""
    n, share = len(told.untold), float(told.untold.mean())
    return Figure(UNTOLD, Estimate(share, share, share, n, float(n), CONFIDENCE))


def beside(
    use_case: UseCase,
    log: pd.DataFrame,
    frame: pd.DataFrame,
    logged: LoggedDecisions,
    other: np.ndarray,
) -> Beside:
    """What ``other`` (n,), another action for each of n decisions, would have brought beside what was done."""
    untold = untold_decisions(use_case, logged, other)
    if not use_case.outcome.depends_on_action:
        return Beside(*_seen(use_case, log, frame, logged, other), untold)
    if untold.any() and np.isnan(logged.propensity).any():
        unknown = cannot_say(reason_untold(int(untold.sum()), len(untold)), len(untold), CONFIDENCE)
        return Beside(unknown, unknown, untold)
    against = value_against_rules(logged, one_hot(other, len(logged.is_exact)))
    value = told_where_supported(against.rules.money, against.rules.overlap)
    gain = told_where_supported(against.gain, against.overlap)
    return Beside(value, gain.scaled(-1), untold)


def untold_decisions(use_case: UseCase, logged: LoggedDecisions, other: np.ndarray) -> Flags:
    """True (n,) where ``other`` (n,) is an action that was not taken, and whose money needs an outcome of its own."""
    if not use_case.outcome.depends_on_action:
        return np.zeros(len(logged), dtype=bool)
    is_known = logged.is_exact[other] & np.isfinite(logged.expected_values[np.arange(len(logged)), other])
    return np.asarray((other != logged.action) & ~is_known, dtype=bool)


def reason_untold(untold: int, n: int) -> str:
    """Why the money of somebody else cannot be told."""
    return (
        f"nobody knows with which chance the other system draws, and in {untold:,} of {n:,} decisions another action "
        "would have been taken, whose outcome nobody has seen"
    )


def _seen(
    use_case: UseCase, log: pd.DataFrame, frame: pd.DataFrame, logged: LoggedDecisions, other: np.ndarray
) -> tuple[Estimate, Estimate]:
    """Value and gain where the same outcome is seen whatever is done: each is read off, where it has come.

    Those that have not come count as the others of the same action do.
    """
    of_other = realised_values(use_case, frame, other, log["outcome_class"], log["outcome_amount"])
    nothing = np.full_like(logged.expected_values, np.nan)
    read = replace(
        logged,
        action=np.asarray(other, dtype=np.int64),
        reward=of_other,
        expected_values=nothing,
        is_exact=np.zeros_like(logged.is_exact),
        missing=None,
        executed=None,
    )
    of_done = realised_values(use_case, frame, logged.action, log["outcome_class"], log["outcome_amount"])
    paired = replace(read, reward=of_other - of_done, possible=None)
    return realised_value(read).per_decision, realised_value(paired).per_decision
