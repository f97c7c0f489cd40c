"""What was really executed of decisions, where somebody said it: appended, asked for by time, counted.

Nothing is kept of a decision of which nobody said anything: it was executed as it was chosen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd
from sqlalchemy import ColumnElement, Connection, exists, func, select

from decisionloop.ledger.held_actions import is_carried_out
from decisionloop.ledger.id_spans import ANY_ID, IdSpan, ids_of_batches
from decisionloop.ledger.schema import batch, decision, execution
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.bulk import append
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.storage.frames import read_frame

_RECORDED = ("decision_id", "revision", "executed_action", "overridden_by", "override_reason", "observed_at")


@dataclass(frozen=True)
class Overrides:
    """How many decisions of a release ended in another action than was chosen, who did that and why; "" unknown."""

    chosen: str
    executed: str
    reason: str
    by: str
    release_id: str
    decisions: int


@dataclass(frozen=True)
class Execution:
    """What was said of one decision, by whom and why; None where nobody said."""

    executed_action: str
    overridden_by: str | None
    override_reason: str | None
    observed_at: datetime
    recorded_at: datetime


def append_executions(target: Ledger | Connection, revisions: pd.DataFrame) -> int:
    """Append revisions (columns of the table `execution`, `revision` counted from 1); returns how many were new.

    Raises `UsageError` where a revision of a decision is there already.
    """
    with facts.writing(target) as connection:
        return append(connection, execution, revisions, on_conflict="fail")


def recorded_executions(ledger: Ledger, *where: ColumnElement[bool]) -> pd.DataFrame:
    """Every revision of every decision of which ``where`` holds: what an intake compares with."""
    columns: list[Any] = [execution.c[name] for name in _RECORDED]
    statement = select(*columns).join(decision, decision.c.decision_id == execution.c.decision_id)
    return read_frame(ledger, statement.where(*where))


def executions_of(source: Ledger | Connection, decision_id: str) -> tuple[Execution, ...]:
    """What was said of one decision, in the order in which it was seen; the last counts."""
    order = [execution.c.revision]
    return facts.every(source, Execution, execution, execution.c.decision_id == decision_id, order_by=order)


def are_any_executed(source: Ledger | Connection) -> bool:
    """Whether anything was ever said of what was executed; where not, nobody need ask."""
    with facts.reading(source) as connection:
        return connection.execute(select(execution.c.decision_id).limit(1)).first() is not None


def latest_execution(latest: Any, known_at: datetime | None, span: IdSpan = ANY_ID) -> tuple[ColumnElement[bool], ...]:
    """When a row of ``latest`` (an alias of `execution`) is the last revision known at a time.

    ``span``: between which ids those lie that are asked about.
    """
    newer = execution.alias("newer_execution")
    is_newer = [newer.c.decision_id == latest.c.decision_id, newer.c.revision > latest.c.revision]
    is_newer += span.holds(newer.c.decision_id)
    own = span.holds(latest.c.decision_id)
    if known_at is None:
        return (*own, ~exists().where(*is_newer))
    return (*own, latest.c.observed_at <= known_at, ~exists().where(*is_newer, newer.c.observed_at <= known_at))


def executed_action(
    source: Ledger | Connection, known_at: datetime | None = None, span: IdSpan = ANY_ID
) -> ColumnElement[Any]:
    """What was executed of a `decision`, as known at a time: what was said, else what was chosen."""
    if not are_any_executed(source):
        return decision.c.action
    latest = execution.alias("latest_execution")
    is_said = (latest.c.decision_id == decision.c.decision_id, *latest_execution(latest, known_at, span))
    said = select(latest.c.executed_action).where(*is_said).correlate(decision).scalar_subquery()
    return func.coalesce(said, decision.c.action)


def count_executions(source: Ledger | Connection, batch_ids: Sequence[str], known_at: datetime) -> dict[str, int]:
    """How often something was said of decisions of batches by ``known_at``: while that stays, the same is known.

    A batch of which nothing was said is left out.
    """
    if not batch_ids or not are_any_executed(source):
        return {}
    joined = execution.join(decision, decision.c.decision_id == execution.c.decision_id)
    with facts.reading(source) as connection:
        own = ids_of_batches(connection, batch_ids).holds(decision.c.decision_id, execution.c.decision_id)
        statement = select(decision.c.batch_id, func.count()).select_from(joined)
        is_known = execution.c.observed_at <= known_at
        counted = statement.where(decision.c.batch_id.in_(batch_ids), *own, is_known).group_by(decision.c.batch_id)
        return {str(batch_id): int(count) for batch_id, count in connection.execute(counted)}


def overrides(source: Ledger | Connection, use_case: str) -> tuple[Overrides, ...]:
    """Decisions of all batches that ended otherwise than was chosen, the most frequent kind first."""
    if not are_any_executed(source):
        return ()
    latest = execution.alias("latest_execution")
    kind: list[ColumnElement[Any]] = [
        decision.c.action,
        latest.c.executed_action,
        func.coalesce(latest.c.override_reason, ""),
        func.coalesce(latest.c.overridden_by, ""),
        decision.c.release_id,
    ]
    of_them = select(batch.c.batch_id).where(batch.c.use_case == use_case)
    statement = (
        select(*kind, func.count())
        .select_from(latest.join(decision, decision.c.decision_id == latest.c.decision_id))
        .where(
            decision.c.batch_id.in_(of_them),
            latest.c.executed_action != decision.c.action,
            is_carried_out(decision.c.decision_id),
            *latest_execution(latest, None),
        )
        .group_by(*kind)
        .order_by(func.count().desc(), *kind)
    )
    return facts.as_facts(source, Overrides, statement)


def count_carried_out(source: Ledger | Connection, use_case: str) -> int:
    """How many decisions of a use case were made and not cancelled."""
    of_them = select(batch.c.batch_id).where(batch.c.use_case == use_case)
    is_meant = (decision.c.batch_id.in_(of_them), is_carried_out(decision.c.decision_id))
    with facts.reading(source) as connection:
        return int(connection.execute(select(func.count()).select_from(decision).where(*is_meant)).scalar_one())
