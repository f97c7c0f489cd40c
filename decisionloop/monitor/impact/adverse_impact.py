"""Adverse impact: how often each group gets the favourable action, against the best and the reference group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from decisionloop.errors import UsageError


@dataclass(frozen=True)
class Ratio:
    """A ratio of selection rates with its interval; None together, and a reason, when it cannot be told."""

    value: float | None
    low: float | None
    high: float | None
    reason: str | None = None


@dataclass(frozen=True)
class GroupImpact:
    """One group: n decisions, of which ``favourable_n`` got the favourable action, and its rate ratios.

    ``to_best`` is the adverse impact ratio of the four-fifths rule (29 CFR 1607.4 D); ``to_reference`` is None
    where no reference group was named.
    """

    attribute: str
    group: str
    n: int
    favourable_n: int
    rate: float
    to_best: Ratio
    to_reference: Ratio | None


@dataclass(frozen=True)
class AdverseImpact:
    """The groups of one protected attribute by name. ``unstated_n`` decisions had no group and are left out."""

    attribute: str
    best: str | None
    reference: str | None
    groups: tuple[GroupImpact, ...]
    unstated_n: int
    confidence: float


@dataclass(frozen=True)
class GroupCounts:
    """Decisions ``n`` and ``favourable`` ones of the groups of one attribute; ``unstated_n`` belong to no group."""

    attribute: str
    groups: tuple[str, ...]
    n: tuple[int, ...]
    favourable: tuple[int, ...]
    unstated_n: int = 0

    def counted(self, index: int) -> tuple[int, int]:
        """(favourable, n) of one group."""
        return self.favourable[index], self.n[index]


def adverse_impact(
    attribute: str,
    group: npt.ArrayLike | Sequence[str | None],
    is_favourable: npt.ArrayLike,
    reference: str | None = None,
    minimum_group_size: int = 100,
    confidence: float = 0.95,
) -> AdverseImpact:
    """Selection-rate ratios of the groups (n,) under the flags ``is_favourable`` (n,).

    Groups below ``minimum_group_size`` are counted but get no ratio and cannot be the best. Intervals are those of
    Katz et al. (1978) on the log scale, which take decisions as independent: pass one decision per entity. The
    best group is chosen on the same data, so the others' ratios lean slightly low where groups are small.
    Raises UsageError when lengths differ.
    """
    flags = np.asarray(is_favourable, dtype=bool)
    codes, names = pd.factorize(np.asarray(group, dtype=object), sort=True)
    if codes.shape != flags.shape:
        raise UsageError(f"{attribute}: {codes.size} groups for {flags.size} decisions. Give one group each.")
    is_stated = codes >= 0
    counts = GroupCounts(
        attribute=attribute,
        groups=tuple(str(name) for name in names),
        n=_counted(codes[is_stated], len(names)),
        favourable=_counted(codes[is_stated & flags], len(names)),
        unstated_n=int((~is_stated).sum()),
    )
    return impact_of_counts(counts, reference, minimum_group_size, confidence)


def impact_of_counts(
    counts: GroupCounts, reference: str | None = None, minimum_group_size: int = 100, confidence: float = 0.95
) -> AdverseImpact:
    """The same of decisions that were counted before; see :func:`adverse_impact`."""
    names, size = counts.groups, np.asarray(counts.n, dtype=np.int64)
    rates = np.divide(counts.favourable, size, out=np.zeros(len(names)), where=size > 0)
    is_large = size >= minimum_group_size
    best = int(np.argmax(np.where(is_large, rates, -1.0))) if is_large.any() else None
    wanted = names.index(reference) if reference in names else None

    def ratio(i: int, j: int | None) -> Ratio:
        if not is_large[i]:
            return Ratio(None, None, None, f"the group has fewer than {minimum_group_size} decisions")
        if j is None or not is_large[j]:
            return Ratio(None, None, None, f"the group compared with has fewer than {minimum_group_size} decisions")
        return _ratio(counts.counted(i), counts.counted(j), confidence, is_same=i == j)

    groups = tuple(
        GroupImpact(
            attribute=counts.attribute,
            group=name,
            n=counts.n[i],
            favourable_n=counts.favourable[i],
            rate=float(rates[i]),
            to_best=ratio(i, best),
            to_reference=None if reference is None else ratio(i, wanted),
        )
        for i, name in enumerate(names)
    )
    best_name = None if best is None else names[best]
    return AdverseImpact(counts.attribute, best_name, reference, groups, counts.unstated_n, confidence)


def _counted(codes: npt.NDArray[np.intp], groups: int) -> tuple[int, ...]:
    return tuple(np.bincount(codes, minlength=groups).tolist())


def _ratio(group: tuple[int, int], other: tuple[int, int], confidence: float, is_same: bool) -> Ratio:
    """(favourable, n) of a group against another, with the Katz interval.

    Where a rate is 0 or 1 the variance adds half a success and half a failure to both groups, because the
    plain one would be infinite or falsely 0.
    """
    from scipy.special import ndtri

    (x, n), (y, m) = group, other
    if y == 0:
        return Ratio(None, None, None, "nobody in the group compared with was favoured")
    if is_same:
        return Ratio(1.0, 1.0, 1.0)
    value = (x / n) / (y / m)
    pad = 0.5 if x == 0 or x == n or y == m else 0.0
    a, b, c, d = x + pad, n + 2 * pad, y + pad, m + 2 * pad
    centre = float(np.log(a / b) - np.log(c / d))
    half = float(ndtri((1 + confidence) / 2)) * float(np.sqrt(1 / a - 1 / b + 1 / c - 1 / d))
    low, high = float(np.exp(centre - half)), float(np.exp(centre + half))
    return Ratio(value, 0.0 if x == 0 else min(low, value), max(high, value))
