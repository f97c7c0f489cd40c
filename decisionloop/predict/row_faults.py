"""Faults of a single row that the contract knows by themselves: such a row is left to the rules.

A batch is checked by Great Expectations, which also sees what only a whole batch can show; of a row both say the same.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd

from decisionloop.contract import UseCase
from decisionloop.contract.operation import Severity
from decisionloop.contract.problem import Feature

MISSING, RANGE, NOT_WHOLE, UNSEEN_CATEGORY = "missing", "range", "not whole", "unseen category"
"""With which words the reason of a faulty row begins."""
EVERY_FEATURE = "every feature"
"""What is faulty where nothing at all is known of a row; it stands where else a feature is named."""
_LEFT_TO_RULES: tuple[Severity, ...] = ("row", "critical")

Flags = npt.NDArray[np.bool_]


def row_faults(use_case: UseCase, frame: pd.DataFrame) -> npt.NDArray[np.object_]:
    """Why each row of the canonical ``frame`` is faulty (n,): `range: status; missing: limit`; "" where it is not.

    What would halt a batch (`critical`) leaves a single row to the rules; of a `warning` nothing is said.
    """
    reasons = np.full(len(frame), "", dtype=object)
    for feature in use_case.features:
        for word, is_fault in _faults(use_case, feature, frame[feature.name]):
            separator = np.where(reasons[is_fault] == "", "", "; ").astype(object)
            reasons[is_fault] = reasons[is_fault] + separator + f"{word}: {feature.name}"
    return reasons


def _faults(use_case: UseCase, feature: Feature, values: pd.Series) -> Iterator[tuple[str, Flags]]:
    quality, is_missing = use_case.data_quality, values.isna().to_numpy(dtype=bool)
    if not feature.is_nullable and quality.row_nulls in _LEFT_TO_RULES:
        yield MISSING, is_missing
    if feature.type == "category":
        if quality.unseen_categories in _LEFT_TO_RULES:
            yield UNSEEN_CATEGORY, ~values.isin(feature.categories).to_numpy(dtype=bool) & ~is_missing
    elif quality.ranges in _LEFT_TO_RULES:
        numbers = values.to_numpy(dtype=np.float64)
        yield RANGE, _out_of_range(feature, numbers) & ~is_missing
        if feature.type == "integer":
            yield NOT_WHOLE, np.isfinite(numbers) & (numbers != np.floor(numbers))


def _out_of_range(feature: Feature, numbers: npt.NDArray[np.float64]) -> Flags:
    if feature.type == "boolean":
        return ~np.isin(numbers, (0.0, 1.0))
    low, high = feature.range or (-np.inf, np.inf)
    return ~((numbers >= low) & (numbers <= high) & np.isfinite(numbers))
