"""A sample of served features is computed from source again: what differs was not what the model was served."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import pandas as pd

from decisionloop.ledger.alerts import NewAlert
from decisionloop.ledger.batches import Batch, batches, cohort_name
from decisionloop.ledger.measurements import cohorts_with
from decisionloop.ledger.stream import sealed_batches
from decisionloop.monitor.alarm.budget import budget_of
from decisionloop.monitor.skew import compare_features, judge_skew
from decisionloop.predict.features import build_frame
from decisionloop.workspace import Workspace, open_workspace
from tasks.readback.batch_in_hand import own_workspace
from tasks.readback.sample import sample_of
from tasks.step import step
from tasks.tell.notices import raise_alert
from tasks.watch.alarms import Occasion, raise_alarms
from tasks.watch.inputs import stakes_before

SAMPLE = 500
"""Enough to see 2 % of differing rows nearly always, and few enough to be read from any source."""


@step
def check_skew(use_case: str, as_of: datetime) -> int:
    """Recompute a sample of the last decided batch before ``as_of``, once a batch; returns the alarms raised.

    What was decided one at a time was decided on features that the caller sent: no source tells them.
    """
    workspace = open_workspace(use_case)
    before = as_of - timedelta(microseconds=1)
    sealed = sealed_batches(workspace.ledger, use_case)
    every = batches(workspace.ledger, use_case, as_of_to=before)
    decided = [one for one in every if one.is_decided and one.batch_id not in sealed]
    if not decided:
        return 0
    batch = decided[-1]
    if cohort_name(batch.as_of) in cohorts_with(workspace.ledger, use_case, "skew"):
        return 0
    moment, source, contract = pd.Timestamp(batch.as_of), workspace.source, workspace.use_case
    own = own_workspace(workspace, batch)
    served = sample_of(own, batch.batch_id, SAMPLE, "skew").frame
    served = served.rename(columns={own.use_case.entity.key: contract.entity.key})
    served = served[~served[contract.entity.key].duplicated(keep=False)]  # listed twice: served twice
    entities = served[[contract.entity.key]]
    known = source.known(entities, moment)
    recomputed = build_frame(contract, workspace.code.features, known, entities, moment, source.time_column)
    skew = compare_features(served, recomputed, contract)
    if skew.not_served:
        _tell_of_new_features(workspace, batch, skew.not_served)
    findings = judge_skew(contract, skew, budget_of(contract), stakes_before(workspace, as_of))
    return len(raise_alarms(workspace, findings, Occasion(as_of, batch.batch_id, skew.n, batch.as_of)))


def _tell_of_new_features(workspace: Workspace, batch: Batch, names: Sequence[str]) -> None:
    new = NewAlert(
        severity="info",
        kind="skew",
        message=f"{', '.join(names)} cannot be compared with the source: {batch.batch_id} was decided without.",
        remedy="Nothing is to be done: the next batch serves what the contract has now.",
        batch_id=batch.batch_id,
    )
    raise_alert(workspace, new)
