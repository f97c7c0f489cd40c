"""The very features that decisions were made on."""

from __future__ import annotations

import numpy as np
import pandas as pd

from decisionloop.workspace import Workspace


def frozen_rows(workspace: Workspace, log: pd.DataFrame) -> pd.DataFrame:
    """The frozen features of each decision of ``log``, in its order (n rows)."""
    parts, places = [], []
    for digest, rows in log.groupby("snapshot_digest", sort=False).indices.items():
        frame = workspace.snapshots.get_table(str(digest)).to_pandas()
        parts.append(frame.iloc[log["snapshot_row"].to_numpy()[rows]])
        places.append(rows)
    order = np.argsort(np.concatenate(places), kind="stable")
    return pd.concat(parts, ignore_index=True).iloc[order].reset_index(drop=True)
