"""Which release decided for an entity, and why it was the one to decide then."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select

from decisionloop.act.identity import decision_ids
from decisionloop.ledger.batches import batches
from decisionloop.ledger.schema import decision, release_event
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.release.stages import DeciderKind, Stage


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
    propensity: float
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


def decided_for(source: Ledger | Connection, use_case: str, entity_id: str, until: datetime) -> tuple[DecidedFor, ...]:
    """Every decision for an entity up to ``until`` (included), oldest first, each with why its release was live."""
    with facts.reading(source) as connection:
        known = [one.as_of for one in batches(connection, use_case, as_of_to=until)]
        # The id of a decision is a function of entity and as-of: its index finds it among millions.
        ids = [str(decision_ids(use_case, [entity_id], as_of)[0]) for as_of in known]
        where = (decision.c.use_case == use_case, decision.c.entity_id == entity_id)
        return facts.as_facts(connection, DecidedFor, _with_event().where(decision.c.decision_id.in_(ids), *where))


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
