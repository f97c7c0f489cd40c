"""Batches and the states that they went through.

An attempt at a batch begins with the event `opened`; within one attempt an event of the same state and detail
is written once, so that running a killed flow again adds nothing that is there. A batch's state is its last event.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Select, and_, func, select

from decisionloop.ledger.schema import as_utc, batch, batch_event, decision_group, utc_now
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.storage.months import make_months

State = Literal[
    "opened", "due", "covered", "gathered", "frozen", "validated", "halted", "scored", "decided", "complete", "expired"
]
"""``due``: some of those who are due were decided before, or are late. ``covered``: there is nobody left to decide.
``gathered``: the watching period of what was decided one at a time is over, and nothing more comes into its batch.
``expired``: by retention something of it is gone; it is neither decided again nor read by anything that learns."""
Scalar = str | int | float | bool | None
ACCEPTED_STATES = ("validated", "scored", "decided", "complete")
DECIDED_STATES = ("decided", "complete")
UNDECIDED_STATES = ("opened", "due", "gathered", "frozen", "validated", "scored")
FINISHED_STATES = ("complete", "halted", "covered", "expired")
"""What a batch stays in until somebody runs it again."""


@dataclass(frozen=True)
class Batch:
    """A batch with its present state; ``attempt`` counts how often it was opened, from 1."""

    batch_id: str
    use_case: str
    as_of: datetime
    contract_digest: str
    opened_at: datetime
    state: State
    state_at: datetime
    attempt: int

    @property
    def is_accepted(self) -> bool:
        """Whether its data passed validation and no guard stopped it since."""
        return self.state in ACCEPTED_STATES

    @property
    def is_decided(self) -> bool:
        """Whether everyone in it has a decision."""
        return self.state in DECIDED_STATES


@dataclass(frozen=True)
class BatchEvent:
    """A state that a batch reached; ``detail`` is JSON text."""

    batch_id: str
    seq: int
    state: State
    detail: str
    at: datetime


@dataclass(frozen=True)
class _BatchRow:
    batch_id: str
    use_case: str
    as_of: datetime
    contract_digest: str
    opened_at: datetime


def batch_id_of(use_case: str, as_of: datetime) -> str:
    """`<use_case>/<cohort>`."""
    return f"{use_case}/{cohort_name(as_of)}"


def cohort_name(as_of: datetime) -> str:
    """What a batch is called among those of its use case, and its cohort in measurements.

    `<date>` for a batch of midnight UTC, else `<date>T<time>Z`: as many cohorts as batches, however many a day.
    """
    moment = as_utc(as_of)
    is_midnight = (moment.hour, moment.minute, moment.second, moment.microsecond) == (0, 0, 0, 0)
    return moment.date().isoformat() if is_midnight else moment.isoformat().replace("+00:00", "Z")


def time_of_cohort(cohort: str) -> datetime:
    """The as-of that names a cohort ("2005-09-08", or with a time)."""
    moment = datetime.fromisoformat(cohort)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def open_batch(
    target: Ledger | Connection,
    use_case: str,
    as_of: datetime,
    contract_digest: str,
    at: datetime | None = None,
    code_digest: str | None = None,
) -> Batch:
    """The batch of a use case at `as_of`, opened if it is new, opened again if it was halted and is not closed.

    An attempt of which nothing is decided yet is begun anew where contract or code have changed since: it is finished
    under those that it was opened with, or not at all. The contract must be recorded.
    """
    moment = at or utc_now()
    row = _BatchRow(batch_id_of(use_case, as_of), use_case, as_utc(as_of), contract_digest, moment)
    with facts.writing(target) as connection:
        make_months(connection, [row.as_of])  # here, where others wait for no rows
        facts.add(connection, batch, [row])
        seq = facts.next_seq(connection, batch_event, batch_event.c.batch_id == row.batch_id)
        if _is_to_be_opened(connection, row.batch_id, contract_digest, code_digest):
            detail = facts.canonical_json({"contract_digest": contract_digest, "code_digest": code_digest})
            facts.add(connection, batch_event, [BatchEvent(row.batch_id, seq, "opened", detail, moment)])
        found = find_batch(connection, row.batch_id)
    assert found is not None
    return found


def _is_to_be_opened(connection: Connection, batch_id: str, contract_digest: str, code_digest: str | None) -> bool:
    known = attempt_details(connection, batch_id)
    if not known:
        return True
    state = list(known)[-1]
    if state == "halted":
        return not known["halted"].get("is_closed")
    if state not in UNDECIDED_STATES or _has_decisions(connection, batch_id):
        return False
    opened = known["opened"]
    is_other_code = None not in {code_digest, opened.get("code_digest")} and opened["code_digest"] != code_digest
    return is_other_code or opened.get("contract_digest", contract_digest) != contract_digest


def _has_decisions(connection: Connection, batch_id: str) -> bool:
    found = select(decision_group.c.group_id).where(decision_group.c.batch_id == batch_id).limit(1)
    return connection.execute(found).first() is not None


def open_again(
    target: Ledger | Connection, batch: Batch, because: str, contract_digest: str, code_digest: str | None = None
) -> bool:
    """Begin a new attempt at a batch that is as it was read; False where somebody else has gone on with it."""
    with facts.writing(target) as connection:
        seq = facts.next_seq(connection, batch_event, batch_event.c.batch_id == batch.batch_id)
        found = find_batch(connection, batch.batch_id)
        if found is None or (found.state, found.attempt) != (batch.state, batch.attempt):
            return False
        opened = {"contract_digest": contract_digest, "code_digest": code_digest, "because": because}
        event = BatchEvent(batch.batch_id, seq, "opened", facts.canonical_json(opened), utc_now())
        return facts.add(connection, batch_event, [event]) == 1


def append_batch_event(
    target: Ledger | Connection,
    batch_id: str,
    state: State,
    detail: Mapping[str, Scalar] | None = None,
    at: datetime | None = None,
    is_once: bool = False,
) -> bool:
    """Say that a batch reached a state; False where this attempt has said so already.

    ``is_once``: whatever it said then. Of two who work at one batch at once the later one finds it done.
    """
    text = facts.canonical_json(detail or {})
    with facts.writing(target) as connection:
        # First, for it also keeps other writers out until this one has read and written.
        seq = facts.next_seq(connection, batch_event, batch_event.c.batch_id == batch_id)
        attempt: list[BatchEvent] = []
        for event in events(connection, batch_id):
            attempt = [event] if event.state == "opened" else [*attempt, event]
        if any(event.state == state and (is_once or event.detail == text) for event in attempt):
            return False
        return facts.add(connection, batch_event, [BatchEvent(batch_id, seq, state, text, at or utc_now())]) == 1


def events(source: Ledger | Connection, batch_id: str) -> tuple[BatchEvent, ...]:
    """Everything that happened to a batch, in order."""
    table = batch_event.c
    return facts.every(source, BatchEvent, batch_event, table.batch_id == batch_id, order_by=[table.seq])


def attempt_details(source: Ledger | Connection, batch_id: str) -> Mapping[str, Mapping[str, Scalar]]:
    """What each state of a batch's present attempt said, by state in their order; empty for a batch never opened."""
    told: dict[str, Mapping[str, Scalar]] = {}
    for event in events(source, batch_id):
        if event.state == "opened":
            told = {}
        told.pop(event.state, None)  # a state that is said again is the latest one
        told[event.state] = json.loads(event.detail)
    return told


