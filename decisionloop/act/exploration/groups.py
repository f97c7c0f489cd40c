"""Protected groups of a batch, counted by combination, and how exploring is kept from falling on one of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from decisionloop.contract import UseCase

Codes = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_ROUNDS = 500
_SLACK = 1e-9


@dataclass(frozen=True)
class Groups:
    """The protected groups of a contract: ``names`` by attribute, the first of each is "", for those of no group."""

    attributes: tuple[str, ...]
    names: tuple[tuple[str, ...], ...]
    smallest: tuple[int, ...]

    @classmethod
    def of(cls, use_case: UseCase) -> Groups:
        """Those that the contract protects."""
        protected = use_case.protected
        return cls(
            tuple(one.name for one in protected),
            tuple(("", *one.groups) for one in protected),
            tuple(one.minimum_group_size for one in protected),
        )

    @property
    def shape(self) -> tuple[int, ...]:
        """How many groups each attribute has, the one of nobody's included."""
        return tuple(len(names) for names in self.names)

    @property
    def combinations(self) -> int:
        """How many combinations of groups there are, at least 1."""
        return math.prod(self.shape)

    def combination(self, frame: pd.DataFrame) -> Codes:
        """The combination (n,) that each row of the canonical ``frame`` belongs to."""
        code = np.zeros(len(frame), dtype=np.int64)
        for attribute, names in zip(self.attributes, self.names, strict=True):
            found = pd.Index(names[1:]).get_indexer(pd.Index(frame[attribute].astype("str"))) + 1
            code = code * len(names) + found
        return code

    def by_group(self, of_combination: Floats) -> tuple[Floats, ...]:
        """A quantity of each combination (C,) summed by group, an array an attribute."""
        table = of_combination.reshape(self.shape or (1,))
        axes = range(len(self.shape))
        return tuple(table.sum(axis=tuple(other for other in axes if other != axis)) for axis in axes)

    def of_combination(self, scales: tuple[Floats, ...]) -> Floats:
        """The product (C,) of what belongs to the groups of each combination."""
        product = np.ones(1)
        for scale in scales:
            product = np.multiply.outer(product, scale).ravel()
        return product


def fair_scales(
    groups: Groups, rows: Floats, explored: Callable[[Floats], Floats], largest_ratio: float
) -> tuple[Floats, ...]:
    """By what each group's chances of being explored are multiplied, an array in [0, 1] an attribute.

    No group's explored share is then more than ``largest_ratio`` times that of everybody. To take from one group
    lowers everybody's share too, so it is done again until it holds.

    Args:
        rows: decisions of each combination (C,).
        explored: expected explored decisions (C,), given by what the chances of each combination (C,) are multiplied.
    """
    scales = tuple(np.ones(size) for size in groups.shape)
    of_group = groups.by_group(rows)
    for last in range(_ROUNDS + 1):
        now = explored(groups.of_combination(scales))
        share = float(now.sum()) / max(float(rows.sum()), 1.0)
        is_over_anywhere = False
        for place, (some, many, size) in enumerate(zip(groups.by_group(now), of_group, groups.smallest, strict=True)):
            own = np.divide(some, many, out=np.zeros(len(many)), where=many > 0)
            is_judged = (many >= size) & (np.arange(len(many)) > 0)
            is_over = is_judged & (own > largest_ratio * share * (1 + _SLACK))
            if is_over.any():
                is_over_anywhere = True
                kept = np.divide(largest_ratio * share, own, out=np.ones(len(own)), where=is_over)
                scales[place][is_over] *= 0.0 if last == _ROUNDS else kept[is_over]
        if not is_over_anywhere:
            break
    return scales
