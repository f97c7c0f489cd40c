"""What scores promise of decisions whose outcomes have not come, and how far such promises were from what came."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import numpy as np

from decisionloop.ledger.batches import Batch, batches, cohort_name, latest_detail
from decisionloop.ledger.held_actions import is_any_carried_out
from decisionloop.ledger.measurements import append_measurements, cohorts_with, measurements_of
from decisionloop.ledger.releases import RULES
from decisionloop.observe.cohort import Figure
from decisionloop.observe.estimate import Estimate, weighted_mean
from decisionloop.observe.estimated_performance import estimated_performance
from decisionloop.observe.performance import auc
from decisionloop.workspace import Workspace, open_workspace
from tasks.readback.cohort import Cohort, read_cohort
from tasks.readback.releases import release_of
from tasks.step import step
from tasks.watch.measurement import measurement_of

PROMISED = ("auc_estimated", "rate_estimated", "value_estimated")


@step
def promise_performance(use_case: str, as_of: datetime) -> int:
    """Estimate AUC, rate and money of decided batches that no label has judged yet, once each; returns how many."""
    workspace = open_workspace(use_case)
    contract = workspace.use_case
    if contract.outcome.class_ is None:
        return 0
    young = batches(workspace.ledger, use_case, as_of - timedelta(days=contract.outcome.maturity_days), as_of)
    done = cohorts_with(workspace.ledger, use_case, "rate_estimated")
    due = [one for one in young if one.is_decided and cohort_name(one.as_of) not in done]
    due = [one for one in due if _has_scores(workspace, one) and is_any_carried_out(workspace.ledger, one.batch_id)]
    for batch in due:
        cohort = read_cohort(workspace, batch, as_of)
        figures = list(_promises(cohort))
        append_measurements(workspace.ledger, [measurement_of(use_case, cohort.name, as_of, f) for f in figures])
    return len(due)


def _has_scores(workspace: Workspace, batch: Batch) -> bool:
    """Whether a model was to decide: rules promise nothing, so their batches are never done with."""
    return (
        release_of(workspace, str(latest_detail(workspace.ledger, batch.batch_id, "scored")["champion"])).kind != RULES
    )


def promise_errors(workspace: Workspace, cohort: Cohort) -> Iterator[Figure]:
    """What came less what was promised of a cohort that has become mature: AUC, rate and money per decision."""
    if cohort.score is None or cohort.use_case.outcome.class_ is None:
        return
    told = measurements_of(workspace.ledger, cohort.use_case.name, release_id=cohort.champion.release_id)
    told = told[(told["cohort"] == cohort.name) & told["monitor"].isin(PROMISED)].dropna(subset=["value"])
    promised = {str(name): float(value) for name, value in zip(told["monitor"], told["value"], strict=True)}
    is_told = _is_judged(cohort) & ~np.isnan(cohort.outcome)
    outcome, score = cohort.outcome[is_told], cohort.score[is_told]
    came = {"auc": auc(outcome, score), "rate": weighted_mean(outcome)}
    money = cohort.money[_is_judged(cohort)]
    came["value"] = weighted_mean(money[~np.isnan(money)])
    for name, estimate in came.items():
        if f"{name}_estimated" in promised:
            error = _less(estimate, promised[f"{name}_estimated"])
            yield Figure(f"{name}_estimation_error", error, release_id=cohort.champion.release_id)


def _promises(cohort: Cohort) -> Iterator[Figure]:
    if cohort.score is None or cohort.said.values is None:
        return
    judged = _is_judged(cohort)
    expected = cohort.said.values[np.arange(len(cohort.taken)), cohort.taken]
    told = estimated_performance(cohort.score[judged], value=expected[judged])
    for name, estimate in zip(PROMISED, (told.auc, told.rate, told.value), strict=True):
        yield Figure(name, estimate, release_id=cohort.champion.release_id, is_mature=False)


def _is_judged(cohort: Cohort) -> np.ndarray:
    """Decisions of the policy whose action reveals the outcome: what can be compared later, (n,)."""
    assert cohort.score is not None
    return cohort.is_free & np.array(cohort.use_case.revealing)[cohort.taken] & ~np.isnan(cohort.score)


def _less(estimate: Estimate, promised: float) -> Estimate:
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return estimate
    ends = (estimate.value - promised, estimate.low - promised, estimate.high - promised)
    return Estimate(*ends, estimate.n, estimate.effective_n, estimate.confidence)
