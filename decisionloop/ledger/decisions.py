"""Decisions, which are also the actions to send, and how releases in shadow fared beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import ColumnElement, Connection, Select, and_, exists, func, select

from decisionloop.errors import UsageError
from decisionloop.ledger.decision_groups import GroupedDecisions, grouped
from decisionloop.ledger.executions import are_any_executed, executed_action
from decisionloop.ledger.held_actions import is_carried_out
from decisionloop.ledger.id_spans import ANY_ID, IdSpan, ids_of_batch, ids_of_batches, require_ids_of_batch
from decisionloop.ledger.schema import (
    batch,
    decision,
    decision_group,
    decision_row,
    execution,
    outbox,
    outcome,
    shadow_run,
)
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.bulk import LaidOut, append, append_laid_out, lay_out
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.storage.frames import read, read_frame
from decisionloop.ledger.watching_periods import unfinished_ids

LEARNING_COLUMNS = (
    "decision_id",
    "entity_id",
    "as_of",
    "role",
    "action",
    "propensity",
    "fallback_reason",
    "snapshot_digest",
    "snapshot_row",
)
"""What observing and learning need of a decision."""
DECISION_ROLES = ("champion", "baseline", "exploration", "holdout", "canary", "legacy")


@dataclass(frozen=True)
class ShadowRun:
    """How a release in shadow fared on one batch. ``status`` is ok, failed or nan."""

    batch_id: str
    release_id: str
    status: str
    error: str | None
    rows: int
    nan_rows: int
    latency_ms: float
    at: datetime


def append_decisions(connection: Connection, decisions: pd.DataFrame | pa.Table) -> int:
    """Append decisions, all of them or none, and return how many were new; those that are there stay as they are.

    The rows have the columns of `decision`, in any order; what is to be sent (``is_sent``) is thereby in the
    outbox. The connection must come from `Ledger.begin()`.
    """
    _check_roles(decisions, DECISION_ROLES)
    return append_grouped(connection, grouped(decisions))


def append_grouped(connection: Connection, decisions: GroupedDecisions) -> int:
    """Append decisions that were taken apart before; see :func:`append_decisions`."""
    _check_propensities(decisions)
    if connection.dialect.name == "postgresql":
        require_ids_of_batch(decisions)
    appended = append(connection, decision_row, decisions.rows)
    if appended:  # a group without a row would tell of nothing
        append(connection, decision_group, _used_groups(decisions))
    return appended


@dataclass(frozen=True)
class LaidOutDecisions:
    """Decisions of which all is done that SQLite need not wait for, for `append_laid_out_decisions`."""

    groups: pa.Table
    rows: LaidOut


def lay_out_decisions(decisions: GroupedDecisions, file: Path) -> LaidOutDecisions:
    """Check decisions as `append_grouped` does and write their rows into the new ``file``."""
    _check_propensities(decisions)
    return LaidOutDecisions(_used_groups(decisions), lay_out(decision_row, decisions.rows, file))


def append_laid_out_decisions(connection: Connection, decisions: LaidOutDecisions) -> int:
    """Append to SQLite what was laid out, all of it or none; returns how many were new."""
    appended = append_laid_out(connection, decisions.rows)
    if appended:
        append(connection, decision_group, decisions.groups)
    return appended


def _used_groups(decisions: GroupedDecisions) -> pa.Table:
    used = pc.is_in(decisions.groups["group_id"], pc.unique(decisions.rows["group_id"]))
    return decisions.groups.filter(used)


def _check_roles(rows: pd.DataFrame | pa.Table, allowed: tuple[str, ...]) -> None:
    roles = rows["role"].unique()
    found = set(roles.to_pylist() if isinstance(roles, pa.Array) else roles.tolist())
    if not found <= set(allowed):
        unknown = ", ".join(sorted(str(role) for role in found - set(allowed)))
        raise UsageError(f"the roles {unknown} are none that the ledger knows. Use {', '.join(allowed)}.")


def _check_propensities(decisions: GroupedDecisions) -> None:
    """Of what another system did the propensity may be unknown; a decision of the loop without one is a fault."""
    is_unknown = pc.is_null(decisions.rows["propensity"], nan_is_null=True)
    if not pc.any(is_unknown).as_py():
        return
    legacy = decisions.groups.filter(pc.equal(decisions.groups["role"], "legacy"))["group_id"]
    is_lacking = pc.and_(is_unknown, pc.invert(pc.is_in(decisions.rows["group_id"], legacy)))
    if lacking := pc.sum(is_lacking).as_py():
        raise UsageError(
            f"decision_row.propensity must be known for every decision of the loop itself; {lacking} of "
            f"{len(decisions.rows)} rows lack it. Only what another system did (role legacy) may be without."
        )


def decisions_of_batch(ledger: Ledger, batch_id: str) -> pd.DataFrame:
    """The decisions of a batch, one row each, columns of the view `decision`, in the order of its snapshot."""
    return read_frame(ledger, select(decision).where(*_of_batch(ledger, batch_id)).order_by(*_ORDER))


def decisions_of_part(ledger: Ledger, batch_id: str, snapshot_digest: str) -> pa.Table:
    """The decisions of a batch about the rows of one snapshot, columns of the view `decision`, in their order."""
    where = (*_of_batch(ledger, batch_id), decision.c.snapshot_digest == snapshot_digest)
    return read(ledger, select(decision).where(*where).order_by(*_ORDER))


def moments_of_rows(ledger: Ledger, batch_id: str) -> pd.DataFrame:
    """When each decision of a batch was made, by its row: snapshot_digest, snapshot_row, decided_at (UTC)."""
    columns = (decision.c.snapshot_digest, decision.c.snapshot_row, decision.c.decided_at)
    return read_frame(ledger, select(*columns).where(*_of_batch(ledger, batch_id)).order_by(*_ORDER))


def has_decisions(source: Ledger | Connection, batch_id: str) -> bool:
    """Whether any decision of a batch is logged."""
    statement = select(decision_group.c.batch_id).where(decision_group.c.batch_id == batch_id).limit(1)
    with facts.reading(source) as connection:
        return connection.execute(statement).first() is not None


def count_decisions(source: Ledger | Connection, batch_id: str) -> tuple[int, int]:
    """How many decisions of a batch are logged, and how many of them are to be sent."""
    with facts.reading(source) as connection:
        span = ids_of_batch(connection, batch_id)
        statements = [
            select(func.count())
            .select_from(table)
            .where(table.c.batch_id == batch_id, *span.holds(table.c.decision_id))
            for table in (decision, outbox)
        ]
        decided, queued = (connection.execute(statement).scalar_one() for statement in statements)
    return decided, queued


def decisions_by_action(source: Ledger | Connection, use_case: str) -> dict[str, int]:
    """How many decisions of a use case took each action, whatever its contract was, by the action's name."""
    counted = select(decision.c.action, func.count()).where(decision.c.use_case == use_case)
    with facts.reading(source) as connection:
        rows = connection.execute(counted.group_by(decision.c.action).order_by(decision.c.action)).all()
    return {str(action): int(many) for action, many in rows}


