"""Outcomes that were posted: kept as they came, and read beside those of the source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd
from sqlalchemy import ColumnElement, Connection, select

from decisionloop.ledger.schema import decision_row, posted_outcome, stream_decision
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.storage.frames import read_frame

_CHUNK = 500
_CANONICAL = (
    "entity_id", "decision_time", "decision_id", "outcome_class", "amount", "observed_at", "happened_at",
    "executed_action", "overridden_by", "override_reason",
)  # fmt: skip


@dataclass(frozen=True)
class PostedOutcome:
    """One outcome: of a decision by its id, or of an entity at a time. The same content is the same outcome."""

    use_case: str
    decision_id: str | None
    entity_id: str | None
    decision_time: datetime | None
    outcome_class: float | None
    amount: float | None
    observed_at: datetime
    happened_at: datetime | None
    posted_at: datetime
    outcome_id: str = ""
    executed_action: str | None = None
    overridden_by: str | None = None
    override_reason: str | None = None

    def __post_init__(self) -> None:
        who = (self.use_case, self.decision_id, self.entity_id, self.decision_time)
        what = (self.outcome_class, self.amount, self.observed_at, self.happened_at)
        done = (self.executed_action, self.overridden_by, self.override_reason)
        executed = done if any(done) else ()  # what was posted before these columns keeps its id
        facts.name_by_content(self, "outcome_id", "posted outcome", *who, *what, *executed)


def keep_posted(target: Ledger | Connection, outcomes: Sequence[PostedOutcome]) -> int:
    """Keep outcomes, all of them or none; returns how many were new."""
    return facts.add(target, posted_outcome, outcomes)


def posted_outcomes(ledger: Ledger, use_case: str, seen_by: datetime) -> pd.DataFrame:
    """What was posted as seen by a time, as canonical outcomes (`observe.matching.OUTCOME_COLUMNS`, happened_at,
    `observe.executions.EXECUTED_COLUMNS` and when it was posted, as said_at)."""
    table = posted_outcome.c
    statement = select(*(table[name] for name in _CANONICAL), table.posted_at.label("said_at")).where(
        table.use_case == use_case, table.observed_at <= seen_by
    )
    return read_frame(ledger, statement.order_by(table.posted_at, table.outcome_id))


def known_decisions(source: Ledger | Connection, ids: Sequence[str]) -> tuple[frozenset[str], frozenset[str]]:
    """Which of these decisions are in a batch, and which were decided one at a time and may wait to be sealed."""
    with facts.reading(source) as connection:
        found: list[set[str]] = [set(), set()]
        for start in range(0, len(ids), _CHUNK):
            some = ids[start : start + _CHUNK]
            for kept, column in zip(found, (decision_row.c.decision_id, stream_decision.c.decision_id), strict=True):
                kept |= set(connection.execute(select(column).where(column.in_(some))).scalars())
    return frozenset(found[0]), frozenset(found[1])


def posted_of(source: Ledger | Connection, use_case: str, ids: Sequence[str]) -> tuple[PostedOutcome, ...]:
    """What was posted of these decisions, in the order in which it came."""
    table, found = posted_outcome.c, list[PostedOutcome]()
    for start in range(0, len(ids), _CHUNK):
        where = (table.use_case == use_case, table.decision_id.in_(ids[start : start + _CHUNK]))
        order: list[ColumnElement[Any]] = [table.posted_at, table.outcome_id]
        found += facts.every(source, PostedOutcome, posted_outcome, *where, order_by=order)
    return tuple(found)
