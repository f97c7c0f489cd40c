"""What earlier cohorts say of the outcomes that a cohort misses, read from the ledger."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from decisionloop.ledger.batches import Batch, batches, cohort_name
from decisionloop.ledger.held_cohorts import held_cohorts
from decisionloop.ledger.late_outcomes import late_outcomes
from decisionloop.observe.late_arrivals import NEWEST_COHORTS, LateArrivals, MissingAtAge
from decisionloop.observe.maturity import due_share
from decisionloop.workspace import Workspace
from tasks.readback.batch_in_hand import own_workspace
from tasks.readback.maturity import due_at_of


def late_arrivals_before(workspace: Workspace, batch: Batch, known_at: datetime) -> LateArrivals:
    """What has become, by a time, of outcomes that earlier cohorts missed when they were as old as this one is then.

    Under the contract that this one was decided by. Cohorts that are held back do not say what is usual.
    """
    workspace = own_workspace(workspace, batch)
    use_case, age = workspace.use_case, known_at - batch.as_of
    if use_case.outcome.means_zero_when_absent or use_case.are_outcomes_drawn:  # then none is missing
        return LateArrivals.nothing(len(use_case.actions))
    earlier = batches(workspace.ledger, use_case.name, as_of_to=batch.as_of - timedelta(microseconds=1))
    held = held_cohorts(workspace.ledger, use_case.name)
    usual = [one for one in earlier if one.is_decided and cohort_name(one.as_of) not in held][-NEWEST_COHORTS:]
    cohorts = [missing_at_age(workspace, one, age, known_at) for one in usual]
    return LateArrivals.learn(cohorts, len(use_case.actions), use_case.monitors.maximum_missing_labels)


def missing_at_age(workspace: Workspace, batch: Batch, age: timedelta, known_at: datetime) -> MissingAtAge:
    """What a batch missed when it was so old, and what has become of that by ``known_at``."""
    use_case, missing_at = workspace.use_case, batch.as_of + age
    revealing = [action.name for action in use_case.actions if action.reveals_outcome]
    found = late_outcomes(workspace.ledger, batch.batch_id, revealing, missing_at, known_at)
    rows = due_at_of(workspace, found.missing) if use_case.outcome.due else found.missing
    days = (pd.to_datetime(rows["came_at"], utc=True) - missing_at) / timedelta(days=1)
    outcome = rows["outcome_class"].to_numpy(dtype=np.float64, na_value=np.nan)
    if use_case.outcome.class_ is None:
        outcome = np.where(days.isna(), np.nan, 1.0)
    return MissingAtAge(
        decided=np.array([found.decided.get(name, 0) for name in use_case.action_names], dtype=np.float64),
        action=pd.Index(use_case.action_names).get_indexer(pd.Index(rows["action"])),
        score=rows["score"].to_numpy(dtype=np.float64, na_value=np.nan),
        due=due_share(use_case, rows),
        days=np.asarray(days, dtype=np.float64),
        outcome=outcome,
        amount=rows["amount"].to_numpy(dtype=np.float64, na_value=np.nan),
        watched=(known_at - missing_at) / timedelta(days=1),
    )
