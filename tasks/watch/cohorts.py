"""A mature cohort is judged: the outcome itself, the model, the feedback loop, the money. Labels come first."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from decisionloop.ledger.alarms import alarms_of
from decisionloop.ledger.batches import batches, cohort_name, latest_details
from decisionloop.ledger.incidents import open_incidents
from decisionloop.ledger.measurements import measurements_of
from decisionloop.ledger.releases import RULES
from decisionloop.monitor.alarm.budget import budget_of
from decisionloop.monitor.alarm.finding import Finding
from decisionloop.monitor.feedback import feedback_figures, judge_feedback, usual_gap
from decisionloop.monitor.labels import label_checks
from decisionloop.monitor.outcome_shift import judge_outcome_shift
from decisionloop.monitor.performance import judge_performance
from decisionloop.monitor.value import holdout_lift, judge_value
from decisionloop.observe.cohort import Figure
from decisionloop.observe.confidence_sequence import ConfidenceSequence, lift_sequence
from decisionloop.observe.estimate import Estimate, cannot_say, weighted_mean
from decisionloop.workspace import Workspace
from tasks.readback.cohort import Cohort
from tasks.watch.alarms import raise_alarms
from tasks.watch.labels import CohortLabels

FIRST_COHORTS = 4
"""Cohorts of a release that say how far apart explored and selected traffic are by nature."""
EARLIER_COHORTS = 12
"""Cohorts that say which rate of the outcome is usual."""

SIGNED_GAP = "feedback_gap_signed"


def judge_cohort(
    workspace: Workspace, cohort: Cohort, labels: CohortLabels, figures: list[Figure], as_of: datetime, is_first: bool
) -> tuple[Finding, ...]:
    """Judge a mature cohort and raise what is to be raised; adds the figures of its checks to ``figures``.

    The alarm budget is for one look: a cohort that is not measured for the first time has its figures alone.
    """
    is_complete = labels.are_complete(cohort.use_case)
    findings: list[Finding] = []
    if is_complete and cohort.use_case.outcome.class_ is not None:
        findings += _outcome_findings(workspace, cohort)
        figures.append(_outcome_rate(cohort))
    if cohort.score is not None and cohort.use_case.outcome.class_ is not None:
        figures += _feedback_figures(cohort)
        findings += _model_findings(workspace, cohort, is_complete, labels.missing)
    figures += _holdout(figures)
    if is_complete:
        findings += _value_findings(workspace, cohort, figures)
    if is_first:
        raise_alarms(workspace, findings, as_of, cohort.batch.batch_id, len(cohort.log), cohort.batch.as_of, True)
    return tuple(findings)


def _outcome_rate(cohort: Cohort) -> Figure:
    """Rate of the outcome's yes among those whom the release chose to show, whatever it had predicted."""
    rate = weighted_mean(cohort.outcome[_is_chosen(cohort)])
    return Figure("outcome_rate", rate, release_id=cohort.champion.release_id)


def _outcome_findings(workspace: Workspace, cohort: Cohort) -> tuple[Finding, ...]:
    use_case, release_id = cohort.use_case, cohort.champion.release_id
    rates = measurements_of(workspace.ledger, use_case.name, "outcome_rate", release_id)
    is_usual = (rates["cohort"] < cohort.name) & ~rates["cohort"].isin(_unusual_cohorts(workspace))
    earlier = rates[is_usual].sort_values("cohort")["value"].dropna().tolist()[-EARLIER_COHORTS:]
    outcome, checks = cohort.outcome[_is_chosen(cohort)], label_checks(use_case)
    return judge_outcome_shift(use_case, outcome, earlier, budget_of(use_case), checks, cohort.stakes, release_id)


def _unusual_cohorts(workspace: Workspace) -> set[str]:
    """Cohorts whose rate is an open question: until somebody answers it they do not say what is usual."""
    ledger, name = workspace.ledger, workspace.use_case.name
    being_asked = {incident.incident_id for incident in open_incidents(ledger, name)}
    alarms = alarms_of(ledger, name)
    return {one.cohort for one in alarms if one.monitor == "outcome_shift" and one.incident_id in being_asked}


def _is_chosen(cohort: Cohort) -> np.ndarray:
    """Decisions that the release took by itself and whose outcome is known, (n,)."""
    return cohort.is_free & (cohort.log["role"] != "exploration").to_numpy() & ~np.isnan(cohort.outcome)


