"""Mature decisions with their outcomes and the very features that they were decided on, read back for learning."""

from __future__ import annotations

import functools
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from decisionloop.contract import UseCase
from decisionloop.errors import UsageError
from decisionloop.frozen_rows import frozen_rows
from decisionloop.learn.logged_batches import LoggedBatches
from decisionloop.ledger.batches import cohort_name
from decisionloop.ledger.decisions import LEARNING_COLUMNS, decisions_with_outcomes, row_counts
from decisionloop.ledger.releases import baseline
from decisionloop.ledger.watching_periods import unfinished_of_stream
from decisionloop.observe.executed_actions import as_executed, executed
from decisionloop.observe.maturity import with_absent_outcomes, with_due_at
from decisionloop.predict.rules import apply_rules
from decisionloop.workspace import Workspace
from tasks.readback.maturity import mature_until
from tasks.readback.seen_money import seen_money_by_batch


def training_window(workspace: Workspace, as_of: datetime) -> tuple[datetime, datetime]:
    """First and last as-of of cohorts that are mature by ``as_of`` and recent enough to teach."""
    return as_of - timedelta(days=workspace.use_case.monitors.training_days), mature_until(workspace, as_of)


def mature_batches(
    workspace: Workspace, since: datetime, until: datetime, known_at: datetime, left_out: Collection[str]
) -> LoggedBatches:
    """Decisions of the cohorts from ``since`` to ``until`` with what was known of them at ``known_at``.

    ``left_out`` names cohorts that may neither teach nor judge: those that are held back, or were when a training set
    was made.

    Raises UsageError when there are none, IntegrityError when a snapshot is not what was decided on.
    """
    gathering = {one.partition("/")[2] for one in unfinished_of_stream(workspace.ledger, workspace.use_case.name)}
    names = frozenset(left_out) | gathering
    rows = row_counts(workspace.ledger, workspace.use_case.name, since, until)
    batches = _read(workspace, since, until, known_at, names, rows)
    now = baseline(workspace.ledger, workspace.use_case.name)
    return replace(batches, are_rules_stopped=now is not None and now.release.is_default_action)


@functools.lru_cache(maxsize=1)
def _read(
    workspace: Workspace,
    since: datetime,
    until: datetime,
    known_at: datetime,
    left_out: frozenset[str],
    _rows: tuple[int, ...],
) -> LoggedBatches:
    """The steps of a training read one log. Facts are only appended, so equal row counts mean equal facts."""
    name = workspace.use_case.name
    log = decisions_with_outcomes(workspace.ledger, name, since, until, known_at, LEARNING_COLUMNS)
    is_held = log["as_of"].isin([one for one in log["as_of"].unique() if cohort_name(one) in left_out])
    log = log[~is_held].reset_index(drop=True)
    if log.empty:
        held = f" but in {', '.join(sorted(left_out))}, held back" if is_held.any() else ""
        raise UsageError(f"no mature decision of {name} between {since:%Y-%m-%d} and {until:%Y-%m-%d}{held}.")
    log, frame = under_present_contract(workspace.use_case, log, frozen_rows(workspace, log))
    log = as_executed(workspace.use_case, with_due_at(workspace.use_case, log, frame))
    log = with_absent_outcomes(workspace.use_case, log, known_at)
    rules_action, rules_reason = apply_rules(workspace.use_case, workspace.code, frame)
    seen = seen_money_by_batch(workspace, [one.to_pydatetime() for one in log["as_of"].unique()])
    return LoggedBatches(log, frame, rules_action, rules_reason, seen, known_at)


def under_present_contract(
    use_case: UseCase, log: pd.DataFrame, frame: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Decisions of earlier contracts as the present one sees them, with their frozen features (n rows each).

    A feature that was not served then is missing; a decision whose action there is no longer teaches nothing.
    """
    is_known = (log["action"].isin(use_case.action_names) & executed(log).isin(use_case.action_names)).to_numpy()
    log, frame = log[is_known].reset_index(drop=True), frame[is_known].reset_index(drop=True)
    key, new = use_case.entity.key, [one for one in use_case.features if one.name not in frame]
    missing = {
        one.name: pd.Series(np.nan, frame.index, dtype="str" if one.type == "category" else "float64") for one in new
    }
    return log, frame.assign(**({} if key in frame else {key: log["entity_id"]}), **missing)
