"""What had no outcome when a batch was so old, and what has become of it since."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd
from sqlalchemy import Select, and_, case, func, literal, or_, select

from decisionloop.ledger.decisions import latest_revision
from decisionloop.ledger.executions import executed_action
from decisionloop.ledger.held_actions import is_carried_out
from decisionloop.ledger.id_spans import IdSpan, ids_of_batches
from decisionloop.ledger.schema import UtcDateTime, as_utc, decision, outcome
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.storage.frames import read_frame


@dataclass(frozen=True, eq=False)
class LateOutcomes:
    """Decisions of a batch by executed action, and those whose outcome was still missing at a time.

    ``missing`` has a row for each of the latter: `action`, `score`, `as_of`, where its features were
    frozen (`snapshot_digest`, `snapshot_row`), `came_at` (when its outcome was first seen, missing
    where it was not), `outcome_class` and `amount` as they are known since.
    """

    decided: dict[str, int]
    missing: pd.DataFrame


def late_outcomes(
    ledger: Ledger, batch_id: str, revealing: Sequence[str], missing_at: datetime, known_at: datetime
) -> LateOutcomes:
    """The decisions of a batch with a ``revealing`` action: how many, and what was missing of them at a time.

    What came later is told as it is known at ``known_at``. What was cancelled is not counted.
    """
    return late_outcomes_by_batch(ledger, {batch_id: missing_at}, revealing, known_at)[batch_id]


def late_outcomes_by_batch(
    ledger: Ledger, missing_at: Mapping[str, datetime], revealing: Sequence[str], known_at: datetime
) -> dict[str, LateOutcomes]:
    """`late_outcomes` of several batches, each missing at its own time, by id: two questions however many they are."""
    if not missing_at:
        return {}
    span = ids_of_batches(ledger, tuple(missing_at))
    done = executed_action(ledger, known_at, span)
    of_batch: list[Any] = [decision.c.batch_id, done.label("action")]
    is_meant = (
        decision.c.batch_id.in_(missing_at),
        *span.holds(decision.c.decision_id),
        done.in_(revealing),
        is_carried_out(decision.c.decision_id, span),
    )
    decided = select(*of_batch, func.count()).select_from(decision).where(*is_meant).group_by(*of_batch)
    counts: dict[str, dict[str, int]] = {batch_id: {} for batch_id in missing_at}
    with facts.reading(ledger) as connection:
        found: Sequence[Any] = connection.execute(decided).all()
    for batch_id, action, count in found:
        counts[batch_id][str(action)] = int(count)
    missing = read_frame(ledger, _missing(of_batch, is_meant, missing_at, known_at, span))
    of_each = {str(name): rows.drop(columns="batch_id") for name, rows in missing.groupby("batch_id", sort=False)}
    none = missing.drop(columns="batch_id").iloc[:0]
    return {name: LateOutcomes(counts[name], of_each.get(name, none).reset_index(drop=True)) for name in missing_at}


def _missing(
    of_batch: Sequence[Any],
    is_meant: Sequence[Any],
    missing_at: Mapping[str, datetime],
    known_at: datetime,
    span: IdSpan,
) -> Select[Any]:
    """What each batch missed at its time, in the order of the batches."""
    first, latest = outcome.alias("first"), outcome.alias("latest")
    is_first = (
        first.c.decision_id == decision.c.decision_id,
        *span.holds(first.c.decision_id),
        first.c.revision == 1,
        first.c.observed_at <= as_utc(known_at),
    )
    is_latest = (latest.c.decision_id == decision.c.decision_id, *latest_revision(latest, known_at, span))
    columns: list[Any] = [
        *of_batch,
        decision.c.score,
        decision.c.as_of,
        decision.c.snapshot_digest,
        decision.c.snapshot_row,
        first.c.observed_at.label("came_at"),
        latest.c.outcome_class,
        latest.c.amount,
    ]
    own = case({name: literal(as_utc(at), UtcDateTime()) for name, at in missing_at.items()}, value=decision.c.batch_id)
    return (
        select(*columns)
        .select_from(decision)
        .join(first, and_(*is_first), isouter=True)
        .join(latest, and_(*is_latest), isouter=True)
        .where(*is_meant, or_(first.c.observed_at.is_(None), first.c.observed_at > own))
    )
