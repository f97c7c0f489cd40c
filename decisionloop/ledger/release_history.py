"""Which release decided for an entity, and why it was the one to decide then."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select

from decisionloop.act.identity import decision_ids
from decisionloop.ledger.decision_search import CHUNK, Sought, ids_of_entity
from decisionloop.ledger.schema import decision, release_event, sealed_segment
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.release.stages import DeciderKind, Stage

_BEGINNING, _TICK = datetime(1, 1, 2, tzinfo=UTC), timedelta(microseconds=1)


@dataclass(frozen=True)
class DecidedFor:
    """A decision, and the event by which its release stood where it did when the batch was scored.

    ``role`` says how the release came to decide this entity; ``fallback_reason`` why the rules did in place of a model.
    The event (``seq`` to ``recorded_at``) is None only where the ledger knows none.
    """

    decision_id: str
    batch_id: str
    entity_id: str
    as_of: datetime
    decided_at: datetime
    release_id: str
    role: str
    action: str
    propensity: float | None
    fallback_reason: str | None
    contract_digest: str
    release_seq: int | None
    seq: int | None
    stage: Stage | None
    share: float | None
    decider: DeciderKind | None
    decided_by: str | None
    reason: str | None
    evidence: str | None
    stage_since: datetime | None
    recorded_at: datetime | None

    @property
    def moment(self) -> datetime:
        """As of when it was decided: its batch's time, or its own where it was decided one at a time."""
        of_batch = decision_ids(self.batch_id.partition("/")[0], [self.entity_id], self.as_of)[0]
        return self.as_of if self.decision_id == of_batch else self.decided_at


def decided_for(source: Ledger | Connection, use_case: str, entity_id: str, until: datetime) -> tuple[DecidedFor, ...]:
    """Every decision for an entity up to ``until`` (included), oldest first, each with why its release was live.

    What was decided one at a time counts by its own moment, not by that of the batch that it was sealed in.
    """
    end = min(until, datetime.max.replace(tzinfo=UTC) - _TICK) + _TICK
    is_by_then = or_(decision.c.batch_id.not_in(select(sealed_segment.c.batch_id)), decision.c.decided_at < end)
    found: list[DecidedFor] = []
    with facts.reading(source) as connection:
        ids = ids_of_entity(connection, Sought(use_case, _BEGINNING, end, entity_id))
        for start in range(0, len(ids), CHUNK):
            of_chunk = decision.c.decision_id.in_(ids[start : start + CHUNK])
            found += facts.as_facts(connection, DecidedFor, _with_event().where(of_chunk, is_by_then))
    return tuple(sorted(found, key=lambda one: (one.moment, one.decided_at)))


def why_decided(source: Ledger | Connection, decision_id: str) -> DecidedFor | None:
    """One decision, with why its release was live; None where there is none."""
    found = facts.as_facts(source, DecidedFor, _with_event().where(decision.c.decision_id == decision_id))
    return found[0] if found else None


def _with_event() -> Select[*tuple[Any, ...]]:
    """Decisions with the last event of their release that the scoring knew of; as of its time where nobody wrote that
    down."""
    before, told, made = release_event.alias("before"), release_event.c, decision.c
    is_known = or_(before.c.seq <= made.release_seq, and_(made.release_seq.is_(None), before.c.as_of <= made.as_of))
    last = (
        select(func.max(before.c.seq))
        .where(before.c.use_case == made.use_case, before.c.release_id == made.release_id, is_known)
        .correlate(decision)
        .scalar_subquery()
    )
    columns: list[ColumnElement[Any]] = [
        *(made.decision_id, made.batch_id, made.entity_id, made.as_of, made.decided_at, made.release_id, made.role),
        *(made.action, made.propensity, made.fallback_reason, made.contract_digest, made.release_seq),
        *(told.seq, told.stage, told.share, told.decider, told.decided_by, told.reason, told.evidence),
        *(told.as_of.label("stage_since"), told.recorded_at),
    ]
    is_event = and_(told.use_case == made.use_case, told.seq == last)
    return select(*columns).join_from(decision, release_event, is_event, isouter=True).order_by(made.as_of)
