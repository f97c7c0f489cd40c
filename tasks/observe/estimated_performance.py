"""Performance estimated before the outcomes have come, written down once a batch, and read back when they have."""

from __future__ import annotations

from datetime import datetime, timedelta

from decisionloop.ledger.batches import Batch, batches, cohort_name, latest_detail
from decisionloop.ledger.held_actions import is_any_carried_out
from decisionloop.ledger.measurements import append_measurements, cohorts_with, measurements_of
from decisionloop.ledger.releases import RULES
from decisionloop.observe.estimated_performance import ESTIMATED, estimated_figures
from decisionloop.workspace import Workspace, open_workspace
from tasks.readback.cohort import read_cohort
from tasks.readback.maturity import mature_at
from tasks.readback.releases import release_of
from tasks.step import step
from tasks.watch.measurement import measurement_of


@step
def estimate_performance(use_case: str, as_of: datetime) -> int:
    """Estimate AUC, rate and money of decided batches that no label has judged yet, once each; returns how many."""
    workspace = open_workspace(use_case)
    contract = workspace.use_case
    if contract.outcome.class_ is None or contract.is_observing:  # of what others decide nothing is estimated
        return 0
    young = batches(workspace.ledger, use_case, as_of - timedelta(days=contract.outcome.maturity_days), as_of)
    young = tuple(one for one, at in zip(young, mature_at(workspace, young), strict=True) if at >= as_of)
    done = cohorts_with(workspace.ledger, use_case, "rate_estimated")
    due = [one for one in young if one.is_decided and cohort_name(one.as_of) not in done]
    due = [one for one in due if _has_scores(workspace, one) and is_any_carried_out(workspace.ledger, one.batch_id)]
    for batch in due:
        name, figures = cohort_name(batch.as_of), estimated_figures(read_cohort(workspace, batch, as_of))
        append_measurements(workspace.ledger, [measurement_of(use_case, name, as_of, one) for one in figures])
    return len(due)


def estimated_before(workspace: Workspace, batch: Batch, release_id: str) -> dict[str, float]:
    """What was estimated of a batch before its outcomes had come, by the name of the figure."""
    name, cohort = workspace.use_case.name, cohort_name(batch.as_of)
    kept = measurements_of(workspace.ledger, name, ESTIMATED, release_id, cohort).dropna(subset=["value"])
    return {str(name): float(value) for name, value in zip(kept["monitor"], kept["value"], strict=True)}


def _has_scores(workspace: Workspace, batch: Batch) -> bool:
    """Whether a model was to decide: of rules nothing is estimated, so their batches are never done with."""
    champion = str(latest_detail(workspace.ledger, batch.batch_id, "scored")["champion"])
    return release_of(workspace, champion).kind != RULES
