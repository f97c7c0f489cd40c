"""What a mature cohort is compared with: the figures of earlier cohorts of the same release, read from the ledger."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

import pandas as pd

from decisionloop.ledger.alarms import alarms_of
from decisionloop.ledger.batches import Batch, cohort_name
from decisionloop.ledger.deciders import Decider
from decisionloop.ledger.held_cohorts import held_cohorts
from decisionloop.ledger.incidents import open_incidents
from decisionloop.ledger.measurements import measurements_of
from decisionloop.ledger.releases import Release
from decisionloop.monitor.labels import LABEL_SHORTFALL
from decisionloop.monitor.watching.watch_cohort import (
    OUTCOME_RATE,
    RULES_LIFT,
    SIGNED_GAP,
    CohortsBefore,
    EarlierFigure,
)
from decisionloop.observe.cohort import CHAMPION_LIFT
from decisionloop.observe.known_actions import KNOWN_ACTION_LIFT, RULES_OVER_DEFAULT
from decisionloop.workspace import Workspace
from tasks.readback.lives import decided_before
from tasks.readback.measured import estimates_of
from tasks.readback.releases import release_of
from tasks.watch.entity_money import entity_money_before

_RATES = (OUTCOME_RATE, SIGNED_GAP)
_LIFTS = (RULES_LIFT, CHAMPION_LIFT, KNOWN_ACTION_LIFT, RULES_OVER_DEFAULT)


def cohorts_before(workspace: Workspace, batch: Batch, release_id: str, known_at: datetime) -> CohortsBefore:
    """What is known of the earlier cohorts of a release when a batch that it was to decide is mature.

    Cohorts that are held back say nothing of what is usual, nor of what the release has earned; the rate of those that
    had too few outcomes is not what is usual either.
    """
    release, held = release_of(workspace, release_id), held_cohorts(workspace.ledger, workspace.use_case.name)
    decided = decided_before(workspace.ledger, release.release_id, batch)
    told = measurements_of(workspace.ledger, workspace.use_case.name, (*_RATES, *_LIFTS, LABEL_SHORTFALL))
    is_meant = _is_of_release(told, batch, release) | _is_lift(told, decided.own) | _is_shortfall(told)
    earlier = _figures(told[is_meant & ~told["cohort"].isin(held)])
    holdout = entity_money_before(workspace, release, decided, known_at, held)
    return CohortsBefore.of(earlier, _cohorts_in_question(workspace), _reference_auc(release), holdout)


def _reference_auc(release: Release) -> float | None:
    """The weighted AUC that a release had when it was judged; None for rules."""
    measured: float | None = json.loads(release.card_json).get("metrics", {}).get("auc_weighted")
    return measured


def _is_of_release(told: pd.DataFrame, batch: Batch, release: Release) -> pd.Series:
    """Rates of the outcome and calibration gaps that were measured of the release's earlier cohorts."""
    is_own = told["monitor"].isin(_RATES) & (told["release_id"] == release.release_id)
    return is_own & (told["cohort"] < cohort_name(batch.as_of))


def _is_lift(told: pd.DataFrame, decided: Sequence[Decider]) -> pd.Series:
    """Money over the rules, and over one action for everybody, of the earlier cohorts that the release decided, with
    or without another one on trial."""
    return told["monitor"].isin(_LIFTS) & told["cohort"].isin([one.cohort for one in decided])


def _is_shortfall(told: pd.DataFrame) -> pd.Series:
    """How many outcomes a cohort had too few to be judged by, when it was measured last; of those that had."""
    return (told["monitor"] == LABEL_SHORTFALL) & (told["value"] > 0)


def _figures(rows: pd.DataFrame) -> list[EarlierFigure]:
    columns = (rows["cohort"], rows["monitor"], estimates_of(rows), rows["slice"])
    return [
        EarlierFigure(str(cohort), str(monitor), estimate, str(part))
        for cohort, monitor, estimate, part in zip(*columns, strict=True)
    ]


def _cohorts_in_question(workspace: Workspace) -> set[str]:
    """Cohorts whose rate of the outcome is an open incident."""
    ledger, name = workspace.ledger, workspace.use_case.name
    still_open = {incident.incident_id for incident in open_incidents(ledger, name)}
    alarms = alarms_of(ledger, name)
    return {one.cohort for one in alarms if one.monitor == "outcome_shift" and one.incident_id in still_open}
