"""What the contract wants of its number features, side by side: a few rows are held against it again and again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from decisionloop.contract.problem import Feature

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class NumberFeatures:
    """The K features that are numbers, with their positions in the contract, and what is wanted of each, (K, 1).

    ``least`` and ``most`` are infinite where anything is admissible.
    """

    features: tuple[tuple[int, Feature], ...]
    is_needed: Flags
    is_whole: Flags
    is_boolean: Flags
    least: npt.NDArray[np.float64]
    most: npt.NDArray[np.float64]

    @classmethod
    def of(cls, features: Sequence[Feature]) -> NumberFeatures:
        """Those of all features of a contract."""
        kept = tuple((place, one) for place, one in enumerate(features) if one.type != "category")
        ranges = np.array([one.range or (-np.inf, np.inf) for _, one in kept], dtype=np.float64).reshape(-1, 2)
        return cls(
            kept,
            np.array([[not one.is_nullable] for _, one in kept], dtype=bool),
            np.array([[one.type == "integer"] for _, one in kept], dtype=bool),
            np.array([[one.type == "boolean"] for _, one in kept], dtype=bool),
            ranges[:, :1],
            ranges[:, 1:],
        )
