"""The outcomes that a log of several cohorts misses: which, what they could be, and how many of them still come.

The log says itself what earlier cohorts missed at the age that a later one has now, because it keeps when each outcome
was seen. A cohort with fewer than `label_curve.MINIMUM_COHORTS` before it knows of nothing that comes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pandas as pd

from decisionloop.contract import UseCase
from decisionloop.observe.estimate import Codes, Floats
from decisionloop.observe.executed_actions import executed_index
from decisionloop.observe.late_arrivals import NEWEST_COHORTS, LateArrivals, MissingAtAge
from decisionloop.observe.late_of_cohorts import LateOfCohorts
from decisionloop.observe.matching import utc_microseconds
from decisionloop.observe.maturity import MICROSECONDS_A_DAY, due_share
from decisionloop.observe.missing_outcomes import MissingOutcomes, is_outcome_missing, missing_outcomes
from decisionloop.observe.possible_money import UsualAmounts

SEEN_AT = "observed_at"
STILL_COMING = 0.01
"""Of a cohort's decisions: with more outcomes to come than this share a later look will know better what it earned."""


def missing_in_log(
    use_case: UseCase, log: pd.DataFrame, frame: pd.DataFrame, known_at: datetime | None, amounts: UsualAmounts = ()
) -> MissingOutcomes | None:
    """What is known at ``known_at`` of the outcomes that n decisions of mature cohorts miss; None: none is missing.

    ``log``: as_of, action, outcome_class, outcome_amount, and where it has them score, due_at, observed_at and
    outcome_revision. Without ``known_at`` nothing is known of what still comes.
    """
    is_missing = is_outcome_missing(use_case, log)
    if not is_missing.any():
        return None
    nothing = LateArrivals.nothing(len(use_case.actions))
    told = missing_outcomes(use_case, log, frame, nothing, amounts)
    if known_at is None or SEEN_AT not in log:
        return told
    cohorts = _cohorts(use_case, log, known_at)
    parts, cell, usual = [], np.full(len(log), -1), np.zeros(len(log))
    for place, one in enumerate(cohorts):
        rows, part = one.rows, nothing
        if is_missing[rows].any():
            earlier = [old.at_age(one.age) for old in cohorts[max(0, place - NEWEST_COHORTS) : place]]
            part = LateArrivals.learn(earlier, len(use_case.actions), use_case.monitors.maximum_missing_labels)
            known = part.cell(one.action, one.score, one.due)
            cell[rows] = np.where(known < 0, -1, known + place * len(part.share))
            usual[rows] = part.usual_part(one.decided(), one.decided(is_missing[rows]))[one.action]
        parts.append(part)
    return replace(told, cell=cell, usual=usual, late=LateOfCohorts(tuple(parts)))


def is_settled(log: pd.DataFrame, missing: MissingOutcomes) -> np.ndarray:
    """True (n,) for the cohorts before the first in which more than `STILL_COMING` of the outcomes still come."""
    to_come = pd.Series(missing.come).groupby(log["as_of"].to_numpy()).mean().sort_index()
    waiting = to_come.index[to_come > STILL_COMING]
    if not len(waiting):
        return np.ones(len(log), dtype=bool)
    return np.asarray(log["as_of"].to_numpy() < waiting[0], dtype=bool)


@dataclass(frozen=True, eq=False)
class _Cohort:
    """The m decisions of a cohort: their ``rows`` in the log, when each outcome was seen (``days`` after it, NaN: not),
    and for how many days they have been waited for (``age``)."""

    rows: Codes
    action: Codes
    is_revealing: np.ndarray
    score: Floats
    due: Floats
    days: Floats
    outcome: Floats
    amount: Floats
    age: float
    actions: int

    def decided(self, rows: np.ndarray | None = None) -> Floats:
        """(A,) decisions that should show an outcome, all or those of a mask (m,)."""
        counted = self.is_revealing if rows is None else self.is_revealing & rows
        return np.bincount(self.action[counted], minlength=self.actions).astype(float)

    def at_age(self, age: float) -> MissingAtAge:
        """As it stood ``age`` days after it was decided, and what has become of that since."""
        rows = self.is_revealing & ~(self.days <= age)
        return MissingAtAge(
            decided=self.decided(),
            action=self.action[rows],
            score=self.score[rows],
            due=self.due[rows],
            days=self.days[rows] - age,
            outcome=self.outcome[rows],
            amount=self.amount[rows],
            watched=self.age - age,
        )


def _cohorts(use_case: UseCase, log: pd.DataFrame, known_at: datetime) -> Sequence[_Cohort]:
    """The cohorts of a log in the order in which they were decided."""
    action = executed_index(use_case, log)
    decided_at, known = utc_microseconds(log["as_of"]), utc_microseconds(pd.Series([known_at]))[0]
    columns = [_numbers(log, name) for name in ("score", "outcome_class", "outcome_amount")]
    score, outcome, amount = columns
    if use_case.outcome.class_ is None:
        outcome = np.where(np.isnan(amount), np.nan, 1.0)
    due, days = due_share(use_case, log), _seen_after(log)
    found = []
    for found_at in log.groupby("as_of").indices.values():
        rows = np.asarray(found_at, dtype=np.int64)
        age = float((known - decided_at[rows[0]]).astype("timedelta64[us]").astype(np.int64)) / MICROSECONDS_A_DAY
        of_cohort = _Cohort(
            rows=rows,
            action=action[rows],
            is_revealing=np.array(use_case.revealing)[action[rows]],
            score=score[rows],
            due=due[rows],
            days=days[rows],
            outcome=outcome[rows],
            amount=amount[rows],
            age=age,
            actions=len(use_case.actions),
        )
        found.append(of_cohort)
    return found


def _seen_after(log: pd.DataFrame) -> Floats:
    """Days from each decision to when its outcome was seen (n,), NaN where it was not.

    Of what was revised only the last revision is dated: it is taken to have come in time.
    """
    seen = pd.to_datetime(log[SEEN_AT], utc=True)
    days = np.asarray((seen - pd.to_datetime(log["as_of"], utc=True)) / pd.Timedelta(days=1), dtype=np.float64)
    return np.where(_numbers(log, "outcome_revision") > 1, 0.0, days)


def _numbers(log: pd.DataFrame, name: str) -> Floats:
    if name not in log:
        return np.full(len(log), np.nan)
    return np.asarray(log[name].to_numpy(dtype=np.float64, na_value=np.nan))
