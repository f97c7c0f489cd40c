"""Small tables of many cohorts, read as few files: four of them are laid together, four such blocks again, and so on.

A release that has decided for years has hundreds of small tables, and to open one costs what it costs whatever is in
it. As files of a size are merged when there are four of them (a log-structured merge tree: O'Neil and others 1996), n
tables are read as some log n files, and each is written anew log n times in its life. A block is made from tables and
says of which; where one of them has changed since, or the block is gone by retention, the table itself is read, and
what was read singly is laid together again.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
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
TOGETHER, LARGE_ROWS = 4, 160_000
"""So many files become one, unless it would have more rows than this: of large ones what is in them costs the time."""
_OF = "of"
"""Beside the block of each cohort, in a form that retention reads: the table that it holds of it, and where."""

Columns = Mapping[str, np.ndarray]
Tables = Mapping[str, tuple[str, Columns]]
"""By cohort: the digest of its own table, and the columns of it."""
Names = tuple[str, ...]
"""The cohorts whose tables lie in one file, in order."""


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
    known = _parts(workspace, owner)
    parts = {name: one for name, one in known.items() if asked.get(name) == one.source}
    found: dict[str, Columns] = {}
    files: list[Names] = []
    for block in sorted({one.block for one in parts.values()}):
        whole = _read_block(workspace, block)
        if whole is not None:
            within = {name: one for name, one in parts.items() if one.block == block}
            found |= {name: _rows_of(whole, one.first, one.rows) for name, one in within.items()}
            files.append(tuple(sorted(within)))
    alone = [name for name in asked if name not in found]
    found |= {name: _columns(read_table(workspace, asked[name])) for name in alone}
    files = sorted([*files, *((name,) for name in alone)])
    rows = {name: parts[name].rows if name in parts else _height(one) for name, one in found.items()}
    new = [one for one in merged_files(files, rows) if one not in files]
    if new:
        _lay_together(
            workspace, owner, known, [{name: (asked[name], found[name]) for name in one} for one in new], known_at
        )
    return found


def merged_files(files: Sequence[Names], rows: Mapping[str, int]) -> list[Names]:
    """Files of cohorts, each with the names of its own, after every TOGETHER of a size have become one; by first name.

    ``rows`` of each cohort. Sizes are powers of TOGETHER; a file that would have more than LARGE_ROWS is not made.
    """
    found = sorted(files)
    while True:
        by_size: dict[int, list[Names]] = {}
        for one in found:
            by_size.setdefault(int(math.log(len(one), TOGETHER) + 1e-9), []).append(one)
        chosen = next((some for size in sorted(by_size) if (some := _fitting(by_size[size], rows))), None)
        if chosen is None:
            return found
        found = sorted([*(one for one in found if one not in chosen), tuple(sorted(itertools.chain(*chosen)))])


def _fitting(files: Sequence[Names], rows: Mapping[str, int]) -> Sequence[Names] | None:
    """The first TOGETHER neighbours that fit into one file; None where no such are there."""
    spans = (files[start : start + TOGETHER] for start in range(len(files) - TOGETHER + 1))
    return next((some for some in spans if sum(rows[name] for one in some for name in one) <= LARGE_ROWS), None)


def _read_block(workspace: Workspace, digest: str) -> Columns | None:
    try:
        return _columns(read_table(workspace, digest))
    except IntegrityError:  # with a cohort that is kept no longer a block goes; its other tables are there
        return None


def _lay_together(
    workspace: Workspace, owner: str, parts: Mapping[str, _Part], files: Sequence[Tables], known_at: datetime
) -> None:
    """Keep each file of several cohorts' tables, and say where which of them lies; ``parts``: where others do."""
    parts = dict(parts)
    for tables in files:
        whole = pa.concat_tables([pa.table(dict(columns)) for _, columns in tables.values()])
        block = keep_table(workspace, whole, "outcomes")
        parts |= {name: replace(one, block=block) for name, one in _places(tables)}
    places = {name: [one.source, one.first, one.rows] for name, one in parts.items()}
    content = canonical_json({**{name: one.block for name, one in parts.items()}, _OF: places})
    keep_reference(workspace.ledger, workspace.use_case.name, owner, content, known_at, KIND)


def _places(tables: Tables) -> Iterator[tuple[str, _Part]]:
    first = 0
    for name, (source, columns) in tables.items():
        yield name, _Part("", source, first, _height(columns))
        first += _height(columns)


def _parts(workspace: Workspace, owner: str) -> dict[str, _Part]:
    kept = reference_of(workspace.ledger, workspace.use_case.name, owner, KIND)
    told = {} if kept is None else json.loads(kept.content)
    return {name: _Part(told[name], *place) for name, place in told.get(_OF, {}).items()}


def _columns(table: pa.Table) -> Columns:
    return {name: table[name].to_numpy() for name in table.column_names}


def _rows_of(columns: Columns, first: int, rows: int) -> Columns:
    return {name: values[first : first + rows] for name, values in columns.items()}


def _height(columns: Columns) -> int:
    return len(next(iter(columns.values())))
