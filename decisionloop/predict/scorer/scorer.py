"""The compiled scorer: exact scores and exact reasons from tables. It needs no scikit-learn and no pickle."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decisionloop.errors import IntegrityError
from decisionloop.predict.few_rows import once
from decisionloop.predict.scorer import binary
from decisionloop.predict.scorer.binary import FeatureHeader, Header, Link, Reference
from decisionloop.predict.scorer.codes import Bins, CategoryBins, NumericBins, encode_frame
from decisionloop.predict.scorer.engine import EngineName, kernels, resolve_engine, table_kernels
from decisionloop.predict.scorer.few_codes import encode_few
from decisionloop.predict.scorer.flat import FlatBins, flat_bins
from decisionloop.predict.scorer.scorecard import ScorecardTables
from decisionloop.predict.scorer.trees import TreeTables

_TREE_ARRAYS = ("leaves", "shape", "feature", "threshold", "left", "value", "cover")
_SCORECARD_ARRAYS = ("points", "mean")


@dataclass(frozen=True, eq=False)
class CompiledScorer:
    """A trained model as tables: ``bins`` turn values into codes, ``tables`` turn codes into margins.

    Frames need one column per feature (numbers as float64 with NaN, categories as text); others are ignored.
    All methods keep the frame's row order.
    """

    bins: tuple[Bins, ...]
    link: Link
    tables: TreeTables | ScorecardTables
    contract_version: str = ""
    reference: Reference = field(default_factory=Reference)
    engine: EngineName = "auto"
    threads: int = 1

    def on(self, engine: EngineName = "auto", threads: int = 1) -> CompiledScorer:
        """This scorer on another engine and with other threads; tables that were derived already are shared.

        Raises ConfigurationError when numba is asked for and not installed.
        """
        resolve_engine(engine)
        return replace(self, engine=engine, threads=threads)

    def prepare(self, is_explaining: bool = True) -> CompiledScorer:
        """Load the engine and derive the tables now, so that the first row does not wait for them."""
        if (engine := resolve_engine(self.engine)) == "numba":
            kernels()
            table_kernels()
        if isinstance(self.tables, TreeTables):
            _ = self.tables.flat
            if is_explaining:
                self.tables.shapley(engine)
        return self

    @property
    def features(self) -> tuple[str, ...]:
        """The F feature names, in the order of the columns that the model was trained on."""
        return tuple(item.name for item in self.bins)

    @cached_property
    def base_margin(self) -> float:
        """Expected margin over the training reference; contributions are differences from it."""
        return self.tables.base_margin

    @cached_property
    def flat_bins(self) -> FlatBins:
        """The bins as arrays, for kernels."""
        return flat_bins(self.bins)

    def codes(self, frame: pd.DataFrame) -> NDArray[np.uint8]:
        """Codes (F, n) of the frame's rows. Raises UsageError naming a column that is missing or not a number."""
        return once(frame, self.bins, lambda: self._encoded(frame))

    def _encoded(self, frame: pd.DataFrame) -> NDArray[np.uint8]:
        is_numba = resolve_engine(self.engine, len(frame)) == "numba"
        few = encode_few(self.bins, self.flat_bins, frame) if is_numba else None
        return encode_frame(self.bins, frame, self.engine, self.threads) if few is None else few

    def margin(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """Margins (n,): log-odds for link "logit", the amount itself for "identity"."""
        return self.margin_of(self.codes(frame))

    def score(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """Scores (n,): the probability of class 1 for link "logit", the expected amount for "identity"."""
        return self.score_of(self.codes(frame))

    def contributions(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """Exact Shapley values (n, F) on the margin scale: with ``base_margin`` they sum to the row's margin."""
        return self.contributions_of(self.codes(frame))

    def margin_of(self, codes: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Margins (n,) of coded rows (F, n)."""
        return self.tables.margin(codes, self.engine, self.threads)

    def score_of(self, codes: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Scores (n,) of coded rows (F, n)."""
        margin = self.margin_of(codes)
        if self.link == "identity":
            return margin
        with np.errstate(over="ignore"):  # exp(-margin) may be infinite, and the probability is then exactly 0
            return 1.0 / (1.0 + np.exp(-margin))

    def contributions_of(self, codes: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Shapley values (n, F) of coded rows (F, n)."""
        return self.tables.contributions(codes, self.engine, self.threads)

    def to_bytes(self) -> bytes:
        """The scorer as a file (``binary`` documents the format); equal scorers give equal bytes."""
        edges = [item.edges for item in self.bins if isinstance(item, NumericBins)]
        arrays = {"edges": np.concatenate([np.empty(0), *edges])}
        names = _TREE_ARRAYS if isinstance(self.tables, TreeTables) else _SCORECARD_ARRAYS
        arrays |= {name: getattr(self.tables, name) for name in names}
        return binary.write(self._header(), arrays)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the bytes, in hexadecimal."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    @classmethod
    def from_bytes(cls, data: bytes) -> CompiledScorer:
        """Read a scorer. Raises IntegrityError when the bytes are damaged, cut short or of another format."""
        header, arrays = binary.read(data)
        try:
            bins = _read_bins(header.features, arrays["edges"])
            tables = _read_tables(header, arrays, bins)
        except KeyError as error:
            raise IntegrityError(
                f"the compiled scorer lacks the array {error}. Compile the release again from its pipeline."
            ) from error
        return cls(bins, header.link, tables, header.contract_version, header.reference)

    def _header(self) -> Header:
        features = tuple(
            FeatureHeader(name=item.name, categories=item.categories, has_rest=item.has_rest)
            if isinstance(item, CategoryBins)
            else FeatureHeader(name=item.name, edges=len(item.edges))
            for item in self.bins
        )
        is_trees = isinstance(self.tables, TreeTables)
        return Header(
            version=binary.VERSION,
            kind="trees" if is_trees else "scorecard",
            link=self.link,
            baseline=self.tables.baseline if isinstance(self.tables, TreeTables) else self.tables.intercept,
            features=features,
            contract_version=self.contract_version,
            reference=self.reference,
        )


def _read_bins(features: tuple[FeatureHeader, ...], edges: np.ndarray) -> tuple[Bins, ...]:
    bins: list[Bins] = []
    start = 0
    for feature in features:
        if feature.categories is not None:
            bins.append(CategoryBins(feature.name, feature.categories, feature.has_rest))
        else:
            stop = start + (feature.edges or 0)
            bins.append(NumericBins(feature.name, edges[start:stop]))
            start = stop
    return tuple(bins)


def _read_tables(
    header: Header, arrays: Mapping[str, np.ndarray], bins: tuple[Bins, ...]
) -> TreeTables | ScorecardTables:
    if header.kind == "trees":
        sizes = tuple(item.size for item in bins)
        return TreeTables(header.baseline, sizes, **{name: arrays[name] for name in _TREE_ARRAYS})
    return ScorecardTables(header.baseline, **{name: arrays[name] for name in _SCORECARD_ARRAYS})
