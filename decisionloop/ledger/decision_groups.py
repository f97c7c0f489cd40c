"""What many decisions have in common is written once: a wide table of decisions becomes groups and narrow rows.

Half of what is known of a decision (its batch, its contract, who decided it and how) is the same for thousands of
others. Said once a group, a batch of a million is a third of the size and twice as fast to write; the view
`decision` joins both again.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Table

from decisionloop.errors import UsageError
from decisionloop.ledger.schema import decision, decision_group, decision_row
from decisionloop.ledger.storage.conform import conform

_GROUP = tuple(column.name for column in decision_group.c if column.name != "group_id")
_ROW = tuple(column.name for column in decision_row.c if column.name != "group_id")
_LARGEST_KEY = 2**62
# An id is 32 characters: those of its batch's time, then those of a hash.
_LENGTH, _TIME, _HASHED = 32, slice(0, 8), slice(8, 16)


@dataclass(frozen=True)
class GroupedDecisions:
    """The same decisions as rows for `decision_group` and for `decision_row`, the latter in the order of their ids."""

    groups: pa.Table
    rows: pa.Table

    def ranges(self, count: int) -> list[pa.Table]:
        """The rows in ``count`` ranges of ids, so that the first ranges of all parts of a batch hold its least ids."""
        limits = [int.from_bytes(f"{2**32 // count * k:08x}".encode(), "big") for k in range(1, count)]
        hashed = _characters(self.rows["decision_id"], _HASHED)
        ends = [0, *np.searchsorted(hashed, np.array(limits, dtype=np.uint64)).tolist(), len(self.rows)]
        return [self.rows.slice(start, end - start) for start, end in itertools.pairwise(ends)]


def grouped(decisions: pa.Table | pd.DataFrame) -> GroupedDecisions:
    """Take decisions (n rows, columns of the view `decision`) apart.

    Text that repeats may come dictionary-encoded. Raises `UsageError` for whatever the ledger cannot keep: an
    unknown column, a null where none is allowed, a value of another type.
    """
    if isinstance(decisions, pd.DataFrame):
        decisions = pa.Table.from_pandas(decisions, preserve_index=False)
    _refuse_unknown(decisions)
    decisions = _without_negative_zero(decisions)
    first, member = _members([decisions[name] for name in _GROUP if name in decisions.column_names], len(decisions))
    common = _conform(decision_group, _GROUP, decisions.take(pa.array(first)))
    ids = np.array([_group_id(row) for row in common.to_pylist()], dtype=np.int64)
    rows = _conform(decision_row, _ROW, decisions)
    rows = in_order_of_ids(rows.append_column("group_id", pa.array(ids[member])))
    return GroupedDecisions(common.append_column("group_id", pa.array(ids)), rows)


def _refuse_unknown(decisions: pa.Table) -> None:
    unknown = sorted(set(decisions.column_names) - set(decision.c.keys()))
    if unknown:
        raise UsageError(f"decision has no column {', '.join(unknown)}. It has {', '.join(decision.c.keys())}.")


def _without_negative_zero(decisions: pa.Table) -> pa.Table:
    """The group's floats with 0 for -0, which is equal to it and yet another key and another text."""
    for name in _GROUP:
        if name in decisions.column_names and pa.types.is_floating(decisions[name].type):
            place = decisions.column_names.index(name)
            decisions = decisions.set_column(place, name, pc.add(decisions[name], 0.0))
    return decisions


def _conform(table: Table[Any], names: tuple[str, ...], decisions: pa.Table) -> pa.Table:
    """The columns ``names`` as `table` wants them; its ``group_id`` is still to come."""
    columns = decisions.select([name for name in names if name in decisions.column_names])
    ids = pa.array(np.zeros(len(decisions), dtype=np.int64))
    return conform(table, columns.append_column("group_id", ids)).select(names)


def _members(columns: list[pa.ChunkedArray], rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Number the different rows of ``columns``: a row of each (groups,), and the group of every row (rows,)."""
    key, size = np.zeros(rows, dtype=np.int64), 1
    for column in columns:
        encoded = _encoded(column)
        many = len(encoded.dictionary) + 1  # and one code for null
        if many * size > _LARGEST_KEY:
            key = pd.factorize(key)[0].astype(np.int64)
            size = rows
        if len(encoded.dictionary) > 1 or encoded.null_count:
            codes = pc.fill_null(encoded.indices.cast(pa.int64()), many - 1)
            key = key * many + codes.to_numpy(zero_copy_only=False)
            size *= many
    member, seen = pd.factorize(key)
    first = np.empty(len(seen), dtype=np.int64)
    first[member[::-1]] = np.arange(rows - 1, -1, -1)
    return first, member


def _encoded(column: pa.ChunkedArray) -> pa.DictionaryArray:
    whole = column.combine_chunks()
    return whole if pa.types.is_dictionary(whole.type) else whole.dictionary_encode()


def _group_id(row: dict[str, object]) -> int:
    """A positive 63-bit number that is a function of what the group says, so that writing it twice adds nothing."""
    content = json.dumps(row, sort_keys=True, default=str).encode()
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "big") >> 1


def in_order_of_ids(rows: pa.Table) -> pa.Table:
    """The rows by decision id, so that neighbours in its index are written together.

    Ids are told apart by their time and the eight characters behind it, which is near enough.
    """
    ids = rows["decision_id"]
    if pc.min_max(pc.binary_length(ids)).as_py() != {"min": _LENGTH, "max": _LENGTH}:
        return rows.take(pc.sort_indices(ids))
    return rows.take(pa.array(np.lexsort([_characters(ids, where) for where in (_HASHED, _TIME)])))


def _characters(ids: pa.ChunkedArray, where: slice) -> np.ndarray:
    """Eight characters of ids of _LENGTH as numbers (n,) that sort as the text does."""
    whole = pa.concat_arrays(ids.chunks) if ids.num_chunks != 1 else ids.chunk(0)
    start = np.frombuffer(whole.buffers()[1], dtype=np.int32)[whole.offset] if len(whole) else 0
    text = np.frombuffer(whole.buffers()[2] or b"", dtype=np.uint8)[start : start + _LENGTH * len(whole)]
    return np.ascontiguousarray(text.reshape(-1, _LENGTH)[:, where]).view(">u8").ravel().astype(np.uint64)
