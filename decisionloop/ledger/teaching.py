"""How much each batch could teach, counted in the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, and_, func, or_, select

from decisionloop.act.situation import is_of_policy
from decisionloop.ledger.batches import cohort_name
from decisionloop.ledger.decisions import batches_of_span, latest_revision
from decisionloop.ledger.executions import executed_action
from decisionloop.ledger.held_actions import is_carried_out
from decisionloop.ledger.held_cohorts import held_cohorts
from decisionloop.ledger.id_spans import IdSpan, ids_of_batches
from decisionloop.ledger.schema import batch, decision, outcome
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.watching_periods import unfinished_ids


@dataclass(frozen=True)
class Teaching:
    """Decisions of a batch whose outcome is known and may teach, and how many of them were of class 1.

    ``corrections``: how often any of these outcomes was told otherwise; while all three stay, the same is known.
    """

    batch_id: str
    as_of: datetime
    outcomes: int
    events: int
    corrections: int = 0


def teaching_by_batch(
    ledger: Ledger,
    use_case: str,
    cohorts: tuple[datetime, datetime],
    revealing: Sequence[str],
    known_at: datetime,
    is_absent_zero: bool = False,
) -> tuple[Teaching, ...]:
    """Count the policy's own decisions that revealed an outcome, by batch.

    ``cohorts``: the first as-of and the last, both included. Only what was seen by ``known_at`` counts, and what was
    executed as far as it was known then. A batch whose cohort is held back teaches nothing and is not counted, nor is
    one that still gathers.
    ``is_absent_zero``: in these batches, which are mature, no outcome is one of class 0
    (`decisionloop.observe.maturity.with_absent_outcomes`).
    """
    meant = batches_of_span(use_case, *cohorts)
    span = ids_of_batches(ledger, meant)
    latest, free = outcome.alias("latest"), _free_reasons(ledger, meant, span)
    is_outcome = and_(latest.c.decision_id == decision.c.decision_id, *latest_revision(latest, known_at, span))
    statement = (
        select(
            batch.c.batch_id,
            batch.c.as_of,
            func.count(decision.c.decision_id),
            func.coalesce(func.sum(latest.c.outcome_class), 0),
            func.coalesce(func.sum(latest.c.revision - 1), 0),
        )
        .join(decision, decision.c.batch_id == batch.c.batch_id)
        .join(latest, is_outcome, isouter=is_absent_zero)
        .where(
            batch.c.use_case == use_case,
            batch.c.batch_id.not_in(unfinished_ids(use_case)),
            batch.c.as_of.between(*cohorts),
            *span.holds(decision.c.decision_id),
            decision.c.role != "holdout",
            or_(decision.c.fallback_reason.is_(None), decision.c.fallback_reason.in_(free)),
            is_carried_out(decision.c.decision_id, span),
            executed_action(ledger, known_at, span).in_(revealing),
        )
        .group_by(batch.c.batch_id, batch.c.as_of)
        .order_by(batch.c.as_of)
    )
    held = held_cohorts(ledger, use_case)
    return tuple(one for one in facts.as_facts(ledger, Teaching, statement) if cohort_name(one.as_of) not in held)


def _free_reasons(ledger: Ledger, batches: Select[str], span: IdSpan) -> list[str]:
    """The reasons of falling back, of all that were logged in these batches, that keep a row from nothing."""
    statement = (
        select(decision.c.fallback_reason)
        .distinct()
        .where(decision.c.batch_id.in_(batches), *span.holds(decision.c.decision_id))
        .where(decision.c.fallback_reason.is_not(None))
    )
    with facts.reading(ledger) as connection:
        return [reason for reason in connection.execute(statement).scalars() if reason and is_of_policy(reason)]


def decisions_per_batch(ledger: Ledger, use_case: str, as_of_from: datetime, as_of_to: datetime) -> float:
    """Mean number of decisions of the batches of a span (both ends included) that decided anybody; 0 without any."""
    meant = batches_of_span(use_case, as_of_from, as_of_to)
    where = (decision.c.batch_id.in_(meant), *ids_of_batches(ledger, meant).holds(decision.c.decision_id))
    statement = select(func.count(), func.count(decision.c.batch_id.distinct())).where(*where)
    with facts.reading(ledger) as connection:
        decisions, batches = connection.execute(statement).one()
    return decisions / batches if batches else 0.0
