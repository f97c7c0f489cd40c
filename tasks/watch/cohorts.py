"""What a mature cohort is compared with: the figures of earlier cohorts of the same release, read from the ledger."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime

from decisionloop.ledger.alarms import alarms_of
from decisionloop.ledger.batches import Batch, cohort_name
from decisionloop.ledger.deciders import Decider
from decisionloop.ledger.earlier_figures import (
    FigureOfCohort,
    cohorts_above,
    figures_of_cohorts,
    first_cohorts_told,
    last_cohorts_told,
)
from decisionloop.ledger.held_cohorts import held_cohorts
from decisionloop.ledger.incidents import open_incidents
from decisionloop.ledger.releases import RULES, Release
from decisionloop.monitor.labels import LABEL_SHORTFALL
from decisionloop.monitor.watching.watch_cohort import (
    EARLIER_COHORTS,
    FIRST_COHORTS,
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
from tasks.readback.measured import estimate_of
from tasks.readback.releases import release_of
from tasks.watch.entity_money import entity_money_before

_LIFTS = (RULES_LIFT, CHAMPION_LIFT, KNOWN_ACTION_LIFT)


def cohorts_before(workspace: Workspace, batch: Batch, release_id: str, known_at: datetime) -> CohortsBefore:
    """What is known of the earlier cohorts of a release when a batch that it was to decide is mature.

    Cohorts that are held back say nothing of what is usual, nor of what the release has earned; the rate of those that
    had too few outcomes is not what is usual either.
    """
    release, held = release_of(workspace, release_id), held_cohorts(workspace.ledger, workspace.use_case.name)
    decided, in_question = decided_before(workspace.ledger, release.release_id, batch), _cohorts_in_question(workspace)
    told = [
        *_own_rates(workspace, release, cohort_name(batch.as_of), frozenset({*held, *in_question})),
        *_lifts(workspace, release, decided.own),
    ]
    earlier = [_earlier(one) for one in told if one.cohort not in held]
    holdout = entity_money_before(workspace, release, decided, known_at, held)
    return CohortsBefore.of(earlier, in_question, _reference_auc(release), holdout)


def _reference_auc(release: Release) -> float | None:
    """The weighted AUC that a release had when it was judged; None for rules."""
    measured: float | None = json.loads(release.card_json).get("metrics", {}).get("auc_weighted")
    return measured


def _own_rates(workspace: Workspace, release: Release, before: str, aside: Collection[str]) -> Iterator[FigureOfCohort]:
    """Rates of the outcome of the release's last cohorts, and calibration gaps of its first ones.

    So many that there are enough of them without those that do not count (``aside``, and those that had too few
    outcomes by their shortfall, which is told with them), and though some could not tell when they were measured again.
    """
    ledger, name = workspace.ledger, workspace.use_case.name
    short = cohorts_above(ledger, name, LABEL_SHORTFALL, 0.0)
    of = (release.release_id, before)
    last = last_cohorts_told(ledger, name, OUTCOME_RATE, *of, 2 * EARLIER_COHORTS + len({*aside, *short}))
    first = first_cohorts_told(ledger, name, SIGNED_GAP, *of, 2 * FIRST_COHORTS + len(aside))
    yield from figures_of_cohorts(ledger, name, [OUTCOME_RATE], release.release_id, last)
    yield from figures_of_cohorts(ledger, name, [SIGNED_GAP], release.release_id, first)
    yield from figures_of_cohorts(ledger, name, [LABEL_SHORTFALL], cohorts=short.intersection(last))


def _lifts(workspace: Workspace, release: Release, decided: Sequence[Decider]) -> Iterator[FigureOfCohort]:
    """Money over the rules, and over one action for everybody, of the earlier cohorts that the release decided, with
    or without another one on trial; of rules, and the default action in their place, over that action as well."""
    own = {one.cohort for one in decided}
    monitors = (*_LIFTS, RULES_OVER_DEFAULT) if release.kind == RULES else _LIFTS
    told = figures_of_cohorts(workspace.ledger, workspace.use_case.name, monitors) if own else ()
    return (one for one in told if one.cohort in own)


def _earlier(told: FigureOfCohort) -> EarlierFigure:
    return EarlierFigure(told.cohort, told.monitor, estimate_of(told), told.slice)


def _cohorts_in_question(workspace: Workspace) -> set[str]:
    """Cohorts whose rate of the outcome is an open incident."""
    ledger, name = workspace.ledger, workspace.use_case.name
    still_open = {incident.incident_id for incident in open_incidents(ledger, name)}
    alarms = alarms_of(ledger, name)
    return {one.cohort for one in alarms if one.monitor == "outcome_shift" and one.incident_id in still_open}