def last_event_at(source: Ledger | Connection, use_case: str, as_of_to: datetime) -> datetime | None:
    """When anything happened last to a batch with an as-of up to a time (included); None where there is none.

    That retention took something of it is nothing that happened: it takes in no outcomes.
    """
    meant = (batch.c.use_case == use_case, batch.c.as_of <= as_of_to, batch_event.c.state != "expired")
    statement = select(func.max(batch_event.c.at)).join(batch, batch.c.batch_id == batch_event.c.batch_id)
    with facts.reading(source) as connection:
        return connection.execute(statement.where(*meant)).scalar()


def latest_detail(source: Ledger | Connection, batch_id: str, state: State) -> Mapping[str, Scalar]:
    """What the last event of this state said, for instance which snapshot was frozen; empty if there is none."""
    return latest_details(source, [batch_id], state)[0]


def latest_details(
    source: Ledger | Connection, batch_ids: Sequence[str], state: State
) -> tuple[Mapping[str, Scalar], ...]:
    """`latest_detail` of several batches, in their order, read at once."""
    table = batch_event.c
    where = (table.batch_id.in_(batch_ids), table.state == state)
    found = facts.every(source, BatchEvent, batch_event, *where, order_by=[table.batch_id, table.seq])
    last = {event.batch_id: event.detail for event in found}
    return tuple(json.loads(last[batch_id]) if batch_id in last else {} for batch_id in batch_ids)


