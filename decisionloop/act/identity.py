"""The id of a decision is a function of use case, entity and as-of, so that a re-run adds no row."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pyarrow as pa

from decisionloop.act.hashing import Ids, instant, stable_hash

_HEX = np.frombuffer("".join(f"{byte:02x}" for byte in range(256)).encode(), dtype="S2")


def decision_id_array(use_case_name: str, entity_ids: Ids, as_of: datetime) -> pa.StringArray:
    """One id of 32 lower-case hex characters for each entity: 8 of the as-of's second, then 96 bits of hash.

    Ids of later batches are thus greater, and an index of them grows at its end, however large it is.
    """
    context = ("decision", use_case_name, instant(as_of))
    octets = np.empty((len(entity_ids), 16), dtype=np.uint8)
    octets[:, :4] = np.array([int(as_of.timestamp()) % 2**32], dtype=">u4").view(np.uint8)
    for half, where in (("high", slice(4, 12)), ("low", slice(12, 16))):
        hashed = stable_hash(entity_ids, (*context, half)).astype(">u8").view(np.uint8).reshape(-1, 8)
        octets[:, where] = hashed[:, : where.stop - where.start]
    return _hex_text(octets)


def decision_ids(use_case_name: str, entity_ids: Ids, as_of: datetime) -> np.ndarray:
    """The ids of :func:`decision_id_array` as an object array of str (n,)."""
    return decision_id_array(use_case_name, entity_ids, as_of).to_numpy(zero_copy_only=False)


def _hex_text(octets: np.ndarray) -> pa.StringArray:
    """Bytes (n, 16) as hex text; through Arrow because numpy makes strings one by one."""
    rows, width = len(octets), 2 * octets.shape[1]
    offsets = np.arange(rows + 1, dtype=np.int32) * width
    text = np.ascontiguousarray(_HEX[octets])
    return pa.StringArray.from_buffers(rows, pa.py_buffer(offsets), pa.py_buffer(text))
