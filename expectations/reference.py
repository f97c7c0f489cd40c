"""What accepted batches looked like: the yardstick for missing values, categories and constant columns."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from math import exp, lgamma, sqrt
from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel, ConfigDict

from decisionloop.errors import UsageError
from expectations.column_engine import as_codes
from expectations.several_values import values_seen

if TYPE_CHECKING:
    import pandas as pd

    from decisionloop.contract import UseCase

PRACTICALLY_IMPOSSIBLE = 1e-6
BY_CHANCE, _Z, _MANY = 1e-4, 3.72, 10_000
"""What chance exceeds so often is no finding; the normal quantile of it, and rows from which that is near enough."""


class BatchReference(BaseModel):
    """Shares over ``rows`` rows of accepted batches; ``model_dump_json`` and ``model_validate_json`` store it.

    ``null_shares``: feature to share of rows without a value. ``category_shares``: category feature to declared
    category to share of rows. ``is_constant``: feature to whether every batch showed at most one value. ``only``:
    for features that showed one value, a fingerprint of it, which tells whether parts of a batch showed the same.
    ``usual``, in a reference of several batches: the categories that at least half of them showed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: int
    null_shares: dict[str, float]
    category_shares: dict[str, dict[str, float]]
    is_constant: dict[str, bool]
    only: dict[str, str] = {}
    usual: dict[str, tuple[str, ...]] = {}


def reference_of(frame: pd.DataFrame, use_case: UseCase) -> BatchReference:
    """The reference of one accepted canonical frame. Raises UsageError for an empty one."""
    if len(frame) == 0:
        raise UsageError("an empty batch cannot be a reference. Take it from a batch that was accepted.")
    present = [feature for feature in use_case.features if feature.name in frame.columns]
    return BatchReference(
        rows=len(frame),
        null_shares={f.name: float(frame[f.name].isna().mean()) for f in present},
        category_shares={f.name: _shares(frame[f.name], f.categories) for f in present if f.type == "category"},
        is_constant={f.name: values_seen(frame[f.name]) < 2 for f in present},
        only={f.name: single for f in present if (single := only_value(frame[f.name]))},
    )


def only_value(column: pd.Series) -> str:
    """A fingerprint of the one value that a column shows; "" where it shows none or several."""
    if values_seen(column) != 1:
        return ""
    value = column[column.notna()].iloc[0]
    text = repr(value + 0.0) if isinstance(value, float) else repr(value)  # -0.0 and 0.0 are one value
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def merge_parts(parts: Sequence[BatchReference]) -> BatchReference | None:
    """The reference of one batch from those of its parts; None where it has no rows.

    What is constant in every part is constant in the batch only if they all show the same value.
    """
    merged = merge(parts)
    if merged is None:
        return None
    shown = {name: {part.only[name] for part in parts if name in part.only} for name in merged.is_constant}
    is_constant = {name: is_one and len(shown[name]) < 2 for name, is_one in merged.is_constant.items()}
    only = {name: values.pop() for name, values in shown.items() if is_constant[name] and values}
    return merged.model_copy(update={"is_constant": is_constant, "only": only, "usual": {}})


def merge(references: Sequence[BatchReference]) -> BatchReference | None:
    """One reference for several batches, weighted by their rows; None when there is none yet."""
    if not references:
        return None
    return BatchReference(
        rows=sum(reference.rows for reference in references),
        null_shares=_averages(references, lambda r: r.null_shares),
        category_shares={
            name: _averages([r for r in references if name in r.category_shares], _category_shares(name))
            for name in _names(references, lambda r: r.category_shares)
        },
        is_constant={
            name: all(r.is_constant.get(name, True) for r in references)
            for name in _names(references, lambda r: r.is_constant)
        },
        usual={
            name: _usual([r.category_shares[name] for r in references if name in r.category_shares])
            for name in _names(references, lambda r: r.category_shares)
        },
    )


def _usual(shares: Sequence[Mapping[str, float]]) -> tuple[str, ...]:
    """The categories that at least half of these batches showed: one that came once is not missed."""
    names = dict.fromkeys(name for one in shares for name in one)
    return tuple(name for name in names if 2 * sum(one.get(name, 0.0) > 0 for one in shares) >= len(shares))


def chance_share(share: float, reference_rows: int, rows: int) -> float:
    """The share of ``rows`` rows that chance exceeds in one batch of 10,000, of what has ``share`` in the reference.

    By the posterior predictive of `absence_probability`; of many rows by its normal limit.
    """
    if rows > _MANY:
        return min(1.0, share + _Z * sqrt(share * (1 - share) * (1 / rows + 1 / reference_rows)))
    from scipy.special import betaln, gammaln  # light, and loaded already wherever a model is

    seen, unseen, counts = share * reference_rows + 0.5, (1 - share) * reference_rows + 0.5, np.arange(rows + 1)
    ways = gammaln(rows + 1) - gammaln(counts + 1) - gammaln(rows - counts + 1)
    chances = np.exp(ways + betaln(seen + counts, unseen + rows - counts) - betaln(seen, unseen))
    above = np.cumsum(chances[::-1])[::-1] - chances
    return int(np.argmax(above <= BY_CHANCE)) / max(rows, 1)


def absence_probability(share: float, reference_rows: int, rows: int) -> float:
    """Probability that ``rows`` rows show none of what made up ``share`` of ``reference_rows`` rows.

    The posterior predictive of the beta-binomial with Jeffreys' prior, so a share known from few rows is not taken
    at its word. Tends to (1 - share) ** rows as the reference grows.
    """
    seen = share * reference_rows + 0.5
    unseen = (1 - share) * reference_rows + 0.5
    total = seen + unseen
    return exp(lgamma(unseen + rows) - lgamma(unseen) + lgamma(total) - lgamma(total + rows))


def expected_categories(reference: BatchReference, feature: str, rows: int) -> tuple[str, ...]:
    """Usual categories whose absence from a batch of ``rows`` rows would be practically impossible."""
    shares = reference.category_shares.get(feature, {})
    usual = reference.usual.get(feature, tuple(shares))
    return tuple(
        category
        for category, share in shares.items()
        if category in usual and absence_probability(share, reference.rows, rows) < PRACTICALLY_IMPOSSIBLE
    )


def _shares(column: pd.Series, categories: Sequence[str]) -> dict[str, float]:
    counts = as_codes(column).value_counts(sort=False)
    return {category: float(counts.get(category, 0) / len(column)) for category in categories}


def _names(references: Sequence[BatchReference], part: Callable[[BatchReference], Mapping[str, object]]) -> list[str]:
    return list(dict.fromkeys(name for reference in references for name in part(reference)))


def _category_shares(feature: str) -> Callable[[BatchReference], Mapping[str, float]]:
    return lambda reference: reference.category_shares[feature]


def _averages(
    references: Sequence[BatchReference], part: Callable[[BatchReference], Mapping[str, float]]
) -> dict[str, float]:
    averages = {}
    for name in _names(references, part):
        # A batch from before the contract declared this name says nothing about it.
        knowing = [(r.rows, part(r)[name]) for r in references if name in part(r)]
        # Shares are of whole rows; counted again they are those of all rows at once, to the last bit.
        averages[name] = sum(round(rows * share) for rows, share in knowing) / sum(rows for rows, _ in knowing)
    return averages
