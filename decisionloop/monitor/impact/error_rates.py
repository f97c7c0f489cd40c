"""Error rates by group on mature cohorts: bad outcomes of those who were favoured, and good ones that were missed.

They are figures and never alarms. Groups whose risks are spread differently have different error rates under one and
the same perfectly calibrated threshold (infra-marginality: Corbett-Davies and Goel 2018), so no size of gap shows
that anyone was treated unfairly. Whoever answers for the decision should look at them; a machine cannot judge them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from decisionloop.act.economics import realised_values
from decisionloop.contract import UseCase
from decisionloop.monitor.impact.group_tally import group_codes
from decisionloop.observe.bounded_mean import rate_estimate
from decisionloop.observe.cohort import Figure, is_policy_traffic
from decisionloop.observe.estimate import Estimate, cannot_say
from decisionloop.observe.executed_actions import executed_index, is_overridden


def is_bad_outcome(use_case: UseCase, log: pd.DataFrame, frame: pd.DataFrame, action: np.ndarray) -> np.ndarray:
    """1.0 where the outcome is the dearer one, 0.0 where not, NaN where unknown; (n,).

    Which of the two classes is dear follows from the economics: the one under which the actions taken (indices (n,))
    bring less money in all. NaN throughout for an outcome without a class.
    """
    if use_case.outcome.class_ is None:
        return np.full(len(log), np.nan)
    amount = log["outcome_amount"]
    outcome = log["outcome_class"].to_numpy(dtype=np.float64, na_value=np.nan)
    is_known = ~np.isnan(outcome)
    money = [realised_values(use_case, frame, action, np.full(len(log), c), amount)[is_known] for c in (0.0, 1.0)]
    return outcome if np.nansum(money[1] - money[0]) <= 0 else 1 - outcome


def error_rate_figures(
    use_case: UseCase, log: pd.DataFrame, frame: pd.DataFrame, preferred: np.ndarray
) -> Iterator[Figure]:
    """Error rates of every group of every protected attribute that is large enough, and their gaps to the reference.

    Args:
        log: n decisions with action, role, propensity, fallback_reason and latest outcome, aligned with ``frame``.
        preferred: action (n,) that the deciding release would take without exploring.

    Monitors: "bad_outcome_rate" is the share of bad outcomes among the favoured, as it happened; "missed_good_rate"
    the share of good outcomes that the release would not have favoured, told by exploration and weighted by inverse
    propensity; "bad_outcome_gap" and "missed_good_gap" are a group's less the reference group's.
    """
    rows = _Rows.of(use_case, log, frame, preferred)
    for attribute in use_case.protected:
        codes = group_codes(attribute, frame)
        groups = {name: codes == code for code, name in enumerate(attribute.groups)}
        for monitor, rate in (("bad_outcome", rows.bad_outcomes), ("missed_good", rows.missed_good)):
            rates = {
                name: rate(mine) if mine.sum() >= attribute.minimum_group_size else _small(mine)
                for name, mine in groups.items()
            }
            for name, estimate in rates.items():
                yield Figure(f"{monitor}_rate", estimate, f"{attribute.name}={name}")
                if name != attribute.reference:
                    gap = _gap(estimate, rates[attribute.reference])
                    yield Figure(f"{monitor}_gap", gap, f"{attribute.name}={name}")


@dataclass(frozen=True, eq=False)
class _Rows:
    """n decisions: ``bad`` outcome (NaN: unknown), and what was done and would be done without exploring."""

    bad: np.ndarray
    is_favoured: np.ndarray
    is_missed: np.ndarray
    is_free: np.ndarray
    weight: np.ndarray

    @classmethod
    def of(cls, use_case: UseCase, log: pd.DataFrame, frame: pd.DataFrame, preferred: np.ndarray) -> _Rows:
        action = executed_index(use_case, log)
        favourable = np.array([one.is_favourable for one in use_case.actions])
        return cls(
            bad=is_bad_outcome(use_case, log, frame, action),
            is_favoured=favourable[action],
            is_missed=~favourable[preferred],
            is_free=is_policy_traffic(log) & ~is_overridden(log),  # of the others nobody knows the weight
            weight=1 / log["propensity"].to_numpy(dtype=np.float64),
        )

    def bad_outcomes(self, mine: np.ndarray) -> Estimate:
        """Share of bad outcomes among the favoured ones of a group, bool (n,)."""
        return rate_estimate(self.bad[mine & self.is_favoured & ~np.isnan(self.bad)])

    def missed_good(self, mine: np.ndarray) -> Estimate:
        """Share of a group's good outcomes that the release would not have favoured."""
        mine = mine & self.is_free
        good = mine & self.is_favoured & (self.bad == 0)
        is_known = mine & self.is_favoured & self.is_missed & ~np.isnan(self.bad)
        if (mine & self.is_missed).any() and not is_known.any():
            reason = "nobody whom the release passes over was favoured by exploration"
            return cannot_say(reason, int(mine.sum()), 0.95)
        return rate_estimate(self.is_missed[good].astype(float), self.weight[good])


def _small(rows: np.ndarray) -> Estimate:
    return cannot_say("too few decisions in the group", int(rows.sum()), 0.95)


def _gap(mine: Estimate, theirs: Estimate) -> Estimate:
    """Difference of two independent estimates; their standard errors are read from their intervals."""
    if mine.value is None or mine.low is None or theirs.value is None or theirs.low is None:
        return cannot_say("a rate is not known", mine.n, mine.confidence)
    half = float(np.hypot(mine.value - mine.low, theirs.value - theirs.low))
    value = mine.value - theirs.value
    return Estimate(value, value - half, value + half, mine.n, mine.effective_n, mine.confidence)
