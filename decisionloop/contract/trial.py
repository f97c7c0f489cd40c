"""Every expression of a contract tried on rows that will come some day: zero, negative, huge, missing, each category.

What a row outside of a feature's ``range`` or ``categories`` would do is not asked: such rows are the rules'.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from decisionloop.contract.expressions import Expression
from decisionloop.contract.inconsistency import Inconsistency
from decisionloop.contract.placed import PlacedExpression, every_expression
from decisionloop.contract.problem import Feature
from decisionloop.contract.usecase import UseCase
from decisionloop.errors import ContractError

HUGE = 1e9
Value = float | str | None


@dataclass(frozen=True)
class EdgeRow:
    """One row of values by name, and what is special about it."""

    wording: str
    values: dict[str, Value]


def edge_faults(use_case: UseCase) -> tuple[Inconsistency, ...]:
    """One fault for each expression that is no finite number, or cannot be evaluated, on some edge row."""
    found = (_tried(use_case, placed) for placed in every_expression(use_case))
    return tuple(fault for fault in found if fault is not None)


def edge_rows(use_case: UseCase, names: frozenset[str]) -> Iterator[EdgeRow]:
    """A plain row of the features and outcomes ``names``, then rows that differ from it in one value."""
    features = [feature for feature in use_case.features if feature.name in names]
    edges = {feature.name: _edges(feature) for feature in features}
    edges |= {"outcome": {"0": 0.0, "1": 1.0}} if "outcome" in names else {}
    amounts: dict[str, Value] = {"0": 0.0, "negative (-1)": -1.0, f"huge ({HUGE:g})": HUGE}
    edges |= {"amount": amounts} if "amount" in names else {}
    plain = {feature.name: _plain(feature) for feature in features} | {"outcome": 1.0, "amount": 1.0}
    yield EdgeRow("nothing is special", plain)
    for name, values in edges.items():
        for wording, value in values.items():
            yield EdgeRow(f"{name} is {wording}", plain | {name: value})


def _edges(feature: Feature) -> dict[str, Value]:
    """Values that the contract admits, by what is special about them."""
    missing: dict[str, Value] = {"missing": None} if feature.is_nullable else {}
    if feature.type == "category":
        return {f"'{category}'": category for category in feature.categories} | missing
    if feature.type == "boolean":
        return {"false": 0.0, "true": 1.0, **missing}
    low, high = feature.range or (-np.inf, np.inf)
    tried = {"0": 0.0, "negative (-1)": -1.0, f"huge ({HUGE:g})": HUGE, f"hugely negative ({-HUGE:g})": -HUGE}
    found: dict[str, Value] = {wording: value for wording, value in tried.items() if low <= value <= high}
    if feature.range is not None:
        found |= {f"the smallest ({low:g})": float(low), f"the largest ({high:g})": float(high)}
    return found | missing


def _plain(feature: Feature) -> Value:
    if feature.type == "category":
        return feature.categories[0]
    low, high = feature.range or (1.0, 1.0)
    return float(np.clip(1.0, low, high))


def _tried(use_case: UseCase, placed: PlacedExpression) -> Inconsistency | None:
    expression, wrong = placed.expression, list[str]()
    for row in edge_rows(use_case, expression.names):
        try:
            result = float(expression.evaluate(_columns(use_case, expression, row), 1)[0])
        except ContractError as error:
            problem = f"where {row.wording}: {error.faults[0].problem}"
            return Inconsistency(placed.path, placed.text, problem, error.faults[0].remedy)
        is_missing = any(row.values.get(name) is None for name in expression.names & row.values.keys())
        if not np.isfinite(result) and not is_missing:
            wrong.append(row.wording)
    if not wrong:
        return None
    others = f" (and in {len(wrong) - 1} more of the rows tried)" if len(wrong) > 1 else ""
    problem = f"is no finite number where {wrong[0]}{others}"
    remedy = "Bound what it divides by or takes the power or logarithm of, or narrow the range of the feature."
    return Inconsistency(placed.path, placed.text, problem, remedy)


def _columns(use_case: UseCase, expression: Expression, row: EdgeRow) -> dict[str, np.ndarray | float]:
    texts = {feature.name for feature in use_case.features if feature.type == "category"}
    columns: dict[str, np.ndarray | float] = dict(use_case.economics.constants)
    for name in expression.names & row.values.keys():
        value = row.values[name]
        if name in texts:
            columns[name] = np.array([value], dtype=object)
        else:
            columns[name] = np.array([np.nan if value is None else value], dtype=np.float64)
    return columns
