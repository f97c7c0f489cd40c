"""What is found wrong in batch after batch: told once, and then how often it was found since, until it is over."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from decisionloop.ledger.alert_events import alert_states
from decisionloop.ledger.alerts import Alert, NewAlert
from decisionloop.ledger.batches import ACCEPTED_STATES, Batch, accepted_batches, batch_id_of, batches, cohort_name
from decisionloop.ledger.measurements import Measurement, append_measurements
from decisionloop.ledger.schema import alert, batch_event, measurement
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.monitor.alarm.incidents import QUIET_CHECKS

GOES_ON: Final = "goes_on"
"""The name of the figure that says what was found wrong with a batch, whether or not people were told of it again."""


@dataclass(frozen=True)
class FoundSince:
    """In how many batches what an alert tells of was found since it was raised, its own among them, and in which last.

    ``is_over``: a later alert tells of it, or `QUIET_CHECKS` accepted batches in a row were without it.
    """

    batches: int
    last_batch_id: str
    is_over: bool


def note_found(connection: Connection, batch: Batch, new: NewAlert, names: Sequence[str]) -> bool:
    """Note that what ``names`` name was found in a batch; returns whether people are to be told of it by ``new``.

    They are where one of them was found in none of the last `QUIET_CHECKS` accepted batches before, as incidents close,
    or where somebody has closed the last alert of its kind: it is not over. A batch that is run again is told the same.
    """
    found = [f"{_kind(new)}: {name}" for name in dict.fromkeys(names)]
    before = {cohort_name(one.as_of) for one in accepted_batches(connection, batch.use_case, batch.as_of, QUIET_CHECKS)}
    known = {one.slice for one in _found(connection, batch.use_case) if one.cohort in before}
    append_measurements(connection, [_figure(batch, name) for name in found])
    return not known.issuperset(found) or _is_last_closed(connection, batch, new)


def found_since(source: Ledger | Connection, use_case: str, told: Sequence[Alert]) -> dict[str, FoundSince]:
    """What has become of alerts about what may go on, by alert id; of others there is nothing."""
    with facts.reading(source) as connection:
        every = _found(connection, use_case)
        is_accepted = batch_event.c.state.in_(ACCEPTED_STATES)
        accepted = [one.as_of for one in batches(connection, use_case, where=(is_accepted,))] if every else []
    by_batch: dict[str | None, list[Measurement]] = defaultdict(list)
    for one in every:
        by_batch[batch_id_of(use_case, one.as_of)].append(one)
    own = {one.alert_id: _of_kind(by_batch[one.batch_id], one) for one in told if one.batch_id in by_batch}
    episodes = [
        _Episode(alert_id, found[0].as_of, frozenset(f.slice for f in found))
        for alert_id, found in own.items()
        if found
    ]
    return {one.alert_id: _since(one, episodes, every, accepted) for one in episodes}


@dataclass(frozen=True)
class _Episode:
    """What an alert tells of, and since when."""

    alert_id: str
    begun: datetime
    names: frozenset[str]


def _since(
    mine: _Episode, episodes: Sequence[_Episode], every: Sequence[Measurement], accepted: Sequence[datetime]
) -> FoundSince:
    later = [one.begun for one in episodes if one.begun > mine.begun and one.names & mine.names]
    seen = {one.as_of for one in every if one.slice in mine.names and one.as_of >= mine.begun}
    seen = {moment for moment in seen if not later or moment < min(later)}
    last = max(seen)
    is_quiet = sum(moment > last for moment in accepted) >= QUIET_CHECKS
    return FoundSince(len(seen), batch_id_of(every[0].use_case, last), bool(later) or is_quiet)


def _of_kind(found: Sequence[Measurement], told: Alert) -> list[Measurement]:
    return [one for one in found if one.slice.startswith(f"{_kind(told)}: ")]


def _kind(one: Alert | NewAlert) -> str:
    return f"{one.severity} {one.kind}"


def _found(connection: Connection, use_case: str) -> tuple[Measurement, ...]:
    """What was found wrong with each batch, by its as-of."""
    table = measurement.c
    where = (table.use_case == use_case, table.monitor == GOES_ON)
    return facts.every(connection, Measurement, measurement, *where, order_by=[table.as_of, table.slice])


def _figure(batch: Batch, name: str) -> Measurement:
    return Measurement(
        use_case=batch.use_case, release_id=None, monitor=GOES_ON, slice=name, cohort=cohort_name(batch.as_of),
        value=1.0, low=None, high=None, n=1, effective_n=None, is_mature=False, as_of=batch.as_of,
    )  # fmt: skip


def _is_last_closed(connection: Connection, batch: Batch, new: NewAlert) -> bool:
    """Whether a person has closed the last alert of this kind about an earlier batch."""
    table = alert.c
    where = (table.use_case == batch.use_case, table.kind == new.kind, table.severity == new.severity)
    told = facts.every(connection, Alert, alert, *where, table.batch_id.is_not(None), order_by=[table.at])
    earlier = [one for one in told if one.batch_id != batch.batch_id]
    return bool(earlier) and alert_states(connection, batch.use_case).get(earlier[-1].alert_id) == "closed"
