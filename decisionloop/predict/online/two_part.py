"""One row for an amount in two parts: each part is asked for its own, and the results are those of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from decisionloop.predict.online.rows import Row, read_one_by_one
from decisionloop.predict.release_model import CLASS_COLUMN
from decisionloop.predict.two_part import PartsOfRows, TwoPartScorer

if TYPE_CHECKING:
    from decisionloop.predict.online.scorer import AnswersRows


class PreparedParts(NamedTuple):
    """What each part takes for a row, ``size`` last, and whether its class lets the amount be other than zero."""

    parts: tuple[Any, ...]
    is_possible: bool


class TwoPartRow:
    """A scorer of two parts for one row at a time; ``parts`` are the rows' scorers of its parts, in their order."""

    def __init__(self, scorer: TwoPartScorer, parts: Sequence[AnswersRows]) -> None:
        self.digest, self.features = scorer.digest, scorer.features
        self._scorer, self._size = scorer, parts[-1]
        self._occurs = parts[0] if scorer.occurs is not None else None
        self._parts = tuple(parts)

    def prepare(self, row: Row) -> PreparedParts:
        """What the parts take; raises UsageError naming a feature that the row lacks or that is not of its type."""
        zero_class, is_possible = self._scorer.zero_class, True
        if zero_class is not None:
            is_possible = read_one_by_one(row, [CLASS_COLUMN], [])[0] != zero_class
        return PreparedParts(tuple(part.prepare(row) for part in self._parts), is_possible)

    def score(self, row: Row) -> float:
        """The expected amount of one row; raises UsageError as `prepare`."""
        return self.score_of(self.prepare(row))

    def score_of(self, prepared: PreparedParts) -> float:
        """The expected amount of a prepared row."""
        if not prepared.is_possible:
            return 0.0
        size = self._size.score_of(prepared.parts[-1])
        return size if self._occurs is None else self._occurs.score_of(prepared.parts[0]) * size

    def margin_of(self, prepared: PreparedParts) -> float:
        """The same: the margin is the amount."""
        return self.score_of(prepared)

    def contributions_of(self, prepared: PreparedParts) -> np.ndarray:
        """What each feature contributes (F,) to a prepared row; an approximation."""
        occurs, first, last = self._occurs, prepared.parts[0], prepared.parts[-1]
        told = PartsOfRows(
            chance=np.array([1.0 if occurs is None else occurs.score_of(first)]),
            log_odds=None if occurs is None else np.array([occurs.margin_of(first)]),
            size=np.array([self._size.score_of(last)]),
            of_occurs=None if occurs is None else occurs.contributions_of(first)[None, :],
            of_size=self._size.contributions_of(last)[None, :],
        )
        return self._scorer.of_product(told, np.array([prepared.is_possible]))[0]
