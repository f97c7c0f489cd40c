"""A fixed draw of a batch's rows: the same whatever parts the batch was cut into."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from decisionloop.act.hashing import stable_hash
from decisionloop.ledger.batch_parts import parts_of
from decisionloop.workspace import Workspace
from tasks.readback.tables import read_part


@dataclass(frozen=True, eq=False)
class Sample:
    """Drawn rows: their features (m rows, by entity), and by part the positions that they have there."""

    frame: pd.DataFrame
    rows: dict[int, np.ndarray]


def sample_of(workspace: Workspace, batch_id: str, size: int, purpose: str) -> Sample:
    """The ``size`` rows of a frozen batch whose entities hash lowest under ``purpose``; all of a smaller batch."""
    key = workspace.use_case.entity.key
    lowest = {
        part.part: _lowest(
            stable_hash(read_part(workspace, batch_id, "features", part.part, [key])[key].to_pandas(), (purpose,)), size
        )
        for part in parts_of(workspace.ledger, batch_id, "features")
    }
    limit = _limit(np.concatenate([values for _, values in lowest.values()]), size)
    rows = {part: taken[values <= limit] for part, (taken, values) in lowest.items()}
    frames = [
        read_part(workspace, batch_id, "features", part).take(taken).to_pandas()
        for part, taken in rows.items()
        if len(taken)
    ]
    return Sample(pd.concat(frames, ignore_index=True), rows)


def _lowest(hashes: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The rows of a part that may be among the ``size`` lowest of all, and their hashes: no more of it is kept."""
    rows = np.flatnonzero(hashes <= _limit(hashes, size))
    return rows, hashes[rows]


def _limit(hashes: np.ndarray, size: int) -> np.uint64:
    """The ``size``-th lowest; of fewer the highest."""
    if len(hashes) > size:
        return np.uint64(np.partition(hashes, size - 1)[size - 1])
    return np.uint64(hashes.max(initial=np.uint64(0)))
