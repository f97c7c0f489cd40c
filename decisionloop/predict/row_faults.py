"""Faults of a single row that the contract knows by themselves: such a row is left to the rules.

A batch is checked by Great Expectations, which also sees what only a whole batch can show; of a row both say the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from decisionloop.contract import UseCase
from decisionloop.contract.number_features import NumberFeatures
from decisionloop.contract.operation import Severity
from decisionloop.contract.problem import Feature
from decisionloop.predict.few_rows import plain_numbers, plain_texts

MISSING, RANGE, NOT_WHOLE, UNSEEN_CATEGORY = "missing", "range", "not whole", "unseen category"
"""With which words the reason of a faulty row begins."""
EVERY_FEATURE = "every feature"
"""What is faulty where nothing at all is known of a row; it stands where else a feature is named."""
_WORDS = (MISSING, RANGE, UNSEEN_CATEGORY, NOT_WHOLE)
_LEFT_TO_RULES: tuple[Severity, ...] = ("row", "critical")

Flags = npt.NDArray[np.bool_]


def row_faults(use_case: UseCase, frame: pd.DataFrame) -> npt.NDArray[np.object_]:
    """Why each row of the canonical ``frame`` is faulty (n,): `range: status; missing: limit`; "" where it is not.

    What would halt a batch (`critical`) leaves a single row to the rules; of a `warning` nothing is said.
    """
    reasons = np.full(len(frame), "", dtype=object)
    found = [*_of_numbers(use_case, frame), *_of_categories(use_case, frame)]
    for _, word, name, is_fault in sorted(found, key=_order):
        separator = np.where(reasons[is_fault] == "", "", "; ").astype(object)
        reasons[is_fault] = reasons[is_fault] + separator + f"{word}: {name}"
    return reasons


_Fault = tuple[int, str, str, Flags]
"""A feature's position, the word, its name, and which rows (n,) have the fault; at least one has."""


def _order(fault: _Fault) -> tuple[int, int]:
    """By feature, and of one feature in the order of the words."""
    return fault[0], _WORDS.index(fault[1])


def _of_numbers(use_case: UseCase, frame: pd.DataFrame) -> Iterator[_Fault]:
    """All number features at once, for a few rows are looked at again and again."""
    quality, wanted = use_case.data_quality, use_case.number_features
    features = wanted.features
    if not features:
        return
    values = np.array([_numbers(frame, one.name) for _, one in features])
    is_missing = np.isnan(values)
    if quality.row_nulls in _LEFT_TO_RULES:
        yield from _some(features, MISSING, is_missing & wanted.is_needed)
    if quality.ranges in _LEFT_TO_RULES:
        yield from _some(features, RANGE, _out_of_range(wanted, values) & ~is_missing)
        is_broken = np.isfinite(values) & (values != np.floor(values)) & wanted.is_whole
        yield from _some(features, NOT_WHOLE, is_broken)


def _of_categories(use_case: UseCase, frame: pd.DataFrame) -> Iterator[_Fault]:
    quality = use_case.data_quality
    for position, feature in enumerate(use_case.features):
        if feature.type != "category":
            continue
        texts = plain_texts(frame, feature.name)
        if texts is None:
            texts = pa.array(frame[feature.name], from_pandas=True).to_pylist()
        if not feature.is_nullable and quality.row_nulls in _LEFT_TO_RULES and None in texts:
            yield position, MISSING, feature.name, np.array([one is None for one in texts], dtype=bool)
        if quality.unseen_categories in _LEFT_TO_RULES:
            known = {None, *feature.categories}
            if not known.issuperset(texts):
                is_unseen = np.array([one not in known for one in texts], dtype=bool)
                yield position, UNSEEN_CATEGORY, feature.name, is_unseen


def _numbers(frame: pd.DataFrame, name: str) -> npt.NDArray[np.float64]:
    plain = plain_numbers(frame, name)
    return frame[name].to_numpy(dtype=np.float64) if plain is None else plain


def _some(features: Sequence[tuple[int, Feature]], word: str, is_fault: Flags) -> Iterator[_Fault]:
    """The faults of those features (K,) of which any row has one, from ``is_fault`` (K, n)."""
    if not is_fault.any():  # hardly ever has anybody
        return
    for at in np.flatnonzero(is_fault.any(axis=1)).tolist():
        position, feature = features[at]
        yield position, word, feature.name, is_fault[at]


def _out_of_range(wanted: NumberFeatures, values: npt.NDArray[np.float64]) -> Flags:
    """Which of the values (K, n) lie outside of their feature's range; a boolean is 0 or 1 and nothing between."""
    is_within = (values >= wanted.least) & (values <= wanted.most) & np.isfinite(values)
    return ~np.where(wanted.is_boolean, (values == 0.0) | (values == 1.0), is_within)
