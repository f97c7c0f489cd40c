"""What became of decisions: revisions of outcomes, and the books of every reading of them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime

import pandas as pd
import pyarrow as pa
from sqlalchemy import Connection, func, select

from decisionloop.ledger.decisions import batches_of_span, latest_revision
from decisionloop.ledger.id_spans import ids_of_batches
from decisionloop.ledger.schema import as_utc, decision, outcome, outcome_intake, utc_now
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.bulk import append
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.storage.frames import read_frame

OUTCOME_KINDS = ("first", "late", "contradiction", "added")


@dataclass(frozen=True)
class OutcomeIntake:
    """The books of one reading of outcomes; ``detail`` is JSON text."""

    use_case: str
    as_of: datetime
    rows_read: int
    matched: int
    first: int
    late: int
    duplicate: int
    contradictory: int
    unknown: int
    invalid: int
    detail: str = "{}"
    at: datetime = field(default_factory=utc_now)
    intake_id: str = ""
    after_window: int = 0
    executed: int = 0

    def __post_init__(self) -> None:
        matched = (self.rows_read, self.matched, self.first, self.late, self.duplicate, self.contradictory)
        content = (self.use_case, self.as_of, *matched, self.unknown, self.invalid, self.detail)
        # Books from before these columns keep their ids.
        later: tuple[object, ...] = (self.after_window,) if self.after_window else ()
        later += ("executed", self.executed) if self.executed else ()
        facts.name_by_content(self, "intake_id", *content, *later)


def append_outcomes(target: Ledger | Connection, revisions: pa.Table | pd.DataFrame) -> int:
    """Append revisions (columns of the table `outcome`, `revision` counted from 1); returns how many were new.

    Raises `UsageError` where a revision of a decision is there already: what is known stays as it was told.
    """
    with facts.writing(target) as connection:
        return append(connection, outcome, revisions, on_conflict="fail")


def latest_outcomes(
    ledger: Ledger, use_case: str, as_of_from: datetime, as_of_to: datetime, known_at: datetime | None = None
) -> pd.DataFrame:
    """The latest revision of every decision that has one, in the batches of a span (both ends included).

    One row a decision, by decision id: the columns of `outcome`, then `entity_id` and the decision's `as_of`.
    """
    latest, meant = outcome.alias("latest"), batches_of_span(use_case, as_of_from, as_of_to)
    span = ids_of_batches(ledger, meant)
    return read_frame(
        ledger,
        select(latest, decision.c.entity_id, decision.c.as_of)
        .join(decision, decision.c.decision_id == latest.c.decision_id)
        .where(
            decision.c.batch_id.in_(meant),
            *span.holds(decision.c.decision_id),
            *latest_revision(latest, known_at, span),
        )
        .order_by(latest.c.decision_id),
    )


def append_intake(target: Ledger | Connection, intake: OutcomeIntake) -> bool:
    """Keep the books of a reading of outcomes; the same counts at the same as-of are the same fact."""
    return facts.add(target, outcome_intake, [intake]) == 1


def intakes(source: Ledger | Connection, use_case: str) -> tuple[OutcomeIntake, ...]:
    """Every reading of outcomes of a use case, by as-of and time."""
    table = outcome_intake.c
    where = table.use_case == use_case
    return facts.every(source, OutcomeIntake, outcome_intake, where, order_by=[table.as_of, table.at])


def last_intake(source: Ledger | Connection, use_case: str, as_of_to: datetime) -> OutcomeIntake | None:
    """The last reading of outcomes up to a time (included); None where there is none."""
    table = outcome_intake.c
    statement = select(*facts.columns_of(OutcomeIntake, outcome_intake))
    last = statement.where(table.use_case == use_case, table.as_of <= as_of_to).order_by(
        table.as_of.desc(), table.at.desc()
    )
    return next(iter(facts.as_facts(source, OutcomeIntake, last.limit(1))), None)


def read_until(source: Ledger | Connection, use_case: str) -> datetime | None:
    """Up to when outcomes have been read; None where they never were."""
    last = select(func.max(outcome_intake.c.as_of)).where(outcome_intake.c.use_case == use_case)
    with facts.reading(source) as connection:
        found = connection.execute(last).scalar()
    return None if found is None else as_utc(found)


def newest_readings(
    source: Ledger | Connection, use_case: str, as_of_to: datetime, last: int
) -> tuple[OutcomeIntake, ...]:
    """The ``last`` readings up to a time (included) that read any row, newest first."""
    table = outcome_intake.c
    statement = select(*facts.columns_of(OutcomeIntake, outcome_intake)).where(
        table.use_case == use_case, table.as_of <= as_of_to, table.rows_read > 0
    )
    newest = statement.order_by(table.as_of.desc(), table.at.desc()).limit(last)
    return tuple(facts.as_facts(source, OutcomeIntake, newest))


@dataclass(frozen=True)
class Reading:
    """A reading of outcomes: as of when, and when it was made."""

    as_of: datetime
    at: datetime


def outcome_news(source: Ledger | Connection, use_case: str) -> dict[str, tuple[Reading, ...]]:
    """The readings that brought new outcomes of each cohort, by its name (`detail.cohorts` of the books)."""
    table = outcome_intake.c
    statement = select(table.detail, table.as_of, table.at).where(table.use_case == use_case)
    told: dict[str, list[Reading]] = {}
    with facts.reading(source) as connection:
        for detail, as_of, at in connection.execute(statement.order_by(table.as_of, table.at)):
            for cohort in json.loads(detail).get("cohorts", ()):
                told.setdefault(cohort, []).append(Reading(as_of, at))
    return {cohort: tuple(readings) for cohort, readings in told.items()}


def recorded_outcomes(ledger: Ledger, use_case: str, as_of_from: datetime, as_of_to: datetime) -> pd.DataFrame:
    """Every revision of every decision of a span (both ends included): what an intake compares with."""
    batches = batches_of_span(use_case, as_of_from, as_of_to)
    names = ("decision_id", "revision", "outcome_class", "amount", "observed_at")
    columns = [outcome.c[name] for name in names]
    statement = select(*columns).join(decision, decision.c.decision_id == outcome.c.decision_id)
    span = ids_of_batches(ledger, batches).holds(decision.c.decision_id, outcome.c.decision_id)
    return read_frame(ledger, statement.where(decision.c.batch_id.in_(batches), *span))
