"""Codes of a few rows by one call of compiled code.

A call a feature takes as long as its work, and each lets another thread of Python in, which is then waited for.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decisionloop.predict.few_rows import plain_columns
from decisionloop.predict.scorer.codes import Bins, CategoryBins
from decisionloop.predict.scorer.engine import kernels
from decisionloop.predict.scorer.flat import FlatBins


def encode_few(bins: Sequence[Bins], flat: FlatBins, frame: pd.DataFrame) -> NDArray[np.uint8] | None:
    """What :func:`codes.encode_frame` says (F, n) of a frame whose columns are known as plain values beside it.

    None where they are not, or where one is of another kind than the model has learnt from. ``flat``: the same bins.
    """
    columns = plain_columns(frame)
    if columns is None:
        return None
    values, codes = np.empty((len(bins), len(frame))), np.empty((len(bins), len(frame)), dtype=np.uint8)
    for place, one in enumerate(bins):
        column = columns.get(one.name)
        if isinstance(column, list) and isinstance(one, CategoryBins):
            codes[place] = one.encode_texts(column)
        elif isinstance(column, np.ndarray) and not isinstance(one, CategoryBins):
            values[place] = column
        else:
            return None
    kernels().bin_few(values, flat.edges, flat.missing, flat.is_number, codes)
    return codes
