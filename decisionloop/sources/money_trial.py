"""Every expression of the contract tried on real rows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from decisionloop.contract import UseCase
from decisionloop.contract.placed import PlacedExpression, every_expression
from decisionloop.contract.written import named
from decisionloop.errors import Fault
from decisionloop.sources.figures import some_of


def money_faults(use_case: UseCase, frame: pd.DataFrame) -> list[Fault]:
    """One fault for each expression that is no finite number where nothing that it reads is missing."""
    faults = []
    content = use_case.model_dump(by_alias=True)
    for placed in every_expression(use_case):
        is_wrong, _ = _judged(use_case, placed, frame)
        if is_wrong.any():
            who = frame[use_case.entity.key][is_wrong].iloc[0]
            problem = f"is no finite number in {int(is_wrong.sum())} of {len(frame)} rows, first {who}"
            remedy = "Bound what it divides by or takes the power or logarithm of."
            faults.append(Fault(named(placed.path, content), placed.text, problem, remedy))
    return faults


def money_findings(use_case: UseCase, frame: pd.DataFrame) -> Iterator[str]:
    """Expressions that cannot be told of some rows because a feature is missing."""
    for placed in every_expression(use_case):
        _, is_unknown = _judged(use_case, placed, frame)
        if is_unknown.any():
            where = named(placed.path, use_case.model_dump(by_alias=True))
            some = some_of(int(is_unknown.sum()), len(frame), "rows")
            yield f"{where} cannot be told in {some} (a feature is missing): they are the rules'."


def _judged(use_case: UseCase, placed: PlacedExpression, frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Where it is not finite though everything is known, and where something that it reads is missing: bool (n,)."""
    expression, types = placed.expression, {feature.name: feature.type for feature in use_case.features}
    names = sorted(expression.names & types.keys())
    is_missing = frame[names].isna().any(axis=1).to_numpy() if names else np.zeros(len(frame), dtype=bool)
    columns: dict[str, np.ndarray | float] = dict(use_case.economics.constants)
    for name in names:
        columns[name] = frame[name].to_numpy(dtype=object if types[name] == "category" else np.float64)
    is_wrong = np.zeros(len(frame), dtype=bool)
    for outcome in (0.0, 1.0):
        result = expression.evaluate({**columns, "outcome": outcome, "amount": 1.0}, len(frame))
        is_wrong |= ~np.isfinite(result) & ~is_missing
    return is_wrong, is_missing
