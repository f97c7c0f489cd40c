"""The slices in which a release is compared with the champion: every group of what the contract names."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from decisionloop.contract import UseCase
from decisionloop.monitor.compare.output_profile import slice_values


def sliced_by(use_case: UseCase) -> tuple[str, ...]:
    """Names of the features and protected attributes whose groups are slices: `gate.slices`, or all protected ones."""
    named = use_case.gate.slices
    return tuple(one.name for one in use_case.protected) if named is None else named


def named_slices(use_case: UseCase, frame: pd.DataFrame) -> Iterator[tuple[str, np.ndarray]]:
    """Each slice as "name=value" with its rows, bool (n,), of the canonical ``frame``; in the order of the contract.

    Rows that are missing there, or outside of the contract's values, are in no slice of that name.
    """
    for name in sliced_by(use_case):
        for value in slice_values(use_case, name):
            yield f"{name}={value}", frame[name].eq(value).fillna(False).to_numpy(dtype=bool)
