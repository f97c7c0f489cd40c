"""Profiles of a batch's features: counts in bins that a reference fixed. The profile of two parts is the sum."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from decisionloop.contract import UseCase
from decisionloop.contract.problem import Feature, FeatureType
from decisionloop.errors import UsageError
from decisionloop.monitor.compare.bins import category_counts, number_counts, quantile_edges, range_labels

BINS = 20
"""Quantile bins of a number: a shift is then seen to a twentieth, and 500 rows still fill each bin."""


TRAINING, FIRST_BATCH = "training", "first batch"
"""What a batch is compared with: what the deciding release learnt from or, of rules, which learn nothing, the first
batch that they accepted."""


@dataclass(frozen=True)
class FeatureBins:
    """The cells in which one column is counted: its bins, then (categories only) the unseen, then the missing.

    A category has one bin for each of its ``categories``; any other type has those between ``edges``.
    """

    name: str
    type: FeatureType
    edges: tuple[float, ...] = ()
    categories: tuple[str, ...] = ()

    @property
    def is_category(self) -> bool:
        """Whether values are names, so that some may be unseen."""
        return self.type == "category"

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """Every cell in words, in the order of the counts."""
        if self.is_category:
            return (*self.categories, "not in the contract", "missing")
        if self.type == "boolean":
            return ("no", "yes", "missing")
        return (*range_labels(self.edges, is_whole=self.type == "integer"), "missing")

    def count(self, values: pd.Series) -> tuple[int, ...]:
        """Rows of ``values`` (n,), a column of the canonical frame, in every cell."""
        if self.is_category:
            return tuple(category_counts(values, self.categories).tolist())
        return tuple(number_counts(values.to_numpy(dtype=np.float64), self.edges).tolist())


@dataclass(frozen=True)
class FrameBins:
    """The bins of every feature and protected attribute, in the order of the canonical frame."""

    features: tuple[FeatureBins, ...]

    @cached_property
    def digest(self) -> str:
        """32 hex characters (128 bits of sha256) that tell these bins from all others."""
        content = json.dumps([asdict(one) for one in self.features], ensure_ascii=False)
        return hashlib.sha256(content.encode()).hexdigest()[:32]

    @cached_property
    def by_name(self) -> dict[str, FeatureBins]:
        """The bins of each column."""
        return {one.name: one for one in self.features}


def frame_bins(use_case: UseCase, frame: pd.DataFrame, bins: int = BINS) -> FrameBins:
    """Bins of a canonical reference ``frame``: quantiles of numbers, the contract's categories and groups in order."""
    of_features = [_feature_bins(feature, frame[feature.name], bins) for feature in use_case.features]
    groups = [
        FeatureBins(one.name, "category", categories=tuple(one.groups))
        for one in use_case.protected
        if one.name not in use_case.feature_names
    ]
    return FrameBins((*of_features, *groups))


def _feature_bins(feature: Feature, values: pd.Series, bins: int) -> FeatureBins:
    if feature.type == "category":
        return FeatureBins(feature.name, "category", categories=feature.categories)
    if feature.type == "boolean":
        return FeatureBins(feature.name, "boolean", edges=(0.5,))
    x = values.to_numpy(dtype=np.float64)
    known = x[np.isfinite(x)]
    is_whole = feature.type == "integer" and bool((known == np.floor(known)).all())
    edges = quantile_edges(known, bins, is_whole) if known.size else np.empty(0)
    return FeatureBins(feature.name, "integer" if is_whole else "number", edges=tuple(edges.tolist()))


@dataclass(frozen=True)
class FrameProfile:
    """How many of ``rows`` fell into every cell of every column; ``bins_digest`` names the bins.

    Integers only, so sums are exact: the profile of two parts of a batch is ``part + part``.
    """

    bins_digest: str
    rows: int
    counts: dict[str, tuple[int, ...]]

    @classmethod
    def of(cls, frame: pd.DataFrame, bins: FrameBins) -> FrameProfile:
        """Count a canonical frame. Raises UsageError where a column of the bins is not there."""
        lacking = [name for name in bins.by_name if name not in frame.columns]
        if lacking:
            raise UsageError(f"the frame to profile lacks {', '.join(lacking)}. Give the canonical frame of the batch.")
        counts = {one.name: one.count(frame[one.name]) for one in bins.features}
        return cls(bins.digest, len(frame), counts)

    @classmethod
    def total(cls, profiles: Iterable[FrameProfile]) -> FrameProfile | None:
        """All of them together, None of none. Raises UsageError where their bins differ."""
        whole: FrameProfile | None = None
        for profile in profiles:
            whole = profile if whole is None else whole + profile
        return whole

    def __add__(self, other: FrameProfile) -> FrameProfile:
        """Both together. Raises UsageError where their bins differ."""
        self.require(other.bins_digest)
        counts = {
            name: tuple(mine + theirs for mine, theirs in zip(counts, other.counts[name], strict=True))
            for name, counts in self.counts.items()
        }
        return FrameProfile(self.bins_digest, self.rows + other.rows, counts)

    def require(self, bins_digest: str) -> None:
        """Raises UsageError where this profile was counted in other bins."""
        if self.bins_digest != bins_digest:
            raise UsageError(
                f"a profile in bins {self.bins_digest[:8]} cannot be compared with bins {bins_digest[:8]}. "
                "Profile the batch again in the bins of the reference that judges it."
            )

    def cells(self, name: str) -> npt.NDArray[np.int64]:
        """The counts of one column, (cells,)."""
        return np.array(self.counts[name], dtype=np.int64)

    def to_json(self) -> str:
        """Compact text that ``from_json`` reads back equal."""
        return _compact(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> FrameProfile:
        """What ``to_json`` wrote."""
        return _profile(json.loads(text))


@dataclass(frozen=True)
class Reference:
    """What batches are compared with: the bins, and the counts of the frame that they were made from.

    ``against``: what that frame is, TRAINING or FIRST_BATCH. Whoever reads a reference back knows; it is not kept.
    """

    bins: FrameBins
    profile: FrameProfile
    against: str = TRAINING

    @classmethod
    def of(cls, use_case: UseCase, frame: pd.DataFrame) -> Reference:
        """Bins and profile of a canonical frame, such as a training set."""
        bins = frame_bins(use_case, frame)
        return cls(bins, FrameProfile.of(frame, bins))

    def to_json(self) -> str:
        """Compact text that ``from_json`` reads back equal."""
        return _compact({"bins": asdict(self.bins), "profile": asdict(self.profile)})

    @classmethod
    def from_json(cls, text: str) -> Reference:
        """What ``to_json`` wrote."""
        stored = json.loads(text)
        features = (
            FeatureBins(one["name"], one["type"], tuple(one["edges"]), tuple(one["categories"]))
            for one in stored["bins"]["features"]
        )
        return cls(FrameBins(tuple(features)), _profile(stored["profile"]))


def _profile(stored: dict[str, Any]) -> FrameProfile:
    counts = {name: tuple(cells) for name, cells in stored["counts"].items()}
    return FrameProfile(stored["bins_digest"], stored["rows"], counts)


def _compact(content: dict[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))
