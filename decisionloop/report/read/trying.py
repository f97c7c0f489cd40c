"""From the ledger to whether enough is tried: outcomes of what the rules would not have done, while they decide."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, and_, case, func, select

from decisionloop.act.exploration.support import PROPENSITY_FLOOR
from decisionloop.act.rules_limits import LIMIT
from decisionloop.contract import UseCase
from decisionloop.learn.tried_otherwise import TriedOtherwise, room_of, setting_of, tryable, worth
from decisionloop.ledger.batches import Batch, cohort_name
from decisionloop.ledger.decisions import latest_revision
from decisionloop.ledger.measured_cohorts import measured_cohorts
from decisionloop.ledger.releases import RULES, current_stages
from decisionloop.ledger.schema import batch, decision, outcome
from decisionloop.report.read.exploring import planned_by_batch

if TYPE_CHECKING:
    from decisionloop.ledger.storage.engine import Ledger


def tried_otherwise(ledger: Ledger, use_case: UseCase, made: Sequence[Batch]) -> TriedOtherwise | None:
    """How much has been tried in the batches ``made``, which are in the order of as-of.

    None where nothing must be tried, before the first decision, and once a model decides: on trial or in charge it
    tries by itself what the rules would not do.
    """
    stages = current_stages(ledger, use_case.name)
    kinds = [one.release.kind for one in stages if one.stage in {"champion", "canary"}]
    made = [one for one in made if one.is_decided]
    if not any(tryable(use_case)) or not made or not kinds or any(one != RULES for one in kinds):
        return None
    if not _is_anything_left_out(ledger, use_case):
        return None
    waits = timedelta(days=use_case.outcome.maturity_days)
    exploration = use_case.policy.exploration
    measured = measured_cohorts(ledger, use_case.name)
    mature_until = max((made[-1].as_of - waits, *(one.as_of for one in made if cohort_name(one.as_of) in measured)))
    weeks = sum(one.as_of <= mature_until for one in made) * use_case.schedule.covers_days / 7
    seen, outcomes, cut = _seen(ledger, use_case)
    seen_of_mature, *_ = _seen(ledger, use_case, mature_until)
    is_left = _is_budget_left(ledger, use_case)
    return TriedOtherwise(
        seen=seen,
        needed=use_case.gate.minimum_effective_n,
        a_week=seen_of_mature / weeks if weeks else math.nan,
        setting=setting_of(exploration, is_left) if use_case.is_explored else "",
        outcomes=outcomes,
        room=room_of(exploration, is_left),
        cut=cut,
    )


def _worth_trying(use_case: UseCase) -> list[str]:
    """The actions of which only their own outcome tells what they bring."""
    return [name for name, is_tried in zip(use_case.action_names, tryable(use_case), strict=True) if is_tried]


def _is_anything_left_out(ledger: Ledger, use_case: UseCase) -> bool:
    """Whether the rules would not do for everybody the one action that would have to be tried."""
    worth = _worth_trying(use_case)
    if len(worth) > 1:
        return True
    batches = select(batch.c.batch_id).where(batch.c.use_case == use_case.name)
    others = select(decision.c.decision_id).where(decision.c.batch_id.in_(batches), decision.c.rules_action != worth[0])
    with ledger.connect() as connection:
        return connection.execute(others.limit(1)).first() is not None


def _is_budget_left(ledger: Ledger, use_case: UseCase) -> bool:
    """Whether the last batch could not spend what it might have."""
    return any(one.is_budget_left for one in planned_by_batch(ledger, use_case, last=1))


def _seen(ledger: Ledger, use_case: UseCase, until: datetime | None = None) -> tuple[float, int, int]:
    """What the outcomes are worth of decisions that did what the rules would not and only an outcome tells of.

    Of the action that is told best; and how many there are of all actions, and of them where a limit cut the rules.
    ``until``: of batches as of then or before.
    """
    batches = select(batch.c.batch_id).where(batch.c.use_case == use_case.name)
    if until is not None:
        batches = batches.where(batch.c.as_of <= until)
    latest = outcome.alias("latest")
    # What was drawn below the floor is no evidence to the gate either.
    is_evidence = decision.c.propensity >= PROPENSITY_FLOOR
    weight: ColumnElement[Any] = func.sum(1 / decision.c.propensity)
    is_cut = func.sum(case((decision.c.fallback_reason.contains(LIMIT), 1), else_=0))
    of_entity = (
        select(decision.c.action, weight.label("weight"), func.count().label("many"), is_cut.label("cut"))
        .select_from(decision)
        .join(latest, and_(latest.c.decision_id == decision.c.decision_id, *latest_revision(latest, None)))
        .where(
            decision.c.batch_id.in_(batches),
            decision.c.action.in_(_worth_trying(use_case)),
            decision.c.action != decision.c.rules_action,
            is_evidence,
        )
        .group_by(decision.c.action, decision.c.entity_id)
        .subquery()
    )
    weights = of_entity.c.weight
    sums = (func.sum(weights), func.sum(weights * weights), func.sum(of_entity.c.many), func.sum(of_entity.c.cut))
    with ledger.connect() as connection:
        told = connection.execute(select(*sums).group_by(of_entity.c.action)).all()
    seen = max((worth(float(w), float(s)) for w, s, *_ in told), default=0.0)
    return seen, sum(int(many) for _, _, many, _ in told), sum(int(cut) for *_, cut in told)