def batch_state(source: Ledger | Connection, batch_id: str) -> State | None:
    """The state of a batch, or None for a batch that was never opened."""
    found = events(source, batch_id)
    return found[-1].state if found else None


def find_batch(source: Ledger | Connection, batch_id: str) -> Batch | None:
    """The batch with this id, or None."""
    found = facts.as_facts(source, Batch, _batches().where(batch.c.batch_id == batch_id))
    return found[0] if found else None


def batches(
    source: Ledger | Connection,
    use_case: str,
    as_of_from: datetime | None = None,
    as_of_to: datetime | None = None,
    where: Sequence[ColumnElement[bool]] = (),
) -> tuple[Batch, ...]:
    """The batches of a use case by as-of, both ends included; ``where``: of batch or its last event."""
    statement = _batches().where(batch.c.use_case == use_case, *where).order_by(batch.c.as_of)
    if as_of_from is not None:
        statement = statement.where(batch.c.as_of >= as_of_from)
    if as_of_to is not None:
        statement = statement.where(batch.c.as_of <= as_of_to)
    return facts.as_facts(source, Batch, statement)


def newest_batches(
    source: Ledger | Connection,
    use_case: str,
    count: int | None,
    as_of_to: datetime,
    states: Sequence[str] = DECIDED_STATES,
) -> tuple[Batch, ...]:
    """The last ``count`` batches (None: all) up to a time (included) that are in one of these states, oldest first.

    However many came before them, no other is looked at.
    """
    where = (batch.c.use_case == use_case, batch.c.as_of <= as_of_to, batch_event.c.state.in_(states))
    found = facts.as_facts(source, Batch, _batches().where(*where).order_by(batch.c.as_of.desc()).limit(count))
    return found[::-1]


def first_batch(source: Ledger | Connection, use_case: str) -> Batch | None:
    """The batch of a use case with the earliest as-of, whatever its state; None where there is none."""
    oldest = _batches().where(batch.c.use_case == use_case).order_by(batch.c.as_of).limit(1)
    return next(iter(facts.as_facts(source, Batch, oldest)), None)


def accepted_batches(
    source: Ledger | Connection, use_case: str, before: datetime, count: int | None = None
) -> tuple[Batch, ...]:
    """The last ``count`` accepted batches (None: all) strictly before a time, oldest first."""
    return newest_batches(source, use_case, count, as_utc(before) - timedelta(microseconds=1), ACCEPTED_STATES)


@functools.cache  # to build it takes as long as to run it
def _batches() -> Select[*tuple[Any, ...]]:
    """Every batch with its last event and its number of attempts, columns in the order of `Batch`."""
    # Asked for each batch that is meant: a summary of all events would be made for one of them, too.
    every = batch_event.alias("every")
    of_batch = every.c.batch_id == batch.c.batch_id
    last = select(func.max(every.c.seq)).where(of_batch).scalar_subquery()
    attempt = select(func.count()).where(of_batch, every.c.state == "opened").scalar_subquery()
    columns = (*facts.columns_of(_BatchRow, batch), batch_event.c.state, batch_event.c.at, attempt.label("attempt"))
    is_last = and_(batch_event.c.batch_id == batch.c.batch_id, batch_event.c.seq == last)
    return select(*columns).select_from(batch).join(batch_event, is_last)
