"""What a model expects of every action: the arrays that PREDICT hands to ACT and LEARN."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from decisionloop.errors import DecisionLoopError

if TYPE_CHECKING:
    from decisionloop.contract import UseCase

_ROUNDING = 1e-9


class PredictionsError(DecisionLoopError):
    """Predictions have the wrong shape or impossible values."""


@dataclass(frozen=True)
class Predictions:
    """Predictions of n rows under A actions (contract order), with C = 2 if the outcome has a class else 1.

    ``probability`` (n, A): P(class = 1 | x, a). ``amount`` (n, A, C): E[amount | x, a, class = c], in the
    amount's unit. NaN where an action has no prediction. Raises PredictionsError for anything else.
    """

    probability: np.ndarray | None
    amount: np.ndarray | None

    def __post_init__(self) -> None:
        if self.probability is None and self.amount is None:
            raise PredictionsError("predictions hold neither a probability nor an amount. Give at least one.")
        self._check_dimensions()
        self._check_values()

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and actions (n, A)."""
        known = self.probability if self.probability is not None else self.amount
        assert known is not None  # held by __post_init__
        return known.shape[0], known.shape[1]

    def rows(self, keep: np.ndarray | slice) -> Predictions:
        """The predictions of some of the rows: a mask (n,), positions or a slice."""
        pick = [None if part is None else part[keep] for part in (self.probability, self.amount)]
        return Predictions(*pick)

    def replaced(self, where: np.ndarray, other: Predictions) -> Predictions:
        """These, but ``other``'s of the same rows where the mask (n,) says so."""
        rows = np.flatnonzero(where)
        parts = [None if part is None else part.copy() for part in (self.probability, self.amount)]
        for part, theirs in zip(parts, (other.probability, other.amount), strict=True):
            if part is not None and theirs is not None:
                part[rows] = theirs[rows]
        return Predictions(*parts)

    def require(self, use_case: UseCase, rows: int) -> None:
        """Raise PredictionsError unless these are predictions of ``rows`` rows for this contract."""
        wanted = (rows, len(use_case.actions))
        if self.shape != wanted:
            raise PredictionsError(
                f"predictions have shape {self.shape}; the batch under contract {use_case.name} want {wanted}. "
                "Score the same frame under the same contract."
            )
        outcome = use_case.outcome
        for name, part, values in (
            ("probability", outcome.class_, self.probability),
            ("amount", outcome.amount, self.amount),
        ):
            if (part is None) != (values is None):
                has, lacks = ("has", "are missing") if part else ("has no", "are given")
                raise PredictionsError(
                    f"the outcome of {use_case.name} {has} {'class' if name == 'probability' else name} "
                    f"but predictions of it {lacks}. Train the release under this contract."
                )

    def _check_dimensions(self) -> None:
        if self.probability is not None and self.probability.ndim != 2:
            raise PredictionsError(f"probability has shape {self.probability.shape}; give (rows, actions).")
        if self.amount is None:
            return
        if self.amount.ndim != 3:
            raise PredictionsError(f"amount has shape {self.amount.shape}; give (rows, actions, classes).")
        classes = 1 if self.probability is None else 2
        if self.amount.shape != (*self.shape, classes):
            raise PredictionsError(f"amount has shape {self.amount.shape}; give {(*self.shape, classes)}.")

    def _check_values(self) -> None:
        p = self.probability
        if p is not None and ((p < -_ROUNDING) | (p > 1 + _ROUNDING)).any():
            raise PredictionsError(
                f"probabilities lie between {np.nanmin(p):g} and {np.nanmax(p):g}. "
                "Give probabilities in [0, 1], not margins."
            )
        if self.amount is not None and np.isinf(self.amount).any():
            raise PredictionsError("an expected amount is infinite. Use NaN where an action has no prediction.")
