"""What a model can learn from in one training set: features that vary there, and categories that are common enough."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from decisionloop.contract import UseCase
from decisionloop.contract.problem import Feature
from decisionloop.learn.pipelines import InputColumn
from decisionloop.predict.release_model import ACTION_COLUMN, CLASS_COLUMN


@dataclass(frozen=True)
class TrainingInputs:
    """The columns of a model in order, and by name why a feature of the contract is none of them."""

    columns: tuple[InputColumn, ...]
    left_out: Mapping[str, str]

    @property
    def names(self) -> list[str]:
        """The columns' names."""
        return [column.name for column in self.columns]


def training_inputs(use_case: UseCase, frame: pd.DataFrame, most_categories: int) -> TrainingInputs:
    """The model's inputs of the training rows ``frame`` (n rows): contract's features, action, class, in this order.

    A feature that is missing or the same in every row teaches nothing and is left out. Of a category of more than
    ``most_categories`` values the most frequent ones are kept and all others are one.
    """
    left_out = {
        feature.name: why for feature in use_case.model_inputs if (why := why_left_out(frame[feature.name])) is not None
    }
    columns = [
        _column(feature, frame[feature.name], most_categories)
        for feature in use_case.model_inputs
        if feature.name not in left_out
    ]
    if use_case.is_action_modelled:
        revealing = tuple(action.name for action in use_case.actions if action.reveals_outcome)
        columns.append(InputColumn(ACTION_COLUMN, True, revealing))
    if CLASS_COLUMN in frame:
        columns.append(InputColumn(CLASS_COLUMN))
    return TrainingInputs(tuple(columns), left_out)


def why_left_out(values: pd.Series) -> str | None:
    """Why a feature with these values (n,) teaches nothing; None where it may teach something."""
    known = values.dropna()
    if known.empty:
        return "missing in every row"
    if len(known) == len(values) and known.nunique() == 1:
        return f"{known.iloc[0]} in every row"
    return None


def _column(feature: Feature, values: pd.Series, most: int) -> InputColumn:
    if feature.type != "category" or len(feature.categories) <= most:
        return InputColumn(feature.name, feature.type == "category", feature.categories)
    counts = values.dropna().value_counts()
    order = sorted(counts.index, key=lambda one: (-counts[one], one))
    return InputColumn(feature.name, True, tuple(sorted(order[: most - 1])), has_rest=True)
