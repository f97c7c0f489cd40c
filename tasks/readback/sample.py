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
    hashed = [
        (
            part.part,
            stable_hash(read_part(workspace, batch_id, "features", part.part, [key])[key].to_pandas(), (purpose,)),
        )
        for part in parts_of(workspace.ledger, batch_id, "features")
    ]
    every = np.concatenate([values for _, values in hashed])
    limit = np.partition(every, size - 1)[size - 1] if len(every) > size else every.max(initial=np.uint64(0))
    rows = {part: np.flatnonzero(values <= limit) for part, values in hashed}
    frames = [
        read_part(workspace, batch_id, "features", part).take(taken).to_pandas()
        for part, taken in rows.items()
        if len(taken)
    ]
    return Sample(pd.concat(frames, ignore_index=True), rows)
