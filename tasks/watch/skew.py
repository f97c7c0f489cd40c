"""A sample of served features is computed from source again: what differs was not what the model was served."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from decisionloop.ledger.alerts import NewAlert
from decisionloop.ledger.batch_parts import parts_of
from decisionloop.ledger.batches import Batch, cohort_name, newest_batches
from decisionloop.ledger.decisions import moments_of_rows
from decisionloop.ledger.measurements import cohorts_with
from decisionloop.ledger.stream import sealed_batches
from decisionloop.monitor.alarm.budget import budget_of
from decisionloop.monitor.skew import FeatureSkew, compare_features, judge_skew
from decisionloop.predict.features import build_frame
from decisionloop.workspace import Workspace, open_workspace
from tasks.readback.batch_in_hand import own_workspace
from tasks.readback.sample import sample_of
from tasks.readback.tables import read_part, read_table
from tasks.step import step
from tasks.tell.queueing import raise_alert
from tasks.watch.alarms import Occasion, raise_alarms
from tasks.watch.inputs import stakes_before

SAMPLE = 500
"""Enough to see 2 % of differing rows nearly always, and few enough to be read from any source."""
MOST_LOOKED_UP = 100
"""Each of these has a moment of its own, and is computed alone."""
_MOMENT = "decided at"  # no column of a contract can have a name with spaces


@step
def check_skew(use_case: str, as_of: datetime) -> int:
    """Recompute a sample of the last decided batch before ``as_of``, once a batch; returns the alarms raised.

    Of what was decided one at a time it is what the service looked up, as of its own moment: no source tells the
    features that callers send.
    """
    workspace = open_workspace(use_case)
    before = as_of - timedelta(microseconds=1)
    sealed = sealed_batches(workspace.ledger, use_case)
    decided = newest_batches(workspace.ledger, use_case, None if sealed else 1, before)
    last = [[one for one in decided if (one.batch_id in sealed) is is_sealed][-1:] for is_sealed in (False, True)]
    checked = cohorts_with(workspace.ledger, use_case, "skew")
    raised = 0
    for batch in itertools.chain.from_iterable(last):
        if cohort_name(batch.as_of) not in checked:
            raised += _check(workspace, batch, _looked_up if batch.batch_id in sealed else _sampled, as_of)
    return raised


Served = Mapping[datetime, pd.DataFrame]
"""Canonical features that were served, by the moment as of which they were computed."""


def _check(workspace: Workspace, batch: Batch, served_of: Callable[[Workspace, Batch], Served], as_of: datetime) -> int:
    contract, own = workspace.use_case, own_workspace(workspace, batch)
    key, own_key, skew = contract.entity.key, own.use_case.entity.key, FeatureSkew(0, 0, {})
    for moment, frame in served_of(own, batch).items():
        served = frame.rename(columns={own_key: key})
        served = served[~served[key].duplicated(keep=False)]  # listed twice: served twice
        skew += compare_features(served, _recomputed(workspace, served[[key]], pd.Timestamp(moment)), contract)
    if skew.not_served:
        _tell_of_new_features(workspace, batch, skew.not_served)
    findings = judge_skew(contract, skew, budget_of(contract), stakes_before(workspace, as_of))
    return len(raise_alarms(workspace, findings, Occasion(as_of, batch.batch_id, skew.n, batch.as_of)))


def _recomputed(workspace: Workspace, entities: pd.DataFrame, moment: pd.Timestamp) -> pd.DataFrame:
    contract, source = workspace.use_case, workspace.source
    known = source.known(entities, moment)
    return build_frame(contract, workspace.code.features, known, entities, moment, source.time_column)


def _sampled(own: Workspace, batch: Batch) -> Served:
    return {batch.as_of: sample_of(own, batch.batch_id, SAMPLE, "skew").frame}


def _looked_up(own: Workspace, batch: Batch) -> Served:
    """The last rows of a sealed batch whose features the service looked up; their age is known."""
    moments = moments_of_rows(own.ledger, batch.batch_id)
    found = []
    for part in parts_of(own.ledger, batch.batch_id, "features"):
        ages = read_part(own, batch.batch_id, "ages", part.part)["age_days"].to_numpy()
        rows = moments[(moments["snapshot_digest"] == part.digest).to_numpy()]
        rows = rows[~np.isnan(ages[rows["snapshot_row"].to_numpy()])]
        features = read_table(own, part.digest).take(rows["snapshot_row"].to_numpy()).to_pandas()
        found.append(features.assign(**{_MOMENT: rows["decided_at"].array}))
    every = pd.concat(found, ignore_index=True).sort_values(_MOMENT, kind="stable").tail(MOST_LOOKED_UP)
    by_moment = every.groupby(_MOMENT, sort=True)
    return {pd.Timestamp(at).to_pydatetime(): frame.drop(columns=_MOMENT) for at, frame in by_moment}


def _tell_of_new_features(workspace: Workspace, batch: Batch, names: Sequence[str]) -> None:
    new = NewAlert(
        severity="info",
        kind="skew",
        message=f"{', '.join(names)} cannot be compared with the source: {batch.batch_id} was decided without.",
        remedy="Nothing is to be done: the next batch serves what the contract has now.",
        batch_id=batch.batch_id,
    )
    raise_alert(workspace, new)
