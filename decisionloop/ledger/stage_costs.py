"""What serving cost: by batch and stage as it was measured, and by release as it is accounted for.

A release's cost is what was done for it alone; the one that decided a batch also bears the stages that served the
batch as a whole. So a shadow costs what it adds, and nothing is counted twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, func, select, text

from decisionloop.contract.operation import ServingCost
from decisionloop.ledger.schema import batch, batch_event, metadata, stage_cost, utc_now
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.metering import StageCost, add_up

SHARED = ""
"""The release id of a stage that served the batch as a whole."""


@dataclass(frozen=True)
class RecordedCost:
    """One stage of one attempt at a batch; prices are those of the contract that it ran under."""

    batch_id: str
    attempt: int
    stage: str
    release_id: str
    rows: int
    cpu_seconds: float
    bytes_stored: int
    cpu_price: float
    storage_price: float
    money: float
    at: datetime

    @property
    def is_shared(self) -> bool:
        """Whether it served the batch as a whole and no release in particular."""
        return self.release_id == SHARED


@dataclass(frozen=True)
class BatchCost:
    """What a batch cost over all attempts at it. ``champion`` is the release that decided it ("" before scoring)."""

    batch_id: str
    champion: str
    lines: tuple[RecordedCost, ...]

    @property
    def decisions(self) -> int:
        """Rows that were logged as decisions; 0 for a batch that was halted."""
        return max((line.rows for line in self.lines if line.stage == "log"), default=0)

    @property
    def money(self) -> float:
        """Everything that was spent on it, shadows included."""
        return sum(line.money for line in self.lines)

    @property
    def cpu_seconds(self) -> float:
        """Processor seconds of all stages."""
        return sum(line.cpu_seconds for line in self.lines)

    @property
    def bytes_stored(self) -> int:
        """Bytes that all stages stored."""
        return sum(line.bytes_stored for line in self.lines)

    @property
    def is_priced(self) -> bool:
        """Whether the contract had a price for any of it."""
        return any(line.cpu_price > 0 or line.storage_price > 0 for line in self.lines)

    @property
    def per_decision(self) -> float | None:
        """Money a decision, shadows included; None where nothing was decided."""
        return self.money / self.decisions if self.decisions else None

    def bearer(self, line: RecordedCost) -> str:
        """The release that a line is accounted to."""
        return self.champion if line.is_shared else line.release_id


@dataclass(frozen=True)
class ReleaseCost:
    """What a release cost: its own stages, and the shared ones of the batches that it was to decide.

    ``rows`` counts what came of it: decisions where it decided, answers where it stood beside. A batch that was
    halted costs, and brings none.
    """

    release_id: str
    batches_decided: int
    rows: int
    cpu_seconds: float
    bytes_stored: int
    money: float

    @property
    def per_decision(self) -> float | None:
        """Money a decision or answer; None where there was none."""
        return self.money / self.rows if self.rows else None


def append_stage_costs(
    target: Ledger | Connection,
    batch_id: str,
    attempt: int,
    costs: Iterable[StageCost],
    prices: ServingCost,
    at: datetime | None = None,
) -> int:
    """Price and keep what stages of one attempt at a batch took; partitions of a stage are added up first.

    Returns how many were new: the first cost of a stage and release at an attempt stands. Append it in the
    transaction that says that the stage is done, and a repeated stage is neither counted twice nor lost.
    """
    moment = at or utc_now()
    rows = [
        RecordedCost(
            batch_id=batch_id,
            attempt=attempt,
            stage=cost.stage,
            release_id=cost.release_id or SHARED,
            rows=cost.rows,
            cpu_seconds=cost.cpu_seconds,
            bytes_stored=cost.bytes_stored,
            cpu_price=prices.cpu_hour,
            storage_price=prices.stored_gib,
            money=prices.money(cost.cpu_seconds, cost.bytes_stored),
            at=moment,
        )
        for cost in add_up(costs)
    ]
    return facts.add(target, stage_cost, rows)


def batch_costs(source: Ledger | Connection, use_case: str) -> tuple[BatchCost, ...]:
    """What each batch of a use case cost, by as-of; batches of which nothing was measured are left out."""
    return _batch_costs(source, batch.c.use_case == use_case)


def batch_cost(source: Ledger | Connection, batch_id: str) -> BatchCost | None:
    """What one batch cost; None where nothing was measured."""
    return next(iter(_batch_costs(source, batch.c.batch_id == batch_id)), None)


def _batch_costs(source: Ledger | Connection, where: ColumnElement[bool]) -> tuple[BatchCost, ...]:
    table = stage_cost.c
    priced = (
        select(*facts.columns_of(RecordedCost, stage_cost))
        .join(batch, batch.c.batch_id == table.batch_id)
        .where(where)
        .order_by(batch.c.as_of, table.batch_id, table.attempt, table.stage, table.release_id)
    )
    scored = (
        select(batch_event.c.batch_id, batch_event.c.detail)
        .join(batch, batch.c.batch_id == batch_event.c.batch_id)
        .where(where, batch_event.c.state == "scored")
        .order_by(batch_event.c.batch_id, batch_event.c.seq)
    )
    with facts.reading(source) as connection:
        lines = facts.as_facts(connection, RecordedCost, priced)
        champions = {batch_id: json.loads(detail).get("champion") for batch_id, detail in connection.execute(scored)}
    found: dict[str, list[RecordedCost]] = {}
    for line in lines:
        found.setdefault(line.batch_id, []).append(line)
    return tuple(BatchCost(one, str(champions.get(one) or ""), tuple(of_batch)) for one, of_batch in found.items())


def release_costs(costs: Sequence[BatchCost]) -> tuple[ReleaseCost, ...]:
    """The costs of some batches by release, those that decided most first.

    What was spent on a batch before anything scored it belongs to no release and is left out.
    """
    releases = dict.fromkeys(cost.bearer(line) for cost in costs for line in cost.lines)
    found = [_release_cost(release_id, costs) for release_id in releases if release_id]
    return tuple(sorted(found, key=lambda one: (-one.batches_decided, one.release_id)))


def _release_cost(release_id: str, costs: Sequence[BatchCost]) -> ReleaseCost:
    decided = [cost for cost in costs if cost.champion == release_id and cost.decisions]
    beside = [line for cost in costs if cost.champion != release_id for line in cost.lines]
    answered: dict[str, int] = {}
    for line in beside:
        if line.release_id == release_id:
            answered[line.batch_id] = max(line.rows, answered.get(line.batch_id, 0))
    borne = [line for cost in costs for line in cost.lines if cost.bearer(line) == release_id]
    return ReleaseCost(
        release_id=release_id,
        batches_decided=len(decided),
        rows=sum(cost.decisions for cost in decided) + sum(answered.values()),
        cpu_seconds=sum(line.cpu_seconds for line in borne),
        bytes_stored=sum(line.bytes_stored for line in borne),
        money=sum(line.money for line in borne),
    )


def ledger_bytes(source: Ledger | Connection) -> int:
    """Bytes that the ledger's tables occupy, indexes included; their growth is what was stored in between.

    Read within a transaction it includes what that transaction wrote. What others write at the same time counts too.
    """
    with facts.reading(source) as connection:
        if connection.dialect.name == "postgresql":
            sizes = select(*(func.pg_total_relation_size(func.to_regclass(name)) for name in metadata.tables))
            return sum(size or 0 for size in connection.execute(sizes).one())
        pages, free, size = (
            int(connection.execute(text(f"PRAGMA {name}")).scalar_one())
            for name in ("page_count", "freelist_count", "page_size")
        )
        return (pages - free) * size
