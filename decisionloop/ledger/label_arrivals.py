"""How many outcomes of a batch have come, and when: counted in the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from decisionloop.ledger.executions import executed_action
from decisionloop.ledger.held_actions import is_carried_out
from decisionloop.ledger.id_spans import ids_of_batch
from decisionloop.ledger.schema import as_utc, decision, outcome
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger


@dataclass(frozen=True)
class LabelArrivals:
    """Decisions of a batch that should reveal an outcome, and (time, how many first came then) of those that came."""

    decided: int
    came: tuple[tuple[datetime, int], ...]

    @property
    def arrived(self) -> int:
        """Outcomes that have come."""
        return sum(count for _, count in self.came)


def label_arrivals(ledger: Ledger, batch_id: str, revealing: Sequence[str], known_at: datetime) -> LabelArrivals:
    """Count the decisions of a batch that ended in a ``revealing`` action, and their outcomes seen by ``known_at``.

    What was cancelled is not counted.
    """
    span = ids_of_batch(ledger, batch_id)
    is_meant = (
        decision.c.batch_id == batch_id,
        *span.holds(decision.c.decision_id),
        executed_action(ledger, known_at, span).in_(revealing),
        is_carried_out(decision.c.decision_id, span),
    )
    decided = select(func.count()).select_from(decision).where(*is_meant)
    came = (
        select(outcome.c.observed_at, func.count())
        .join(decision, decision.c.decision_id == outcome.c.decision_id)
        .where(
            *is_meant,
            *span.holds(outcome.c.decision_id),
            outcome.c.revision == 1,
            outcome.c.observed_at <= as_utc(known_at),
        )
        .group_by(outcome.c.observed_at)
        .order_by(outcome.c.observed_at)
    )
    with facts.reading(ledger) as connection:
        many = connection.execute(decided).scalar_one()
        return LabelArrivals(many, tuple((row[0], int(row[1])) for row in connection.execute(came)))
