"""How much each batch could teach, counted in the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists, func, not_, or_, select

from decisionloop.act.situation import STANDING_IN
from decisionloop.ledger.decisions import batches_of_span
from decisionloop.ledger.held_actions import is_carried_out
from decisionloop.ledger.schema import batch, decision, outcome
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger


@dataclass(frozen=True)
class Teaching:
    """Decisions of a batch whose outcome is known and may teach, and how many of them were of class 1."""

    batch_id: str
    as_of: datetime
    outcomes: int
    events: int


def teaching_by_batch(
    ledger: Ledger,
    use_case: str,
    as_of_from: datetime,
    as_of_to: datetime,
    revealing: Sequence[str],
    is_absent_zero: bool = False,
) -> tuple[Teaching, ...]:
    """Count, by batch of a span (both ends included), the policy's own decisions that revealed an outcome.

    ``is_absent_zero``: in these batches, which are mature, a decision without an outcome has one, of class 0
    (`decisionloop.observe.maturity.with_absent_outcomes`).
    """
    newer = outcome.alias("newer")
    is_latest = ~exists().where(newer.c.decision_id == outcome.c.decision_id, newer.c.revision > outcome.c.revision)
    statement = (
        select(
            batch.c.batch_id,
            batch.c.as_of,
            func.count(decision.c.decision_id),
            func.coalesce(func.sum(outcome.c.outcome_class), 0),
        )
        .join(decision, decision.c.batch_id == batch.c.batch_id)
        .join(outcome, outcome.c.decision_id == decision.c.decision_id, isouter=is_absent_zero)
        .where(
            is_latest,
            batch.c.use_case == use_case,
            batch.c.as_of >= as_of_from,
            batch.c.as_of <= as_of_to,
            decision.c.role != "holdout",
            _is_free(decision.c.fallback_reason),
            is_carried_out(decision.c.decision_id),
            decision.c.action.in_(revealing),
        )
        .group_by(batch.c.batch_id, batch.c.as_of)
        .order_by(batch.c.as_of)
    )
    return facts.as_facts(ledger, Teaching, statement)


def _is_free(reason: ColumnElement[str | None]) -> ColumnElement[bool]:
    """As `decisionloop.observe.cohort.is_policy_traffic`: no fallback of a single row."""
    is_whole_batch = and_(reason.startswith(STANDING_IN), not_(reason.contains("; ")))
    return or_(reason.is_(None), is_whole_batch)


def decisions_per_batch(ledger: Ledger, use_case: str, as_of_from: datetime, as_of_to: datetime) -> float:
    """Mean number of decisions of the batches of a span (both ends included) that decided anybody; 0 without any."""
    statement = select(func.count(), func.count(decision.c.batch_id.distinct())).where(
        decision.c.batch_id.in_(batches_of_span(use_case, as_of_from, as_of_to))
    )
    with facts.reading(ledger) as connection:
        decisions, batches = connection.execute(statement).one()
    return decisions / batches if batches else 0.0
