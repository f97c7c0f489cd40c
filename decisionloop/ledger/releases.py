"""Releases (compiled scorers, and the rules) and their stages. Who may enter which stage is not decided here."""

from __future__ import annotations

import functools
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Select, and_, func, select

from decisionloop.errors import UsageError
from decisionloop.ledger.schema import release, release_event, utc_now
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger

Stage = Literal["candidate", "refused", "shadow", "canary", "champion", "retired", "rolled_back"]
RULES = "rules"
GONE = ("refused", "retired")


@dataclass(frozen=True)
class Release:
    """Something that can decide; rules have no ``scorer_digest``. Scores and card are JSON text."""

    release_id: str
    use_case: str
    kind: str
    contract_digest: str
    scorer_digest: str | None
    training_set_id: str | None
    mlflow_version: str | None
    reference_scores: str
    card_json: str
    created_at: datetime


@dataclass(frozen=True)
class StageChange:
    """A stage that a release is to enter: why, who decided it and when."""

    release_id: str
    stage: Stage
    reason: str
    decided_by: str
    at: datetime = field(default_factory=utc_now)


@dataclass(frozen=True)
class ReleaseEvent:
    """A stage that a release entered."""

    release_id: str
    seq: int
    stage: Stage
    reason: str
    decided_by: str
    at: datetime


@dataclass(frozen=True)
class ReleaseStage:
    """A release and the stage that it is in."""

    release: Release
    event: ReleaseEvent

    @property
    def release_id(self) -> str:
        """The release's id."""
        return self.release.release_id

    @property
    def stage(self) -> Stage:
        """The stage that the release is in."""
        return self.event.stage


def release_id_of(use_case: str, kind: str, contract_digest: str, scorer_digest: str | None) -> str:
    """`<use_case>/<kind>/<12 hexadecimal characters>`: the same content is the same release."""
    return f"{use_case}/{kind}/{facts.fact_id(use_case, kind, contract_digest, scorer_digest)[:12]}"


def register_release(
    target: Ledger | Connection, new: Release, reason: str, decided_by: str, stage: Stage = "candidate"
) -> bool:
    """Keep a release and enter its first stage; False, and nothing done, where it is registered already."""
    with facts.writing(target) as connection:
        is_new = facts.add(connection, release, [new]) == 1
        if is_new:
            event = ReleaseEvent(new.release_id, 1, stage, reason, decided_by, new.created_at)
            facts.add(connection, release_event, [event])
        return is_new


def append_release_event(
    target: Ledger | Connection, change: StageChange, only_from: Collection[Stage] | None = None
) -> bool:
    """Enter a stage; False where the release is in that stage already.

    With ``only_from`` also False where it is in none of those stages: two processes that saw the same state cannot
    both act on it. Raises `UsageError` for a release that is not registered.
    """
    release_id, stage = change.release_id, change.stage
    with facts.writing(target) as connection:
        seq = facts.next_seq(connection, release_event, release_event.c.release_id == release_id)
        current = find_stage(connection, release_id)
        if current is None:
            raise UsageError(f"release {release_id} is not in the ledger. Register it before it enters {stage}.")
        if current.stage == stage or (only_from is not None and current.stage not in only_from):
            return False
        event = ReleaseEvent(release_id, seq, stage, change.reason, change.decided_by, change.at)
        return facts.add(connection, release_event, [event]) == 1


def current_stages(source: Ledger | Connection, use_case: str) -> tuple[ReleaseStage, ...]:
    """Every release of a use case with its stage, oldest release first."""
    order = (release.c.created_at, release.c.release_id)
    return _stages(source, _with_last_event().where(release.c.use_case == use_case).order_by(*order))


def find_stage(source: Ledger | Connection, release_id: str) -> ReleaseStage | None:
    """One release with its stage, or None."""
    found = _stages(source, _with_last_event().where(release.c.release_id == release_id))
    return found[0] if found else None


def champion(source: Ledger | Connection, use_case: str) -> ReleaseStage | None:
    """The release that decides: of those in stage champion the one that entered it last. None before the first."""
    champions = [found for found in current_stages(source, use_case) if found.stage == "champion"]
    return max(champions, key=lambda found: found.event.at, default=None)


def shadows(source: Ledger | Connection, use_case: str) -> tuple[ReleaseStage, ...]:
    """The releases that are scored beside the champion and change nothing, oldest first."""
    return tuple(found for found in current_stages(source, use_case) if found.stage == "shadow")


def baseline(source: Ledger | Connection, use_case: str) -> ReleaseStage | None:
    """The newest release of the rules that is still in use, whatever its stage. None before the first."""
    rules = [found for found in current_stages(source, use_case) if found.release.kind == RULES]
    return next((found for found in reversed(rules) if found.stage not in GONE), None)


def release_events(source: Ledger | Connection, release_id: str) -> tuple[ReleaseEvent, ...]:
    """Every stage that a release went through, in order."""
    table = release_event.c
    return facts.every(source, ReleaseEvent, release_event, table.release_id == release_id, order_by=[table.seq])


@functools.cache  # to build it takes as long as to run it
def _with_last_event() -> Select[*tuple[Any, ...]]:
    """Every release joined with its last event: the columns of `Release`, then those of `ReleaseEvent`."""
    last = (
        select(release_event.c.release_id, func.max(release_event.c.seq).label("seq"))
        .group_by(release_event.c.release_id)
        .subquery()
    )
    columns = [*facts.columns_of(Release, release), *facts.columns_of(ReleaseEvent, release_event)]
    is_last = and_(release_event.c.release_id == last.c.release_id, release_event.c.seq == last.c.seq)
    return select(*columns).join_from(release, last).join(release_event, is_last)


def _stages(source: Ledger | Connection, statement: Select[*tuple[Any, ...]]) -> tuple[ReleaseStage, ...]:
    width = len(Release.__dataclass_fields__)
    with facts.reading(source) as connection:
        rows = connection.execute(statement).all()
    return tuple(ReleaseStage(Release(*row[:width]), ReleaseEvent(*row[width:])) for row in rows)
