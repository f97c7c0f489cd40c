"""Rare categories in one: a transformer that renames every text that is not to be kept."""

from __future__ import annotations

import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin


class RareCategories(TransformerMixin, BaseEstimator):
    """Gives the name ``rest`` to every text of a column that is none of its ``kept`` ones; missing stays missing.

    ``kept``: for each column the texts that stay, or None for a column that stays as it is. Which are kept was counted
    before, on the training set, so nothing is learnt here and a text that training never saw is one of the rest.
    """

    def __init__(self, kept: list[list[str] | None], rest: str) -> None:
        self.kept = kept
        self.rest = rest

    def fit(self, X: pd.DataFrame, y: object = None) -> RareCategories:
        """Remember the columns of ``X`` (n, F)."""
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """``X`` (n, F) with the texts that are not kept renamed."""
        return pd.DataFrame(
            {
                name: X[name] if kept is None else X[name].where(X[name].isin(kept) | X[name].isna(), self.rest)
                for name, kept in zip(X.columns, self.kept, strict=True)
            },
            index=X.index,
        )
