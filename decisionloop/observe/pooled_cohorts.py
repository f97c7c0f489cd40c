"""Money of several cohorts as if they were one: what each of them is too small to tell, all of them may.

A cohort of some dozens of decisions has few outcomes of what was tried, and a single action of which none has come
leaves its money untold. A sum over cohorts one of which is untold is untold as well, so the sum of a month is estimated
from all its decisions at once, by the same estimators.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from decisionloop.observe.cohort import Figure, logged_decisions, money_figures
from decisionloop.observe.decided_cohort import DecidedCohort
from decisionloop.observe.estimate import Floats
from decisionloop.observe.late_arrivals import LateArrivals
from decisionloop.observe.missing_outcomes import missing_outcomes

_MONEY = ("value_policy_total", "value_rules_total", "value_difference_total", "exploration_cost")


def pooled_money(cohorts: Sequence[DecidedCohort], late: LateArrivals) -> Iterator[Figure]:
    """Money of all decisions of ``cohorts``, of one contract and in their order: of the policy, of the rules, between.

    ``late``: what earlier cohorts say of the outcomes that they miss. Figures are totals of all decisions, called as a
    cohort's are. Raises IndexError where there is no cohort.
    """
    last = cohorts[-1]
    log = pd.concat([one.log for one in cohorts], ignore_index=True)
    frame = pd.concat([one.frame for one in cohorts], ignore_index=True)
    missing = missing_outcomes(last.use_case, log, frame, late, last.amounts)
    logged = logged_decisions(last.use_case, log, frame, _expected(cohorts), missing, last.amounts)
    is_contested = any(one.is_contested.any() for one in cohorts)
    champion = np.concatenate([one.preferred for one in cohorts]) if is_contested else None
    rules, unexplored = (np.concatenate([getattr(one, name) for one in cohorts]) for name in ("rules", "unexplored"))
    figures = money_figures(log, logged, rules, unexplored, champion)
    return (one for one in figures if one.monitor in _MONEY)


def _expected(cohorts: Sequence[DecidedCohort]) -> Floats | None:
    """Money (n, A) that each cohort's champion expected, NaN where rules decided; None where they decided all."""
    told = [one.predictions.values for one in cohorts]
    if all(one is None for one in told):
        return None
    actions = len(cohorts[-1].use_case.actions)
    return np.concatenate(
        [
            np.full((len(one.log), actions), np.nan) if values is None else values
            for one, values in zip(cohorts, told, strict=True)
        ]
    )
