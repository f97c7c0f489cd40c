"""What the ledger knows of each feature: how often it is a reason, missing, moved or faulty, and how old it is."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import numpy as np

from decisionloop.learn.reviewed_features import FeatureFacts, Known
from decisionloop.ledger.batch_parts import parts_of
from decisionloop.ledger.batches import Batch, accepted_batches, latest_details
from decisionloop.ledger.leading_reasons import leading_reasons
from decisionloop.ledger.measurements import measurements_of
from decisionloop.ledger.validation import results
from decisionloop.monitor.compare.profile import FrameProfile
from decisionloop.workspace import Workspace
from tasks.readback.tables import read_table

DRIFT = "input_shift"
OF_ROWS = "row"
"""Severity of the checks that send single rows to the rules."""


def feature_facts(
    workspace: Workspace, names: Iterable[str], since: datetime, as_of: datetime
) -> dict[str, FeatureFacts]:
    """What is known as of ``as_of`` of the features called ``names``; reasons are those given from ``since`` on."""
    name, ledger = workspace.use_case.name, workspace.ledger
    reasons, drift = leading_reasons(ledger, name, since, as_of), _drift(workspace, as_of)
    given = sum(reasons.values())
    batch = next(iter(accepted_batches(ledger, name, as_of + timedelta(microseconds=1), 1)), None)
    missing = {} if batch is None else _missing(workspace, batch)
    to_rules = {} if batch is None else _to_rules(workspace, batch)
    age = None if batch is None else _age(workspace, batch)
    return {
        one: FeatureFacts(
            reasons=Known(reasons.get(one, 0) / given, given) if given else None,
            missing=missing.get(one),
            drift=drift.get(one),
            age_days=age,
            to_rules=to_rules.get(one),
        )
        for one in names
    }


def _drift(workspace: Workspace, as_of: datetime) -> dict[str, Known]:
    """How far each feature had moved from its reference when the monitor of inputs looked last."""
    told = measurements_of(workspace.ledger, workspace.use_case.name, DRIFT).dropna(subset=["value"])
    told = told[told["as_of"] <= as_of].drop_duplicates("slice", keep="last")
    columns = told["slice"].str.removeprefix("feature="), told["value"], told["n"]
    return {str(name): Known(float(value), int(n)) for name, value, n in zip(*columns, strict=True)}


def _missing(workspace: Workspace, batch: Batch) -> dict[str, Known]:
    """From the batch's profile, whose last cell of each column counts the missing."""
    (detail,) = latest_details(workspace.ledger, [batch.batch_id], "validated")
    if detail.get("profile") is None:
        return {}
    profile = FrameProfile.from_json(str(detail["profile"]))
    return {name: Known(cells[-1] / profile.rows, profile.rows) for name, cells in profile.counts.items()}


def _to_rules(workspace: Workspace, batch: Batch) -> dict[str, Known]:
    """From the checks of the batch's data that send rows to the rules; a row that fails two of them counts twice."""
    (frozen,) = latest_details(workspace.ledger, [batch.batch_id], "frozen")
    rows = int(frozen.get("rows") or 0)
    if not rows:
        return {}
    counts: dict[str, int] = {}
    for one in results(workspace.ledger, batch.batch_id, batch.attempt):
        if one.severity == OF_ROWS and one.column_name is not None:
            counts[one.column_name] = counts.get(one.column_name, 0) + (one.unexpected_count or 0)
    return {name: Known(min(1.0, count / rows), rows) for name, count in counts.items()}


def _age(workspace: Workspace, batch: Batch) -> Known | None:
    """Median age of the newest record of everyone in the batch; the ledger does not know it by feature."""
    kept = parts_of(workspace.ledger, batch.batch_id, "ages")
    parts = [read_table(workspace, one.digest, ["age_days"])["age_days"].to_numpy() for one in kept]
    ages = np.concatenate(parts) if parts else np.zeros(0)
    known = ages[~np.isnan(ages)]
    return Known(float(np.median(known)), len(known)) if len(known) else None