def decisions_with_outcomes(
    ledger: Ledger,
    use_case: str,
    as_of_from: datetime,
    as_of_to: datetime,
    known_at: datetime | None = None,
    columns: Sequence[str] = tuple(decision.c.keys()),
) -> pd.DataFrame:
    """The decisions of the batches from `as_of_from` to `as_of_to` (both included), each with its latest outcome.

    One row a decision, ordered by as-of and snapshot row: `columns` of `decision` (all of them costs three times
    what `LEARNING_COLUMNS` costs, because of the JSON texts), then `outcome_class`,
    `outcome_amount`, `outcome_revision`, `outcome_kind` and `observed_at`, missing where none is known. With
    `known_at` only what was observed until then counts: a past question gets its answer of the past.
    Where anything is known of executed actions, `executed_action` is what was done, as chosen where nobody said.
    Decisions that were cancelled before they were carried out are left out: nothing came of them. So are those of a
    batch of the stream that still gathers: half of a cohort says nothing.
    """
    latest, meant = outcome.alias("latest"), batches_of_span(use_case, as_of_from, as_of_to)
    span = ids_of_batches(ledger, meant)
    is_outcome = and_(latest.c.decision_id == decision.c.decision_id, *latest_revision(latest, known_at, span))
    done = [executed_action(ledger, known_at, span).label("executed_action")] if are_any_executed(ledger) else []
    statement = (
        select(
            *(decision.c[name] for name in columns),
            *done,
            latest.c.outcome_class,
            latest.c.amount.label("outcome_amount"),
            latest.c.revision.label("outcome_revision"),
            latest.c.kind.label("outcome_kind"),
            latest.c.observed_at,
        )
        .join_from(decision, latest, is_outcome, isouter=True)
        .where(
            decision.c.batch_id.in_(meant),
            *span.holds(decision.c.decision_id),
            decision.c.batch_id.not_in(unfinished_ids(use_case)),
            is_carried_out(decision.c.decision_id, span),
        )
    )
    return read_frame(ledger, statement.order_by(*_ORDER))


