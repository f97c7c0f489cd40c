"""What is odd about batches: their size and age, features, groups, and what the rules choose. Nothing is a fault."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from decisionloop.act.feasibility import unkept_constraints
from decisionloop.contract import UseCase
from decisionloop.sources.figures import some_of
from decisionloop.sources.tried_batches import TriedBatch


def batch_findings(use_case: UseCase, tried: Sequence[TriedBatch], everyone: pd.DataFrame) -> Iterator[str]:
    """Each finding with its remedy; of what is odd in several batches, the first. ``everyone``: all of their rows."""
    yield from dict.fromkeys(one for batch in tried for one in batch.unreadable)
    yield from _feature_findings(use_case, everyone)
    said = set[str]()
    for batch in tried:
        parts = (
            _batch_findings(use_case, batch.frame, batch.as_of, batch.newest),
            _protected_findings(use_case, batch.frame),
            _rules_findings(use_case, batch.action),
            _constraint_findings(use_case, batch),
        )
        for i, part in enumerate(parts):
            for finding in part:
                topic = f"{i} {finding.split()[0]} {finding.split()[3]}"
                if topic not in said:
                    said.add(topic)
                    yield finding


def _batch_findings(
    use_case: UseCase, frame: pd.DataFrame, as_of: pd.Timestamp, newest: pd.Timestamp | None
) -> Iterator[str]:
    fewest, most = use_case.data_quality.rows
    if not fewest <= len(frame) <= most:
        yield (
            f"The batch of {as_of:%Y-%m-%d %H:%M} has {len(frame)} rows, outside data_quality.rows [{fewest}, {most}]. "
            "Change rows or schedule.covers_days."
        )
    age = None if newest is None else (as_of - newest) / pd.Timedelta(days=1)
    if age is not None and age > use_case.data_quality.maximum_age_days:
        yield f"The newest row is {age:.1f} days old. Raise data_quality.maximum_age_days, or bring newer data."


def _feature_findings(use_case: UseCase, frame: pd.DataFrame) -> Iterator[str]:
    for feature in use_case.features:
        values = frame[feature.name]
        missing = int(values.isna().sum())
        if missing and not feature.is_nullable:
            some = some_of(missing, len(values), "rows")
            yield f"{feature.name} is missing in {some}, which go to the rules. Set is_nullable?"
        present = values.dropna()
        if len(values) > 1 and present.empty and feature.is_nullable:
            yield f"{feature.name} is missing in every row, and a training leaves it out. Fill it, or remove it?"
        if feature.categories:
            is_outside = ~present.isin(feature.categories)
        else:
            low, high = feature.range or (-np.inf, np.inf)
            is_outside = (present < low) | (present > high) if feature.type != "category" else present.isna()
        if is_outside.any():
            yield (
                f"{feature.name} is outside its range or categories in {int(is_outside.sum())} rows (for example "
                f"{present[is_outside].iloc[0]}), which go to the rules. Widen them, or correct features.py."
            )
        if len(present) > 1 and present.nunique() == 1:
            yield f"{feature.name} is {present.iloc[0]} in every row, so it teaches nothing. Remove it?"


def _protected_findings(use_case: UseCase, frame: pd.DataFrame) -> Iterator[str]:
    for attribute in use_case.protected:
        sizes = frame[attribute.name].value_counts()
        others = sorted(set(sizes.index.astype(str)) - set(attribute.groups))
        if others:
            yield f"{attribute.name} has values without a group: {', '.join(others[:3])}. Add them to its groups."
        if len(frame) and sizes.get(attribute.reference, 0) < attribute.minimum_group_size:
            yield (
                f"{attribute.name}: the reference group {attribute.reference} has {sizes.get(attribute.reference, 0)} "
                f"rows in a batch, fewer than {attribute.minimum_group_size}. Choose a larger one."
            )


def _rules_findings(use_case: UseCase, action: np.ndarray) -> Iterator[str]:
    if not len(action):
        return
    for index, name in enumerate(use_case.action_names):
        many = int((action == index).sum())
        share = many / len(action)
        low, high = use_case.guardrails.action_share.get(name, (0.0, 1.0))
        if not low <= share <= high:
            yield (
                f"The rules choose {name} in {some_of(many, len(action), 'rows')}, outside guardrails.action_share "
                f"[{low:g}, {high:g}]. Widen it."
            )


def _constraint_findings(use_case: UseCase, batch: TriedBatch) -> Iterator[str]:
    """Whether a model could decide the batch at all: else the rules would stand in for it for ever."""
    unkept = unkept_constraints(use_case, batch.frame, batch.as_of.to_pydatetime(), batch.action)
    if unkept:
        yield f"No model could decide the batch of {batch.as_of:%Y-%m-%d %H:%M}, and the rules would stand in: {unkept}"
