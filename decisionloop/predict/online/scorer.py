"""One decision at a time, in process: a row's score, its shadows' scores and its reasons, in microseconds.

Results are those of the batch path on the same row, to the last bit and byte. Everything is prepared when a scorer
is made, so that nothing is derived or compiled at the first request. Scorers may be used by many threads at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from decisionloop.predict.online.engines import (
    CompiledEncoder,
    CompiledTrees,
    PlainEncoder,
    RowEncoder,
    RowTables,
    row_tables,
)
from decisionloop.predict.online.pipeline import PipelineRow
from decisionloop.predict.online.rows import Row, RowReader
from decisionloop.predict.online.score_cache import CachedScore, ScoreCache
from decisionloop.predict.online.two_part import TwoPartRow
from decisionloop.predict.reasons.codes import ReasonCatalogue, ReasonWriter
from decisionloop.predict.release_model import ACTION_COLUMN, CLASS_COLUMN
from decisionloop.predict.scorer.engine import EngineName, resolve_engine, row_kernels

if TYPE_CHECKING:
    from decisionloop.predict.release_model import ReleaseScorer
    from decisionloop.predict.scorer.scorer import CompiledScorer

_LARGEST_EXPONENT = 709.0


class Explained(NamedTuple):
    """A score and its reason codes as they are stored."""

    score: float
    reasons: str


class ShadowScore(NamedTuple):
    """What a shadow said, or why it said nothing; it changes nothing but its own record."""

    score: float | None
    error: str | None = None


class ScoredRow(NamedTuple):
    """What is needed to decide and to log: the score, its reasons if asked for, and every shadow's score by name."""

    score: float
    reasons: str | None
    shadows: Mapping[str, ShadowScore]


class AnswersRows(Protocol):
    """A scorer for one row at a time; ``prepare`` makes of a row what the other two take."""

    digest: str
    features: tuple[str, ...]

    def prepare(self, row: Row) -> Any: ...
    def score(self, row: Row) -> float: ...
    def score_of(self, prepared: Any) -> float: ...
    def margin_of(self, prepared: Any) -> float: ...
    def contributions_of(self, prepared: Any) -> np.ndarray: ...


class RowScorer:
    """A compiled scorer for one row at a time, without cache, reasons or shadows."""

    def __init__(self, scorer: CompiledScorer, engine: EngineName = "auto") -> None:
        is_compiled = resolve_engine(engine) == "numba"
        self.digest, self.features = scorer.digest, scorer.features
        self._is_logit = scorer.link == "logit"
        self._read = RowReader(scorer.bins)
        self._tables = row_tables(scorer.tables, is_compiled)
        encoder = CompiledEncoder if is_compiled else PlainEncoder
        self._encode: RowEncoder = encoder(scorer.bins, self._read.order)
        self._direct = _direct(self._encode, self._tables)

    def score(self, row: Row) -> float:
        """The score of one row; raises UsageError naming a feature that it lacks or that is not of its type."""
        values = self._read.values(row)
        if self._direct is not None:
            kernel, arguments = self._direct
            return self._linked(kernel(values, *arguments))
        return self.score_of(self._encode.codes(values))

    def prepare(self, row: Row) -> np.ndarray:
        """The codes (F,) of one row; raises UsageError as `score`."""
        return self._encode.codes(self._read.values(row))

    def score_of(self, codes: np.ndarray) -> float:
        """The score of one coded row (F,)."""
        return self._linked(self._tables.margin(codes))

    def margin_of(self, codes: np.ndarray) -> float:
        """The margin of one coded row (F,)."""
        return self._tables.margin(codes)

    def contributions_of(self, codes: np.ndarray) -> np.ndarray:
        """Exact Shapley values (F,) of one coded row (F,)."""
        return self._tables.contributions(codes)

    def _linked(self, margin: float) -> float:
        if not self._is_logit:
            return margin
        if margin < -_LARGEST_EXPONENT:
            with np.errstate(over="ignore"):
                return float(1.0 / (1.0 + np.exp(-margin)))
        return float(1.0 / (1.0 + np.exp(-margin)))  # numpy's own exponential, as in a batch