def row_counts(ledger: Ledger, use_case: str, as_of_from: datetime, as_of_to: datetime) -> tuple[int, ...]:
    """Decisions of the batches of a span (both ends included), their outcomes and executions.

    While none of them grows, no question about them changes its answer.
    """
    rows = select(decision_row.c.decision_id).join(decision_group, decision_group.c.group_id == decision_row.c.group_id)
    meant = batches_of_span(use_case, as_of_from, as_of_to)
    span = ids_of_batches(ledger, meant)
    where = (decision_group.c.batch_id.in_(meant), *span.holds(decision_row.c.decision_id))
    asked = rows.where(*where).subquery()
    matches = [
        (one, and_(one.c.decision_id == asked.c.decision_id, *span.holds(one.c.decision_id)))
        for one in (outcome, execution)
    ]
    told = [asked.join(one, is_of) for one, is_of in matches]
    with ledger.connect() as connection:
        return tuple(connection.execute(select(func.count()).select_from(t)).scalar_one() for t in (asked, *told))


def latest_revision(latest: Any, known_at: datetime | None, span: IdSpan = ANY_ID) -> tuple[ColumnElement[bool], ...]:
    """When a row of `latest` (an alias of `outcome`) is the last revision known at a time.

    ``span``: between which ids those lie that are asked about.
    """
    newer = outcome.alias("newer")
    is_newer = [newer.c.decision_id == latest.c.decision_id, newer.c.revision > latest.c.revision]
    is_newer += span.holds(newer.c.decision_id)
    own = span.holds(latest.c.decision_id)
    if known_at is None:
        return (*own, ~exists().where(*is_newer))
    return (*own, latest.c.observed_at <= known_at, ~exists().where(*is_newer, newer.c.observed_at <= known_at))


def append_shadow_run(target: Ledger | Connection, run: ShadowRun) -> bool:
    """Keep how a shadow fared on a batch; the first record of the pair stands."""
    return facts.add(target, shadow_run, [run]) == 1


def shadow_runs(source: Ledger | Connection, release_id: str) -> tuple[ShadowRun, ...]:
    """Every batch that a release shadowed, in the order of the batches' as-of."""
    statement: Select[*tuple[Any, ...]] = (
        select(*facts.columns_of(ShadowRun, shadow_run))
        .join(batch, batch.c.batch_id == shadow_run.c.batch_id)
        .where(shadow_run.c.release_id == release_id)
        .order_by(batch.c.as_of)
    )
    return facts.as_facts(source, ShadowRun, statement)


def batches_of_span(use_case: str, as_of_from: datetime, as_of_to: datetime) -> Select[str]:
    """The ids of the batches of a use case whose as-of lies in a span, both ends included."""
    return select(batch.c.batch_id).where(
        batch.c.use_case == use_case, batch.c.as_of >= as_of_from, batch.c.as_of <= as_of_to
    )


def _of_batch(source: Ledger | Connection, batch_id: str) -> tuple[ColumnElement[bool], ...]:
    return (decision.c.batch_id == batch_id, *ids_of_batch(source, batch_id).holds(decision.c.decision_id))


_ORDER = (decision.c.as_of, decision.c.snapshot_row, decision.c.decision_id)
