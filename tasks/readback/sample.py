"""A fixed draw of a batch's rows: the same whatever parts the batch was cut into."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

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
    drawn: list[_Drawn] = []
    for part in parts_of(workspace.ledger, batch_id, "features"):
        rows = read_part(workspace, batch_id, "features", part.part)
        hashes = stable_hash(rows[workspace.use_case.entity.key].to_pandas(), (purpose,))
        drawn = _lowest([*drawn, _Drawn(part.part, np.arange(len(rows)), hashes, rows)], size)
    frames = [one.rows.to_pandas() for one in drawn if len(one.rows)]
    return Sample(pd.concat(frames, ignore_index=True), {one.part: one.places for one in drawn})


@dataclass(frozen=True, eq=False)
class _Drawn:
    """The rows of a part that may be in the sample: where they stand in it, their hashes (m,), themselves."""

    part: int
    places: np.ndarray
    hashes: np.ndarray
    rows: pa.Table


def _lowest(drawn: list[_Drawn], size: int) -> list[_Drawn]:
    """Those of them that are among the ``size`` lowest so far: no more than a sample is kept of parts already read."""
    limit = _limit(np.concatenate([one.hashes for one in drawn]), size)
    kept = [(one, np.flatnonzero(one.hashes <= limit)) for one in drawn]
    return [
        one if len(at) == len(one.hashes) else _Drawn(one.part, one.places[at], one.hashes[at], one.rows.take(at))
        for one, at in kept
    ]


def _limit(hashes: np.ndarray, size: int) -> np.uint64:
    """The ``size``-th lowest; of fewer the highest."""
    if len(hashes) > size:
        return np.uint64(np.partition(hashes, size - 1)[size - 1])
    return np.uint64(hashes.max(initial=np.uint64(0)))
