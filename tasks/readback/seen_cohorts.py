"""What outcomes have shown so far of each kind of row and action, cohort by cohort, for the batch that is decided next.

A cohort is counted once: the batch after it keeps the count, and later batches take it from there as long as the same
outcomes are known. Cohorts that are held back, what was decided under another contract or code, and what has not come
are not seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import get_args

import numpy as np

from decisionloop.act.action_names import actions_by_index
from decisionloop.act.exploration.seen_cohorts import SeenCohort, cohorts_of
from decisionloop.act.exploration.seen_money import SeenMoney
from decisionloop.act.exploration.support import PROPENSITY_FLOOR
from decisionloop.act.exploration.tally import Decided, seen_of
from decisionloop.errors import IntegrityError
from decisionloop.ledger.batch_parts import find_part
from decisionloop.ledger.batches import State, cohort_name, find_batch, newest_batches
from decisionloop.ledger.executions import count_executions
from decisionloop.ledger.teaching import Teaching, teaching_by_batch
from decisionloop.observe.cohort import is_policy_traffic
from decisionloop.observe.executed_actions import is_overridden
from decisionloop.observe.possible_money import spanning_outcomes
from decisionloop.workspace import Workspace
from tasks.readback.mature_decisions import mature_batches, training_window
from tasks.readback.predictions import read_predictions
from tasks.readback.tables import read_table

LOOK_BACK = 32
"""So many batches before this one may have been halted or covered before what they kept is no longer looked for."""


@dataclass(frozen=True)
class SeenSoFar:
    """Cohorts that a batch looks back on; ``unreadable``: why others could not be counted, whose files are damaged."""

    cohorts: tuple[SeenCohort, ...] = ()
    unreadable: tuple[str, ...] = ()


def seen_so_far(workspace: Workspace, as_of: datetime) -> SeenSoFar:
    """What a batch as of ``as_of`` may look back on: the cohorts that were mature when outcomes were last taken in."""
    name, ledger = workspace.use_case.name, workspace.ledger
    earlier = newest_batches(ledger, name, LOOK_BACK, as_of - timedelta(microseconds=1), get_args(State))
    if not earlier:
        return SeenSoFar()
    since, until = training_window(workspace, earlier[-1].as_of)
    revealing = [action.name for action in workspace.use_case.actions if action.reveals_outcome]
    is_absent_zero = workspace.use_case.outcome.means_zero_when_absent
    taught = teaching_by_batch(ledger, name, (since, until), revealing, as_of, is_absent_zero)
    known = _known_before(workspace, [one.batch_id for one in earlier]) if taught else {}
    said = count_executions(ledger, [one.batch_id for one in taught], as_of)
    cohorts, unreadable = [], []
    for one in taught:
        made_by = _made_by(workspace, said.get(one.batch_id, 0), one.corrections)
        try:
            cohorts.append(_seen(workspace, one, made_by, known.get(cohort_name(one.as_of)), as_of))
        except IntegrityError as error:  # a file that is lost must not keep later batches from being decided
            unreadable.append(f"{cohort_name(one.as_of)}: {error}")
    return SeenSoFar(tuple(cohorts), tuple(unreadable))


def _known_before(workspace: Workspace, earlier: list[str]) -> dict[str, SeenCohort]:
    """The counts that the last batch before kept, if one of these did; without them all is counted anew."""
    for batch_id in reversed(earlier):
        found = find_part(workspace.ledger, batch_id, "seen_money", 0)
        if found is not None:
            return {one.cohort: one for one in cohorts_of(read_table(workspace, found.digest))}
    return {}


def _seen(
    workspace: Workspace, teaching: Teaching, made_by: str, known: SeenCohort | None, as_of: datetime
) -> SeenCohort:
    counted = (teaching.outcomes, teaching.events, made_by)
    if known is not None and (known.outcomes, known.events, known.made_by) == counted:
        return known
    return SeenCohort(cohort_name(teaching.as_of), *counted, _count(workspace, teaching, as_of))


def _made_by(workspace: Workspace, said: int, corrections: int) -> str:
    """Contract and code, how often it was told what was executed, and how often outcomes were told otherwise: what any
    of them changes is counted anew."""
    made_by = f"{workspace.use_case.digest} {workspace.code.digest}"
    made_by = f"{made_by} {said}" if said else made_by
    return f"{made_by} {corrections} corrected" if corrections else made_by


def _count(workspace: Workspace, teaching: Teaching, as_of: datetime) -> SeenMoney:
    use_case = workspace.use_case
    whole = mature_batches(workspace, teaching.as_of, teaching.as_of, as_of, ())
    is_counted = is_policy_traffic(whole.log) & (whole.log["propensity"] >= PROPENSITY_FLOOR).to_numpy()
    is_counted &= ~is_overridden(whole.log)  # what came of another action shows nothing of the one that was drawn
    batch = find_batch(workspace.ledger, teaching.batch_id)
    values = None
    if batch is not None and batch.contract_digest == use_case.digest:
        values = read_predictions(workspace, teaching.batch_id, whole.log).values
    log, frame = whole.log[is_counted].reset_index(drop=True), whole.frame[is_counted].reset_index(drop=True)
    outcome, amount = (
        log[name].to_numpy(dtype=np.float64, na_value=np.nan) for name in ("outcome_class", "outcome_amount")
    )
    assert whole.rules_reason is not None  # what is read back has them
    decided = Decided(
        action=actions_by_index(use_case, log["action"]),
        rules_action=whole.rules_action[is_counted],
        propensity=log["propensity"].to_numpy(dtype=np.float64),
        reason=whole.rules_reason[is_counted],
        outcome_class=outcome,
        amount=amount,
        values=None if values is None else values[is_counted],
    )
    return seen_of(use_case, frame, decided, tuple(spanning_outcomes(use_case, outcome, amount)))
