"""Releases (compiled scorers, and the rules) and where they stand. `release_changes` moves them."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, func, select

from decisionloop.ledger.schema import release, release_event
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.release.roster import Roster
from decisionloop.release.stages import DeciderKind, Move, Stage, is_default_action

RULES = "rules"


@dataclass(frozen=True)
class Release:
    """Something that can decide; rules have no ``scorer_digest``. Scores and card are JSON text.

    The default action for everybody is a release of rules as well, whose id says so (`release.stages`).
    """

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

    @property
    def is_default_action(self) -> bool:
        """Whether it gives everybody but the holdout the default action."""
        return is_default_action(self.release_id)


@dataclass(frozen=True)
class ReleaseEvent:
    """A stage that a release entered from ``stage_before`` (None: it was new), by whose decision and why.

    ``seq`` orders all events of a use case. ``evidence`` is JSON text. ``recorded_at`` is None where an earlier version
    wrote the event.
    """

    use_case: str
    seq: int
    release_id: str
    stage_before: Stage | None
    stage: Stage
    share: float | None
    decider: DeciderKind
    decided_by: str
    reason: str
    evidence: str
    as_of: datetime
    recorded_at: datetime | None


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


@dataclass(frozen=True)
class Standing:
    """Who decides and which rules stand beside it; ``seq``: the last event of the releases that this follows from."""

    champion: ReleaseStage
    baseline: ReleaseStage
    seq: int


def release_id_of(use_case: str, kind: str, contract_digest: str, scorer_digest: str | None) -> str:
    """`<use_case>/<kind>/<12 hexadecimal characters>`: the same content is the same release."""
    return f"{use_case}/{kind}/{facts.fact_id(use_case, kind, contract_digest, scorer_digest)[:12]}"


def current_stages(source: Ledger | Connection, use_case: str) -> tuple[ReleaseStage, ...]:
    """Every release of a use case with its stage, oldest release first."""
    order = (release.c.created_at, release.c.release_id)
    return _stages(source, _with_last_event().where(release.c.use_case == use_case).order_by(*order))


def _in_stage(source: Ledger | Connection, use_case: str, stage: str) -> tuple[ReleaseStage, ...]:
    """The releases that stand in a stage now, oldest first. Of a long life nearly all stand in others."""
    order = (release.c.created_at, release.c.release_id)
    where = (release.c.use_case == use_case, release_event.c.stage == stage)
    return _stages(source, _with_last_event().where(*where).order_by(*order))


def find_stage(source: Ledger | Connection, release_id: str) -> ReleaseStage | None:
    """One release with its stage, or None."""
    found = _stages(source, _with_last_event().where(release.c.release_id == release_id))
    return found[0] if found else None


def standing(source: Ledger | Connection, use_case: str) -> Standing | None:
    """Who decides, beside which rules; None before the first release."""
    found = current_stages(source, use_case)
    decides = next((one for one in found if one.stage == "champion"), None)
    if decides is None:
        return None
    is_rules = decides.release.kind == RULES
    beside = decides if is_rules else next((one for one in found if one.stage == "baseline"), None)
    seq = max(one.event.seq for one in found)
    return None if beside is None else Standing(decides, beside, seq)


def champion(source: Ledger | Connection, use_case: str) -> ReleaseStage | None:
    """The release that decides; None before the first."""
    return next(iter(_in_stage(source, use_case, "champion")), None)


def is_rolled_back(source: Ledger | Connection, release_id: str) -> bool:
    """Whether a release was rolled back, and has not come back since."""
    found = find_stage(source, release_id)
    return found is not None and found.stage == "rolled_back"


def shadows(source: Ledger | Connection, use_case: str) -> tuple[ReleaseStage, ...]:
    """The releases that are scored beside the champion and change nothing, oldest first."""
    return _in_stage(source, use_case, "shadow")


def canary(source: Ledger | Connection, use_case: str) -> ReleaseStage | None:
    """The release on trial, which decides for a share of the entities beside the champion; None where none is."""
    return next(iter(_in_stage(source, use_case, "canary")), None)


def challengers(source: Ledger | Connection, use_case: str) -> tuple[ReleaseStage, ...]:
    """Whoever is scored beside the champion: on trial or in shadow, in this order, oldest first."""
    found = [one for one in current_stages(source, use_case) if one.stage in {"canary", "shadow"}]
    return tuple(sorted(found, key=lambda one: one.stage))


def baseline(source: Ledger | Connection, use_case: str) -> ReleaseStage | None:
    """The rules that decide, or stand beside the model that does. None before the first."""
    rules = [found for found in current_stages(source, use_case) if found.release.kind == RULES]
    return next((found for found in rules if found.stage in {"champion", "baseline"}), None)


def present_rules(source: Ledger | Connection, use_case: str) -> ReleaseStage | None:
    """The rules of the present contract, also while the default action has their place. None before the first."""
    release_id = roster_of(source, use_case).present_rules
    return None if release_id is None else find_stage(source, release_id)


def release_events(source: Ledger | Connection, release_id: str) -> tuple[ReleaseEvent, ...]:
    """Every stage that a release went through, in order."""
    table = release_event.c
    return facts.every(source, ReleaseEvent, release_event, table.release_id == release_id, order_by=[table.seq])


def trial_began(source: Ledger | Connection, release_id: str) -> datetime | None:
    """As-of of the turn that put a release on trial, in whose later batches it is; None: it is on none."""
    began = None
    for one in release_events(source, release_id):
        began = None if one.stage != "canary" else began or one.as_of
    return began


def events_of_releases(source: Ledger | Connection, use_case: str) -> tuple[ReleaseEvent, ...]:
    """Everything that happened to the releases of a use case, in order."""
    table = release_event.c
    return facts.every(source, ReleaseEvent, release_event, table.use_case == use_case, order_by=[table.seq])


def roster_of(source: Ledger | Connection, use_case: str) -> Roster:
    """Where the releases of a use case stand, as the state machine knows them."""
    rules = select(release.c.release_id).where(release.c.use_case == use_case, release.c.kind == RULES)
    with facts.reading(source) as connection:
        told = events_of_releases(connection, use_case)
        of_rules = frozenset(connection.execute(rules).scalars())
    moves = (Move(one.release_id, one.release_id in of_rules, one.stage_before, one.stage, one.share) for one in told)
    return Roster(tuple(moves))


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
