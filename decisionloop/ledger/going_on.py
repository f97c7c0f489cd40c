"""What is found wrong in batch after batch: told once, and then how often it was found since, until it is over."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from decisionloop.ledger.alerts import Alert, NewAlert
from decisionloop.ledger.batches import ACCEPTED_STATES, Batch, accepted_batches, batch_id_of, batches, cohort_name
from decisionloop.ledger.flags import switch_ended
from decisionloop.ledger.measurements import Measurement, append_measurements
from decisionloop.ledger.schema import batch_event, measurement
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.monitor.alarm.incidents import QUIET_CHECKS

GOES_ON: Final = "goes_on"
"""The name of the figure that says what was found wrong with a batch, whether or not people were told of it again."""
MUCH_WORSE: Final = 10.0
"""Found in so many times the share of the rows that people were told of, it is something new."""
HALF: Final = 0.5
"""So it is where it has come to this share of the rows since."""


@dataclass(frozen=True)
class Found:
    """What was found wrong with a batch: a ``name`` without figures, and in how many ``rows`` ``of`` how many.

    What rows do not have, but the batch, is in one of one.
    """

    name: str
    rows: int = 1
    of: int = 1

    @property
    def share(self) -> float:
        """The share of the rows that have it, in [0, 1]."""
        return self.rows / self.of


@dataclass(frozen=True)
class FoundSince:
    """In how many batches what an alert tells of was found since it was raised, its own among them, and in which last.

    ``newest``: in how many rows of that batch, where it is about rows. ``is_over``: later alerts tell of all of it, or
    `QUIET_CHECKS` accepted batches in a row were without it.
    """

    batches: int
    last_batch_id: str
    newest: str
    is_over: bool


def note_found(target: Ledger | Connection, batch: Batch, new: NewAlert, found: Sequence[Found]) -> None:
    """Note what was found in a batch, whether or not ``new`` tells people of it; noting it again adds nothing."""
    append_measurements(target, [_figure(batch, name, one) for name, one in _named(new, found).items()])


def is_told(
    source: Ledger | Connection, batch: Batch, new: NewAlert, found: Sequence[Found], shown: Sequence[Alert]
) -> bool:
    """Whether all that was found in a batch goes on and ``shown`` alerts, those that people see, tell of it.

    It goes on where it was in one of the last `QUIET_CHECKS` accepted batches before, as incidents close. What has
    become much worse since it was told (`MUCH_WORSE`, `HALF`) is new, and so is what is critical once the kill switch
    has ended. A batch that is run again is told the same.
    """
    with facts.reading(source) as connection:
        every = _found(connection, batch.use_case)
        last = accepted_batches(connection, batch.use_case, batch.as_of, QUIET_CHECKS)
        ended = switch_ended(connection, batch.use_case) if new.severity == "critical" else None
    before = {cohort_name(one.as_of) for one in last}
    going_on = {one.slice for one in every if one.cohort in before}
    others = [one for one in shown if one.batch_id != batch.batch_id and (ended is None or one.at > ended)]
    told = [figure for figures in _figures_of(every, batch.use_case, others).values() for figure in figures]
    return all(
        name in going_on and any(one.slice == name and not _is_much_worse(now.share, one.value) for one in told)
        for name, now in _named(new, found).items()
    )


def _is_much_worse(share: float, told: float | None) -> bool:
    return told is not None and (share >= MUCH_WORSE * told or share >= HALF > told)


def found_since(source: Ledger | Connection, use_case: str, told: Sequence[Alert]) -> dict[str, FoundSince]:
    """What has become of alerts about what may go on, by alert id; of others there is nothing."""
    with facts.reading(source) as connection:
        every = _found(connection, use_case)
        is_accepted = batch_event.c.state.in_(ACCEPTED_STATES)
        accepted = [one.as_of for one in batches(connection, use_case, where=(is_accepted,))] if every else []
    episodes = [
        _Episode(alert_id, figures[0].as_of, frozenset(one.slice for one in figures))
        for alert_id, figures in _figures_of(every, use_case, told).items()
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
    """Of each name up to the next alert that tells of it."""
    later = {
        name: min(one.begun for one in episodes if one.begun > mine.begun and name in one.names)
        for name in mine.names
        if any(one.begun > mine.begun and name in one.names for one in episodes)
    }
    since = [one for one in every if one.slice in mine.names and one.as_of >= mine.begun]
    since = [one for one in since if one.slice not in later or one.as_of < later[one.slice]]
    last = max(one.as_of for one in since)
    is_quiet = sum(moment > last for moment in accepted) >= QUIET_CHECKS
    newest = ", ".join(_in_words(one) for one in since if one.as_of == last and one.n > 1)
    is_over = later.keys() == mine.names or is_quiet
    return FoundSince(len({one.as_of for one in since}), batch_id_of(since[0].use_case, last), newest, is_over)


def _in_words(figure: Measurement) -> str:
    """`cells of spend: 55 of 160 rows`."""
    return f"{figure.slice.partition(': ')[2]}: {round((figure.value or 0.0) * figure.n):,} of {figure.n:,} rows"


def _figures_of(
    every: Sequence[Measurement], use_case: str, told: Sequence[Alert]
) -> dict[str, tuple[Measurement, ...]]:
    """What alerts tell of, by alert id: what was found of their kind in their batch; of others there is nothing."""
    by_batch: dict[str | None, list[Measurement]] = defaultdict(list)
    for one in every:
        by_batch[batch_id_of(use_case, one.as_of)].append(one)
    figures = {
        alert.alert_id: tuple(one for one in by_batch.get(alert.batch_id, ()) if one.slice.startswith(_begin(alert)))
        for alert in told
    }
    return {alert_id: of_alert for alert_id, of_alert in figures.items() if of_alert}


def _named(new: NewAlert, found: Sequence[Found]) -> dict[str, Found]:
    return {f"{_begin(new)}{one.name}": one for one in found}


def _begin(one: Alert | NewAlert) -> str:
    return f"{one.severity} {one.kind}: "


def _found(connection: Connection, use_case: str) -> tuple[Measurement, ...]:
    """What was found wrong with each batch, by its as-of."""
    table = measurement.c
    where = (table.use_case == use_case, table.monitor == GOES_ON)
    return facts.every(connection, Measurement, measurement, *where, order_by=[table.as_of, table.slice])


def _figure(batch: Batch, name: str, found: Found) -> Measurement:
    return Measurement(
        use_case=batch.use_case, release_id=None, monitor=GOES_ON, slice=name, cohort=cohort_name(batch.as_of),
        value=found.share, low=None, high=None, n=found.of, effective_n=None, is_mature=False, as_of=batch.as_of,
    )  # fmt: skip
