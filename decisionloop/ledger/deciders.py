"""Which release decided each batch, and which events of the releases were known when it was scored."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, ScalarSelect, Select, select

from decisionloop.ledger.batches import State, cohort_name
from decisionloop.ledger.schema import batch, batch_event
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger


@dataclass(frozen=True)
class Decider:
    """A batch that has been decided, its state by now, and the release that decided it.

    ``release_seq``: up to which event of the releases it was scored; None in batches of earlier versions.
    """

    batch_id: str
    as_of: datetime
    state: State
    release_id: str
    release_seq: int | None

    @functools.cached_property
    def cohort(self) -> str:
        """The name of its cohort."""
        return cohort_name(self.as_of)


def deciders_before(source: Ledger | Connection, use_case: str, before: datetime) -> tuple[Decider, ...]:
    """Who decided each batch of a use case with an earlier as-of, oldest first; batches that nobody did are left out.

    Asked once for all of them: what a release has earned is judged by every cohort that it decided.
    """
    statement = _deciders().where(batch.c.use_case == use_case, batch.c.as_of < before).order_by(batch.c.as_of)
    found = []
    with facts.reading(source) as connection:
        for batch_id, as_of, state, decided, scored in connection.execute(statement):
            by = json.loads(decided).get("decided_by") if decided else None
            seq = json.loads(scored).get("release_seq") if scored else None
            if by:
                found.append(Decider(batch_id, as_of, state, str(by), seq if isinstance(seq, int) else None))
    return tuple(found)


@functools.cache  # to build it takes as long as to run it
def _deciders() -> Select[*tuple[Any, ...]]:
    state = _last_said(batch_event.alias("last"), "state")
    said = (_last_said(batch_event.alias(name), "detail", name) for name in ("decided", "scored"))
    return select(batch.c.batch_id, batch.c.as_of, state, *said)


def _last_said(event: Any, column: str, state: State | None = None) -> ScalarSelect[Any]:
    """A column of a batch's last event, or of its last one of a state."""
    where = [event.c.batch_id == batch.c.batch_id, *([] if state is None else [event.c.state == state])]
    return select(event.c[column]).where(*where).order_by(event.c.seq.desc()).limit(1).scalar_subquery()
