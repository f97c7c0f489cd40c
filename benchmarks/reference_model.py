"""The model that the scorer's figures are about: gradient boosting of 200 trees with 31 leaves on 20 features.

"categorical": 16 numbers, some missing, and 4 categories of 4 to 40 values; "numeric": the same 16 and 4 more numbers.
All drawn with a seed; trained once a run.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from decisionloop.predict.scorer.scorer import CompiledScorer

Kind = Literal["categorical", "numeric"]
KINDS: tuple[Kind, ...] = ("categorical", "numeric")
TREES, LEAVES, NUMBERS, FEATURES = 200, 31, 16, 20
CATEGORY_COUNTS = (4, 8, 16, 40)
TRAINING_ROWS = 40_000
DRAWN_CHECKS, EDGE_CHECKS = 3_000, 1_000
SHARE_MISSING = 0.05


@dataclass(frozen=True)
class ReferenceModel:
    """A trained ``pipeline``, its compiled ``scorer`` (engine "auto", one thread), and new rows to be right on.

    ``check``: DRAWN_CHECKS drawn rows, then EDGE_CHECKS whose numbers all lie on the model's bin edges or one step of
    a double beside.
    """

    kind: Kind
    pipeline: Pipeline
    scorer: CompiledScorer
    check: pd.DataFrame

    def encoded(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """The frame as the boosting itself takes it, (n, F): what a peer is given, outside of the clock."""
        return np.ascontiguousarray(self.pipeline[0].transform(frame), dtype=np.float64)

    def probability(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """What scikit-learn predicts, (n,)."""
        return np.asarray(self.pipeline.predict_proba(frame)[:, 1])


@cache
def reference_model(kind: Kind) -> ReferenceModel:
    """Train and compile it, once in a process."""
    from decisionloop.predict.scorer.compile import compile_pipeline

    training = drawn_rows(TRAINING_ROWS, kind, seed=1)
    pipeline = _untrained(kind).fit(training, _classes(training))
    scorer = compile_pipeline(pipeline, training)
    drawn, moved = drawn_rows(DRAWN_CHECKS, kind, seed=2), _on_edges(scorer, drawn_rows(EDGE_CHECKS, kind, seed=3))
    check = pd.concat([drawn, moved])
    return ReferenceModel(kind, pipeline, scorer, check.reset_index(drop=True))


def second_model(kind: Kind, seed: int = 7) -> CompiledScorer:
    """A shadow of the same size, trained on other rows."""
    from decisionloop.predict.scorer.compile import compile_pipeline

    training = drawn_rows(TRAINING_ROWS, kind, seed)
    return compile_pipeline(_untrained(kind).fit(training, _classes(training)), training)


def drawn_rows(n: int, kind: Kind, seed: int) -> pd.DataFrame:
    """`n` rows: normal numbers, every other feature rounded to two decimals, some missing; then the categories."""
    chance = np.random.default_rng(seed)
    names = number_names(kind)
    numbers = chance.normal(size=(n, len(names)))
    numbers[:, ::2] = numbers[:, ::2].round(2)
    numbers[:, :NUMBERS][chance.random((n, NUMBERS)) < SHARE_MISSING] = np.nan
    frame = pd.DataFrame(numbers, columns=list(names))
    for position, count in enumerate(CATEGORY_COUNTS if kind == "categorical" else ()):
        words = np.array([f"v{value:02d}" for value in range(count)], dtype=object)
        frame[f"category_{position}"] = pd.Series(words[chance.integers(0, count, n)], dtype="str")
    return frame


def number_names(kind: Kind) -> tuple[str, ...]:
    """The numeric features."""
    return tuple(f"number_{i:02d}" for i in range(NUMBERS if kind == "categorical" else FEATURES))


def _classes(frame: pd.DataFrame) -> NDArray[np.int64]:
    """Drawn classes 0 and 1 whose log-odds depend on pairs of features and, where there are any, on categories."""
    x = frame.filter(like="number").fillna(0.0).to_numpy()
    margin = x[:, 0] + np.sin(2 * x[:, 1]) + 0.7 * x[:, 2] * x[:, 3] + np.abs(x[:, 4]) - 0.5 * (x[:, 5] > 0)
    for position in range(4 if "category_0" in frame else 0):
        number = frame[f"category_{position}"].str[1:].astype(int).to_numpy()
        margin += 0.4 * (number * 5 % 7 - 3) * (1 if position % 2 else x[:, 6 + position])
    return (np.random.default_rng(len(frame)).random(len(frame)) < 1 / (1 + np.exp(-margin))).astype(np.int64)


def _untrained(kind: Kind) -> Pipeline:
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OrdinalEncoder

    numbers = list(number_names(kind))
    steps: list[tuple[str, object, list[str]]] = [("numbers", "passthrough", numbers)]
    if kind == "categorical":
        values = [[f"v{value:02d}" for value in range(count)] for count in CATEGORY_COUNTS]
        encoder = OrdinalEncoder(
            categories=values, handle_unknown="use_encoded_value", unknown_value=np.nan, encoded_missing_value=np.nan
        )
        steps.append(("categories", encoder, [f"category_{i}" for i in range(len(CATEGORY_COUNTS))]))
    boosting = HistGradientBoostingClassifier(
        max_iter=TREES,
        max_leaf_nodes=LEAVES,
        early_stopping=False,
        categorical_features=list(range(len(numbers), FEATURES)) or None,
        random_state=0,
    )
    return Pipeline([("columns", ColumnTransformer(steps, sparse_threshold=1.0)), ("model", boosting)])


def _on_edges(scorer: CompiledScorer, frame: pd.DataFrame) -> pd.DataFrame:
    """The rows with every number moved to a bin edge of the model, or to its neighbour above or below."""
    from decisionloop.predict.scorer.codes import NumericBins

    chance = np.random.default_rng(4)
    for bins in scorer.bins:
        if isinstance(bins, NumericBins):
            value = chance.choice(bins.edges, len(frame))
            towards = chance.choice([-np.inf, np.nan, np.inf], len(frame))
            frame[bins.name] = np.where(np.isnan(towards), value, np.nextafter(value, towards))
    return frame
