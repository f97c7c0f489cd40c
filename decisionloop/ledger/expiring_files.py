"""Which files of the snapshot store go with batches that are kept no longer, and which something living still needs."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Select, select

from decisionloop.ledger.expired_batches import parts_gone
from decisionloop.ledger.releases import Release, current_stages
from decisionloop.ledger.schema import (
    batch_part,
    decision_group,
    monitor_reference,
    rewritten_snapshot,
    snapshot,
    training_set,
)
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.verdicts import TrainingSet
from decisionloop.release.stages import GONE

_DIGEST = re.compile(r'"([0-9a-f]{64})"')
_MANY = 500


@dataclass(frozen=True)
class Learnt:
    """A training set, and the releases that learnt from it and are not gone: while there is one it is needed."""

    found: TrainingSet
    living: tuple[str, ...]
    digests: frozenset[str]

    def spans(self, as_of: datetime) -> bool:
        """Whether a batch of this as-of is among those that taught."""
        return self.found.cohort_from <= as_of <= self.found.cohort_to


def learnt(ledger: Ledger, use_case: str) -> tuple[Learnt, ...]:
    """Every training set of a use case, with the tables that it and its releases left in the snapshot store."""
    found = facts.every(ledger, TrainingSet, training_set, training_set.c.use_case == use_case)
    stages = [one for one in current_stages(ledger, use_case) if one.release.training_set_id]
    tables = _tables(ledger)
    told = []
    for one in found:
        own = [stage for stage in stages if stage.release.training_set_id == one.training_set_id]
        digests = {one.snapshot_digest}.union(*(_named(stage.release) for stage in own)) & tables
        living = tuple(stage.release_id for stage in own if stage.stage not in GONE)
        told.append(Learnt(one, living, frozenset(digests)))
    return tuple(told)


def files_of_batches(ledger: Ledger, use_case: str, batch_ids: Collection[str]) -> frozenset[str]:
    """The tables that these batches, and measurements of their cohorts, left; not those that another batch needs."""
    with facts.reading(ledger) as connection:
        own = _digests(connection, batch_ids)
        named = select(monitor_reference.c.content).where(monitor_reference.c.use_case == use_case)
        cohorts = {one.partition("/")[2] for one in batch_ids}
        for content in connection.execute(named).scalars():
            own |= {digest for cohort, digest in _by_cohort(content) if cohort in cohorts}
        gone = {one for one, parts in parts_gone(connection).items() if "features" in parts}
        needed = _needed(connection, own, gone | set(batch_ids))
    return frozenset(own & _tables(ledger)) - needed - _of_living_learning(ledger)


def files_gone(ledger: Ledger) -> frozenset[str]:
    """Files that retention has removed and that nothing has brought back since."""
    with facts.reading(ledger) as connection:
        where = rewritten_snapshot.c.content == ""
        removed = set(connection.execute(select(rewritten_snapshot.c.digest).where(where)).scalars())
        if not removed:
            return frozenset()
        gone = {one for one, parts in parts_gone(connection).items() if "features" in parts}
        needed = _needed(connection, removed, gone)
    return frozenset(removed - needed) - _of_living_learning(ledger)


def _digests(connection: Connection, batch_ids: Collection[str]) -> set[str]:
    ids, found = sorted(batch_ids), set()
    for start in range(0, len(ids), _MANY):
        some = ids[start : start + _MANY]
        for statement in (
            select(batch_part.c.digest).where(batch_part.c.batch_id.in_(some)),
            select(decision_group.c.snapshot_digest).where(decision_group.c.batch_id.in_(some)),
        ):
            found |= set(connection.execute(statement.distinct()).scalars())
    return found


def _needed(connection: Connection, digests: Collection[str], gone: Collection[str]) -> set[str]:
    """Which of these files are parts of a batch that is none of those that are gone: the same bytes, the same file."""
    needed, asked = set(), sorted(digests)
    for start in range(0, len(asked), _MANY):
        some = asked[start : start + _MANY]
        parts: Select[str, str] = select(batch_part.c.digest, batch_part.c.batch_id)
        found = connection.execute(parts.where(batch_part.c.digest.in_(some)).distinct())
        needed |= {digest for digest, batch_id in found if batch_id not in gone}
    return needed


def _of_living_learning(ledger: Ledger) -> frozenset[str]:
    with ledger.connect() as connection:
        names = connection.execute(select(training_set.c.use_case).distinct()).scalars().all()
    return frozenset().union(*(one.digests for name in names for one in learnt(ledger, name) if one.living))


def _named(one: Release) -> set[str]:
    """Every digest that a release's card names: what it answered, and what it was tried on."""
    return set(_DIGEST.findall(one.card_json))


def _by_cohort(content: str) -> Iterator[tuple[str, str]]:
    """A cohort and the table that measuring it left, of a reference that is a mapping of the two."""
    told = json.loads(content)
    for cohort, digest in told.items() if isinstance(told, dict) else ():
        if isinstance(digest, str) and _DIGEST.fullmatch(f'"{digest}"'):
            yield cohort, digest


def _tables(ledger: Ledger) -> set[str]:
    """Every file that is a table: what has no rows is a release, and is kept."""
    with ledger.connect() as connection:
        return set(connection.execute(select(snapshot.c.digest).where(snapshot.c.rows > 0)).scalars())
