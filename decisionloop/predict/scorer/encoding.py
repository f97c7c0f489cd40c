"""Reads a trained ColumnTransformer: which feature became which columns, and by what bins or categories."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from decisionloop.errors import CompileError
from decisionloop.predict.scorer.codes import Bins, CategoryBins, NumericBins

if TYPE_CHECKING:
    from sklearn.compose import ColumnTransformer

Encoding = Literal["number", "category_code", "one_hot"]


@runtime_checkable
class EdgeBinner(Protocol):
    """A transformer that one-hot encodes each column's ``codes.numeric_codes`` on its array of ``edges_``."""

    edges_: list[NDArray[np.float64]]


@runtime_checkable
class CategoryMerger(Protocol):
    """A transformer that gives one name, ``rest``, to every text of a column that is none of its ``kept`` ones.

    ``kept``: the texts of each column that stay; None for a column that stays as it is.
    """

    kept: list[list[str] | None]
    rest: str


@dataclass(frozen=True)
class EncodedFeature:
    """One feature after the ColumnTransformer: its first output column, its encoding and its bins, if any."""

    name: str
    start: int
    encoding: Encoding
    bins: Bins | None


def encoded_features(transformer: ColumnTransformer) -> tuple[EncodedFeature, ...]:
    """The features in the order of the frame that was trained on. Raises CompileError for what is not exact."""
    found = [
        feature
        for name, step, columns in transformer.transformers_
        if not (isinstance(step, str) and step == "drop")
        for feature in _read_step(step, _column_names(name, columns), transformer.output_indices_[name].start)
    ]
    order = list(transformer.feature_names_in_)
    names = [feature.name for feature in found]
    if len(set(names)) != len(names) or not names:
        raise CompileError(
            "each feature must pass through exactly one transformer, but the pipeline uses: "
            f"{', '.join(names) or 'none'}. List every column once."
        )
    return tuple(sorted(found, key=lambda feature: order.index(feature.name)))


def _column_names(step: str, columns: Any) -> list[str]:
    if isinstance(columns, list) and all(isinstance(column, str) for column in columns):
        return columns
    raise CompileError(
        f"transformer {step!r} selects its columns by {columns!r}. Select them by a list of column names."
    )


def _read_step(step: Any, names: list[str], start: int) -> Iterator[EncodedFeature]:
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder

    if isinstance(step, Pipeline) and len(step) == 2 and isinstance(step[0], CategoryMerger):
        for feature, kept in zip(_read_step(step[1], names, start), step[0].kept, strict=True):
            yield feature if kept is None else _merged(feature, step[0].rest)
    elif isinstance(step, FunctionTransformer) and step.func is None:
        yield from (EncodedFeature(name, start + i, "number", None) for i, name in enumerate(names))
    elif isinstance(step, OrdinalEncoder):
        _require_missing_codes(step)
        for i, (name, values) in enumerate(zip(names, step.categories_, strict=True)):
            yield EncodedFeature(name, start + i, "category_code", _categories(name, values))
    elif isinstance(step, OneHotEncoder):
        _require_plain_one_hot(step)
        yield from _one_hot(start, [_categories(n, v) for n, v in zip(names, step.categories_, strict=True)])
    elif isinstance(step, EdgeBinner):
        yield from _one_hot(start, [NumericBins(n, edges) for n, edges in zip(names, step.edges_, strict=True)])
    else:
        raise CompileError(
            f"the transformer {type(step).__name__} of {', '.join(names)} cannot be compiled. "
            "Use passthrough, OrdinalEncoder, OneHotEncoder or QuantileBinner."
        )


def _one_hot(start: int, bins: list[Any]) -> Iterator[EncodedFeature]:
    """Features side by side: numbers have an output for missing, categories have none (all zeros)."""
    for item in bins:
        yield EncodedFeature(item.name, start, "one_hot", item)
        start += item.size if isinstance(item, NumericBins) else item.size - 1


def _merged(feature: EncodedFeature, rest: str) -> EncodedFeature:
    """A feature whose last category stands for all others."""
    assert isinstance(feature.bins, CategoryBins)  # only encoders of categories follow a merger
    *kept, last = feature.bins.categories
    if last != rest:
        raise CompileError(f"the categories of feature {feature.name!r} do not end in that of all others, {rest!r}.")
    return replace(feature, bins=CategoryBins(feature.name, tuple(kept), has_rest=True))


def _categories(name: str, values: NDArray[Any]) -> CategoryBins:
    if not all(isinstance(value, str) for value in values):
        raise CompileError(
            f"the categories of feature {name!r} must be text, without a missing value, but are {list(values)!r}. "
            "Name them as text; missing needs no category of its own."
        )
    return CategoryBins(name, tuple(str(value) for value in values))


def _require_missing_codes(step: Any) -> None:
    is_missing = step.handle_unknown == "use_encoded_value" and np.isnan(step.unknown_value)
    if not is_missing or getattr(step, "_infrequent_enabled", False):
        raise CompileError(
            "an OrdinalEncoder must give unseen categories the code for missing. "
            "Set handle_unknown='use_encoded_value' and unknown_value=nan, and "
            "leave min_frequency and max_categories unset."
        )


def _require_plain_one_hot(step: Any) -> None:
    if step.handle_unknown != "ignore" or step.drop is not None or getattr(step, "_infrequent_enabled", False):
        raise CompileError(
            "a OneHotEncoder must give unseen categories no column. Set handle_unknown='ignore', and leave drop, "
            "min_frequency and max_categories unset."
        )
