"""Small tables of many cohorts, read as few files: sixteen of them are laid together once, and the rest read singly.

A release that has decided for years has hundreds of small tables, and to open one costs what it costs whatever is in
it. A block is made from tables and says of which; where one of them has changed since, or the block is gone by
retention, the table itself is read, and sixteen that were read singly become a block again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pyarrow as pa

from decisionloop.errors import IntegrityError
from decisionloop.ledger.monitor_references import keep_reference, reference_of
from decisionloop.ledger.storage.facts import canonical_json
from decisionloop.workspace import Workspace
from tasks.keep import keep_table
from tasks.readback.tables import read_table

KIND = "entity_money_blocks"
TOGETHER, SMALL_ROWS = 16, 10_000
"""So many tables become a block, none of them larger than this: of large ones what is in them costs the time."""
_OF = "of"
"""Beside the block of each cohort, in a form that retention reads: the table that it holds of it, and where."""

Columns = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class _Part:
    """Where the table ``source`` of a cohort lies in a block."""

    block: str
    source: str
    first: int
    rows: int


def read_tables(workspace: Workspace, owner: str, asked: Mapping[str, str], known_at: datetime) -> dict[str, Columns]:
    """The columns of tables by cohort, from their digests; tables of one kind, all with the same columns.

    ``owner``: the release under whose name blocks are kept.
    """
    parts = {name: one for name, one in _parts(workspace, owner).items() if asked.get(name) == one.source}
    found: dict[str, Columns] = {}
    for block in sorted({one.block for one in parts.values()}):
        whole = _read_block(workspace, block)
        for name, one in parts.items():
            if whole is not None and one.block == block:
                found[name] = {column: values[one.first : one.first + one.rows] for column, values in whole.items()}
    single = {name: read_table(workspace, digest) for name, digest in asked.items() if name not in found}
    small = {name: (asked[name], single[name]) for name in sorted(single) if len(single[name]) <= SMALL_ROWS}
    if len(small) >= TOGETHER:
        _lay_together(workspace, owner, small, known_at)
    return found | {name: _columns(table) for name, table in single.items()}


def _read_block(workspace: Workspace, digest: str) -> Columns | None:
    try:
        return _columns(read_table(workspace, digest))
    except IntegrityError:  # with a cohort that is kept no longer a block goes; its other tables are there
        return None


def _lay_together(
    workspace: Workspace, owner: str, tables: Mapping[str, tuple[str, pa.Table]], known_at: datetime
) -> None:
    names = list(tables)
    parts = _parts(workspace, owner)
    for start in range(0, len(names) - TOGETHER + 1, TOGETHER):
        some = {name: tables[name] for name in names[start : start + TOGETHER]}
        block = keep_table(workspace, pa.concat_tables([table for _, table in some.values()]), "outcomes")
        parts |= {name: replace(one, block=block) for name, one in _places(some)}
    places = {name: [one.source, one.first, one.rows] for name, one in parts.items()}
    content = canonical_json({**{name: one.block for name, one in parts.items()}, _OF: places})
    keep_reference(workspace.ledger, workspace.use_case.name, owner, content, known_at, KIND)


def _places(tables: Mapping[str, tuple[str, pa.Table]]) -> Iterator[tuple[str, _Part]]:
    first = 0
    for name, (source, table) in tables.items():
        yield name, _Part("", source, first, len(table))
        first += len(table)


def _parts(workspace: Workspace, owner: str) -> dict[str, _Part]:
    kept = reference_of(workspace.ledger, workspace.use_case.name, owner, KIND)
    told = {} if kept is None else json.loads(kept.content)
    return {name: _Part(told[name], *place) for name, place in told.get(_OF, {}).items()}


def _columns(table: pa.Table) -> Columns:
    return {name: table[name].to_numpy() for name in table.column_names}
