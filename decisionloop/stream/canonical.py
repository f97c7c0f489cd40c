"""Canonical frames of plain values, as they are asked for and as a segment's record keeps them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from decisionloop.contract import UseCase
from decisionloop.predict.features import column_types
from decisionloop.predict.few_rows import few_rows


def features_of_record(use_case: UseCase, record: str) -> pd.DataFrame:
    """The canonical frame of a record; of "" one without a row."""
    told = json.loads(record)["features"] if record else {name: [] for name in column_types(use_case)}
    return canonical_frame(use_case, told)


def canonical_frame(use_case: UseCase, columns: Mapping[str, list[Any]]) -> pd.DataFrame:
    """The canonical frame (n rows) of plain values by column; None is missing."""
    return few_rows(
        {
            name: [one if one == one else None for one in columns[name]]
            if type_ == "category"
            else np.array(columns[name], dtype=np.float64)  # numpy takes None for NaN
            for name, type_ in column_types(use_case).items()
        }
    )
