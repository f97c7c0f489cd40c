"""What earlier cohorts say of the outcomes that a cohort misses, read from the ledger."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from decisionloop.ledger.batches import Batch, batches
from decisionloop.ledger.late_outcomes import LateOutcomes, late_outcomes
from decisionloop.observe.late_arrivals import LateArrivals, MissingAtAge
from decisionloop.workspace import Workspace

EARLIER_COHORTS = 24
"""Cohorts that say what becomes of missing outcomes: the newest ones before the cohort in question."""


def late_arrivals_before(workspace: Workspace, batch: Batch, known_at: datetime) -> LateArrivals:
    """What has become, by a time, of outcomes that earlier cohorts missed when they were as old as this one is then."""
    use_case, age = workspace.use_case, known_at - batch.as_of
    if getattr(use_case.outcome, "absent_means", "unknown") == "0":  # then no news is news, and none is missing
        return LateArrivals.nothing(len(use_case.actions))
    earlier = batches(workspace.ledger, use_case.name, as_of_to=batch.as_of - timedelta(microseconds=1))
    decided = [one for one in earlier if one.is_decided][-EARLIER_COHORTS:]
    revealing = [action.name for action in use_case.actions if action.reveals_outcome]
    cohorts = []
    for one in decided:
        missing_at = one.as_of + age
        found = late_outcomes(workspace.ledger, one.batch_id, revealing, missing_at, known_at)
        cohorts.append(_missing_at_age(workspace, found, missing_at, known_at))
    return LateArrivals.learn(cohorts, len(use_case.actions), use_case.monitors.maximum_missing_labels)


def _missing_at_age(
    workspace: Workspace, found: LateOutcomes, missing_at: datetime, known_at: datetime
) -> MissingAtAge:
    use_case, rows = workspace.use_case, found.missing
    days = (pd.to_datetime(rows["came_at"], utc=True) - missing_at) / timedelta(days=1)
    outcome = rows["outcome_class"].to_numpy(dtype=np.float64, na_value=np.nan)
    if use_case.outcome.class_ is None:
        outcome = np.where(days.isna(), np.nan, 1.0)
    return MissingAtAge(
        decided=np.array([found.decided.get(name, 0) for name in use_case.action_names], dtype=np.float64),
        action=pd.Index(use_case.action_names).get_indexer(pd.Index(rows["action"])),
        score=rows["score"].to_numpy(dtype=np.float64, na_value=np.nan),
        due=np.ones(len(rows)),
        days=np.asarray(days, dtype=np.float64),
        outcome=outcome,
        amount=rows["amount"].to_numpy(dtype=np.float64, na_value=np.nan),
        watched=(known_at - missing_at) / timedelta(days=1),
    )
