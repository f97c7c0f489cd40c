"""What many decisions have in common is written once: a wide table of decisions becomes groups and narrow rows.

Half of what is known of a decision (its batch, its contract, who decided it and how) is the same for thousands of
others. Said once a group, a batch of a million is a third of the size and twice as fast to write; the view
`decision` joins both again.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Table

from decisionloop.errors import UsageError
from decisionloop.ledger.conform import conform
from decisionloop.ledger.schema import decision, decision_group, decision_row

_GROUP = tuple(column.name for column in decision_group.c if column.name != "group_id")
_ROW = tuple(column.name for column in decision_row.c if column.name != "group_id")
_LARGEST_KEY = 2**62


@dataclass(frozen=True)
class GroupedDecisions:
    """The same decisions as rows for `decision_group` and for `decision_row`, the latter in the order of their ids."""

    groups: pa.Table
    rows: pa.Table


def grouped(decisions: pa.Table | pd.DataFrame) -> GroupedDecisions:
    """Take decisions (n rows, columns of the view `decision`) apart.

    Text that repeats may come dictionary-encoded. Raises `UsageError` for whatever the ledger cannot keep: an
    unknown column, a null where none is allowed, a value of another type.
    """
    if isinstance(decisions, pd.DataFrame):
        decisions = pa.Table.from_pandas(decisions, preserve_index=False)
    _refuse_unknown(decisions)
    first, member = _members([decisions[name] for name in _GROUP if name in decisions.column_names], len(decisions))
    common = _conform(decision_group, _GROUP, decisions.take(pa.array(first)))
    ids = np.array([_group_id(row) for row in common.to_pylist()], dtype=np.int64)
    rows = _conform(decision_row, _ROW, decisions)
    rows = rows.append_column("group_id", pa.array(ids[member])).take(_order_of_ids(rows["decision_id"]))
    return GroupedDecisions(common.append_column("group_id", pa.array(ids)), rows)


def _refuse_unknown(decisions: pa.Table) -> None:
    unknown = sorted(set(decisions.column_names) - set(decision.c.keys()))
    if unknown:
        raise UsageError(f"decision has no column {', '.join(unknown)}. It has {', '.join(decision.c.keys())}.")


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


def _order_of_ids(ids: pa.ChunkedArray) -> pa.Array:
    """Rows in about the order of their ids: neighbours in the index are then written together.

    The first eight characters decide, which is near enough.
    """
    heads = pc.binary_slice(ids.cast(pa.binary()), 0, 8)
    fixed = heads.combine_chunks()
    if not len(fixed) or pc.min(pc.binary_length(fixed)).as_py() < 8:
        return pc.sort_indices(ids)
    offsets = np.frombuffer(fixed.buffers()[1], dtype=np.int32)[fixed.offset :]
    head = np.frombuffer(fixed.buffers()[2], dtype=np.uint8)[offsets[0] : offsets[0] + 8 * len(fixed)]
    return pa.array(np.argsort(head.view(">u8").astype(np.uint64), kind="stable"))
