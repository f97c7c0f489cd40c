"""What a release has seen of every feature: its range or its categories. A row beyond it is a guess of the model."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import pandas as pd

from decisionloop.contract import UseCase


@dataclass(frozen=True)
class Support:
    """Smallest and largest value of each numeric model input, and the values seen of each category."""

    ranges: dict[str, tuple[float, float]]
    categories: dict[str, tuple[str, ...]]

    @classmethod
    def of(cls, use_case: UseCase, frame: pd.DataFrame) -> Support:
        """The support of a canonical ``frame``, for instance of a training set. A feature never known has none."""
        ranges, categories = {}, {}
        for feature in use_case.model_inputs:
            values = frame[feature.name].dropna()
            if feature.type == "category":
                categories[feature.name] = tuple(sorted(values.unique().tolist()))
            elif len(values):
                ranges[feature.name] = (float(values.min()), float(values.max()))
        return cls(ranges, categories)

    def is_outside(self, frame: pd.DataFrame) -> np.ndarray:
        """True (n,) for rows of the canonical ``frame`` with a value beyond it; missing values are not."""
        outside = np.zeros(len(frame), dtype=bool)
        for name, (low, high) in self.ranges.items():
            values = frame[name].to_numpy(dtype=np.float64)
            outside |= (values < low) | (values > high)
        for name, seen in self.categories.items():
            outside |= (frame[name].notna() & ~frame[name].isin(seen)).to_numpy()
        return outside

    def to_json(self) -> str:
        """Compact text; :meth:`from_json` reads it."""
        return json.dumps([self.ranges, self.categories], separators=(",", ":"), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Support:
        """The support that :meth:`to_json` wrote."""
        ranges, categories = json.loads(text)
        return cls(
            {name: (low, high) for name, (low, high) in ranges.items()},
            {name: tuple(seen) for name, seen in categories.items()},
        )
