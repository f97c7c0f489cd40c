"""What earlier cohorts say of the outcomes that a cohort misses, read from the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from decisionloop.ledger.batches import Batch, cohort_name, newest_batches
from decisionloop.ledger.held_cohorts import held_cohorts
from decisionloop.ledger.late_outcomes import LateOutcomes, late_outcomes_by_batch
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
    held, before = held_cohorts(workspace.ledger, use_case.name), batch.as_of - timedelta(microseconds=1)
    earlier = newest_batches(workspace.ledger, use_case.name, NEWEST_COHORTS + len(held), before)
    usual = [one for one in earlier if cohort_name(one.as_of) not in held][-NEWEST_COHORTS:]
    cohorts = missing_at_age(workspace, usual, age, known_at)
    return LateArrivals.learn(cohorts, len(use_case.actions), use_case.monitors.maximum_missing_labels)


def missing_at_age(
    workspace: Workspace, batches: Sequence[Batch], age: timedelta, known_at: datetime
) -> list[MissingAtAge]:
    """What each batch missed when it was so old, and what has become of that by ``known_at``."""
    revealing = [action.name for action in workspace.use_case.actions if action.reveals_outcome]
    missing_at = {one.batch_id: one.as_of + age for one in batches}
    found = late_outcomes_by_batch(workspace.ledger, missing_at, revealing, known_at)
    return [_missed(workspace, found[name], at, known_at) for name, at in missing_at.items()]


def _missed(workspace: Workspace, found: LateOutcomes, missing_at: datetime, known_at: datetime) -> MissingAtAge:
    use_case = workspace.use_case
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