class OnlineScorer:
    """Scores and explains one row at a time with a release's leading scorer, its shadows beside it.

    ``shadows``: the leading scorers of releases in shadow, by name. ``cache``: answers known from equal rows, of this
    scorer and any other; it never changes a result. Where the action is a model input the row names it as `action`;
    it is never a reason. A release that decides with its pipeline is answered too, by frames of one row: in
    milliseconds, with approximate reasons, and without the cache. Nor does an amount in two parts use the cache, and
    its reasons are approximate too.
    """

    def __init__(
        self,
        scorer: ReleaseScorer,
        catalogue: ReasonCatalogue,
        count: int = 3,
        shadows: Mapping[str, ReleaseScorer] | None = None,
        cache: ScoreCache | None = None,
        engine: EngineName = "auto",
    ) -> None:
        self._row = row_scorer(scorer, engine)
        is_compiled = isinstance(self._row, RowScorer)
        self._cache = cache if cache is not None and cache.capacity and is_compiled else None
        self._shadows = {name: row_scorer(one, engine) for name, one in (shadows or {}).items()}
        kept = [i for i, name in enumerate(scorer.features) if name not in (ACTION_COLUMN, CLASS_COLUMN)]
        features = tuple(scorer.features[i] for i in kept)
        self._kept = None if len(kept) == len(scorer.features) else np.array(kept, dtype=np.intp)
        self._writer = ReasonWriter(features, catalogue.of(features), count, resolve_engine(engine), is_compiled)
        self._writer.text(np.zeros(len(features)))  # loads what it needs now

    @property
    def features(self) -> tuple[str, ...]:
        """What a row must hold."""
        return self._row.features

    def score(self, row: Row) -> float:
        """The score of one row: a probability, or an amount.

        None and NaN mean missing. Raises UsageError naming a feature that the row lacks or that is not of its type.
        """
        if self._cache is None:
            return self._row.score(row)
        codes = self._row.prepare(row)
        key = codes.tobytes()
        known = self._cache.find(self._row.digest, key)
        if known is None:
            known = CachedScore(self._row.score_of(codes))
            self._cache.keep(self._row.digest, key, known)
        return known.score

    def explain(self, row: Row) -> Explained:
        """The score and the reason codes of one row; raises UsageError as `score`."""
        prepared = self._row.prepare(row)
        if self._cache is None:
            return self._explained(prepared)
        key = prepared.tobytes()
        known = self._cache.find(self._row.digest, key, has_reasons=True)
        if known is not None and known.reasons is not None:
            return Explained(known.score, known.reasons)
        found = self._explained(prepared)
        self._cache.keep(self._row.digest, key, CachedScore(*found))
        return found

    def answer(self, row: Row, has_reasons: bool = True) -> ScoredRow:
        """The score with every shadow's beside it, and the reasons if asked for; raises UsageError as `score`."""
        score, reasons = self.explain(row) if has_reasons else (self.score(row), None)
        return ScoredRow(score, reasons, {name: _shadow(one, row) for name, one in self._shadows.items()})

    def _explained(self, prepared: Any) -> Explained:
        contributions = self._row.contributions_of(prepared)
        if self._kept is not None:
            contributions = contributions[self._kept]
        return Explained(self._row.score_of(prepared), self._writer.text(contributions))


def row_scorer(scorer: ReleaseScorer, engine: EngineName = "auto") -> AnswersRows:
    """A release's scorer for one row at a time, whether it is compiled, the pipeline itself, or two in one."""
    from decisionloop.predict.pipeline_model import PipelineScorer
    from decisionloop.predict.scorer.scorer import CompiledScorer
    from decisionloop.predict.two_part import TwoPartScorer

    if isinstance(scorer, TwoPartScorer):
        return TwoPartRow(scorer, [row_scorer(part, engine) for part in scorer.parts])
    if isinstance(scorer, PipelineScorer):
        return PipelineRow(scorer)
    assert isinstance(scorer, CompiledScorer)  # there is no other kind
    return RowScorer(scorer, engine)


def _shadow(scorer: AnswersRows, row: Row) -> ShadowScore:
    try:
        return ShadowScore(scorer.score(row))
    except Exception as failure:  # a shadow must not touch a customer, whatever fails in it
        return ShadowScore(None, f"{type(failure).__name__}: {failure}")


def _direct(encode: RowEncoder, tables: RowTables) -> tuple[Callable[..., float], tuple[Any, ...]] | None:
    """One compiled call from values to the margin, and its arguments after them; None where there is none."""
    if not (isinstance(encode, CompiledEncoder) and isinstance(tables, CompiledTrees)) or tables.is_empty:
        return None
    return row_kernels().trees_score, (*encode.arguments, *tables.trees)