def _model_findings(workspace: Workspace, cohort: Cohort, is_complete: bool, missing: float) -> Iterator[Finding]:
    use_case, budget, score = cohort.use_case, budget_of(cohort.use_case), cohort.score
    assert score is not None
    release_id, free = cohort.champion.release_id, cohort.is_free
    reference = json.loads(cohort.champion.card_json)["metrics"].get("auc_weighted")
    yield from judge_performance(
        use_case,
        cohort.outcome[free],
        score[free],
        cohort.weight[free],
        reference,
        budget,
        cohort.stakes,
        release_id,
        is_complete,
        missing,
    )
    told = cohort.log["fallback_reason"].isna().to_numpy()
    yield from judge_feedback(
        use_case,
        cohort.outcome[told],
        score[told],
        _is_explored(cohort)[told],
        budget,
        cohort.stakes,
        release_id,
        _usual_gap(workspace, cohort),
        is_complete,
    )


def _feedback_figures(cohort: Cohort) -> Iterator[Figure]:
    told, score = cohort.log["fallback_reason"].isna().to_numpy(), cohort.score
    assert score is not None
    release_id = cohort.champion.release_id
    for figure in feedback_figures(cohort.outcome[told], score[told], _is_explored(cohort)[told], release_id):
        # The finding of that name says how far it is from the usual gap, without a sign.
        yield replace(figure, monitor=SIGNED_GAP) if figure.monitor == "feedback_gap" else figure


def _is_explored(cohort: Cohort) -> np.ndarray:
    """Where chance or the rules chose, (n,)."""
    return cohort.log["role"].isin(["exploration", "holdout"]).to_numpy()


def _usual_gap(workspace: Workspace, cohort: Cohort) -> Estimate | None:
    """The gap of the release's first cohorts, None while these are still coming in."""
    release_id = cohort.champion.release_id
    gaps = measurements_of(workspace.ledger, cohort.use_case.name, SIGNED_GAP, release_id)
    first = gaps[gaps["cohort"] < cohort.name].sort_values("cohort").dropna(subset=["value"])[:FIRST_COHORTS]
    return usual_gap(_estimates(first)) if len(first) == FIRST_COHORTS else None


def _holdout(figures: Sequence[Figure]) -> list[Figure]:
    """The lift over the holdout, where both sides were measured."""
    told = {figure.monitor: figure.estimate for figure in figures if figure.slice == "all"}
    if "value_policy" not in told or "value_holdout" not in told:
        return []
    return [holdout_lift(told["value_policy"], told["value_holdout"])]


def _value_findings(workspace: Workspace, cohort: Cohort, figures: Sequence[Figure]) -> tuple[Finding, ...]:
    """What the release has earned against rules and holdout since it began to decide."""
    if cohort.champion.kind == RULES:
        return ()
    mine = _cohorts_of(workspace, cohort)
    now = {figure.monitor: figure.estimate for figure in figures if figure.slice == "all"}

    def sequence(monitor: str, are_independent: bool) -> ConfidenceSequence | None:
        before = measurements_of(workspace.ledger, cohort.use_case.name, monitor)
        before = before[before["cohort"].isin(mine)].sort_values("cohort")
        lifts = [*_estimates(before), *([now[monitor]] if monitor in now else [])]
        return lift_sequence(lifts, are_independent)

    return judge_value(
        cohort.use_case,
        sequence("value_difference", True),
        sequence("value_holdout_difference", False),
        budget_of(cohort.use_case),
        cohort.champion.release_id,
    )


def _cohorts_of(workspace: Workspace, cohort: Cohort) -> list[str]:
    """Names of the earlier cohorts that the same release decided."""
    earlier = batches(workspace.ledger, cohort.use_case.name, as_of_to=cohort.batch.as_of - timedelta(microseconds=1))
    mine = cohort.champion.release_id
    details = latest_details(workspace.ledger, [one.batch_id for one in earlier], "decided")
    return [
        cohort_name(one.as_of) for one, detail in zip(earlier, details, strict=True) if detail.get("decided_by") == mine
    ]


def _estimates(rows: pd.DataFrame) -> list[Estimate]:
    """Measurements (rows of the ledger) as the estimates that they were."""
    columns = (rows[name].astype(np.float64) for name in ("value", "low", "high", "effective_n"))
    return [
        cannot_say("it could not be told", int(n), 0.95)
        if np.isnan([value, low, high]).any()
        else Estimate(value, low, high, int(n), effective_n, 0.95)
        for n, value, low, high, effective_n in zip(rows["n"], *columns, strict=True)
    ]
