"""Money of every action, from the contract's expressions: expected before the outcome, realised after it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from decisionloop.contract import UseCase
from decisionloop.contract.expressions import Expression
from decisionloop.contract.operation import BudgetConstraint
from decisionloop.predict.few_rows import column_names, plain_numbers
from decisionloop.predict.predictions import Predictions


def action_values(use_case: UseCase, frame: pd.DataFrame, predictions: Predictions) -> np.ndarray:
    """Expected money of every action, float64 (n, A) in the contract's currency.

    p V(a, outcome=1, amount=m1) + (1 - p) V(a, outcome=0, amount=m0); V is affine in the amount, so its mean
    needs the amount's mean only. NaN where a feature that V reads is missing, where a prediction that V needs is
    missing, or where V is not finite: the model cannot value such a row. Raises PredictionsError when the
    predictions do not fit the frame and the contract.
    """
    predictions.require(use_case, len(frame))
    money = _Money.over(use_case, frame, use_case.value_expressions)
    values = [
        money.of(expression) if is_known else _expected(money, expression, predictions, action)
        for action, (expression, is_known) in enumerate(
            zip(use_case.value_expressions, use_case.is_value_known, strict=True)
        )
    ]
    return np.stack(values, axis=1)


def known_values(use_case: UseCase, frame: pd.DataFrame) -> np.ndarray:
    """Money of the actions whose money needs no outcome, float64 (n, A); NaN for the other actions."""
    money = _Money.over(use_case, frame, use_case.value_expressions)
    values = np.full((len(frame), len(use_case.actions)), np.nan)
    for action, is_known in enumerate(use_case.is_value_known):
        if is_known:
            values[:, action] = money.of(use_case.value_expressions[action])
    return values


def realised_values(
    use_case: UseCase,
    frame: pd.DataFrame,
    action_index: np.ndarray,
    outcome_class: np.ndarray | pd.Series | None,
    amount: np.ndarray | pd.Series | None,
) -> np.ndarray:
    """Money that each decision brought, float64 (n,).

    Args:
        action_index: the action taken, index in contract order (n,).
        outcome_class: 1, 0 or missing (n,); None where the contract has no class.
        amount: quantity seen, or missing (n,); None where the contract has no amount.

    NaN where the action's money needs an outcome, or a feature, that is missing.
    """
    money = _Money.over(use_case, frame, use_case.value_expressions)
    outcome, quantity = _numbers(outcome_class, len(frame)), _numbers(amount, len(frame))
    values = np.full(len(frame), np.nan)
    for action, expression in enumerate(use_case.value_expressions):
        taken = np.asarray(action_index) == action
        if taken.any():
            values[taken] = money.of(expression, outcome, quantity)[taken]
    return values


def money_range(
    use_case: UseCase, frame: pd.DataFrame, outcomes: Iterable[tuple[float, float]]
) -> tuple[np.ndarray, np.ndarray]:
    """The worst and the best money of every action, both float64 (n, A), over outcomes: pairs of class and amount.

    NaN where nothing can be said, as where a feature that the money needs is missing, or without any outcome.
    """
    money, rows = _Money.over(use_case, frame, use_case.value_expressions), len(frame)
    worst, best = (np.full((rows, len(use_case.actions)), np.nan) for _ in range(2))
    for class_, amount in outcomes:
        for action, expression in enumerate(use_case.value_expressions):
            one = money.of(expression, np.full(rows, class_), np.full(rows, amount, dtype=np.float64))
            worst[:, action], best[:, action] = np.fmin(worst[:, action], one), np.fmax(best[:, action], one)
    return worst, best


def action_costs(
    use_case: UseCase, frame: pd.DataFrame, budget: BudgetConstraint, largest: np.ndarray | None = None
) -> np.ndarray:
    """Cost of every action under a budget's expressions, float64 (n, A); an action without one costs 0.

    A cost that is unknown because a feature is missing counts as the largest known cost of that action in the
    batch, so that missing data cannot loosen a budget; it stays NaN where nobody's cost is known. Where ``frame`` is
    only a part of the batch, ``largest`` (A,) says what that is (see :func:`largest_costs`).
    """
    costs = _known_costs(use_case, frame, budget)
    most = costs.max(axis=0, initial=-np.inf, where=~np.isnan(costs)) if largest is None else largest
    return np.where(np.isnan(costs), np.where(np.isneginf(most), np.nan, most), costs)


def largest_costs(use_case: UseCase, frame: pd.DataFrame, budget: BudgetConstraint) -> np.ndarray:
    """The largest known cost of each action (A,), -inf where none is known; of two parts the larger one counts."""
    costs = _known_costs(use_case, frame, budget)
    return np.asarray(costs.max(axis=0, initial=-np.inf, where=~np.isnan(costs)))


def _known_costs(use_case: UseCase, frame: pd.DataFrame, budget: BudgetConstraint) -> np.ndarray:
    expressions = {name: Expression(text) for name, text in budget.cost.items()}
    money = _Money.over(use_case, frame, expressions.values())
    costs = np.zeros((len(frame), len(use_case.actions)))
    for action, name in enumerate(use_case.action_names):
        if name in expressions:
            costs[:, action] = money.of(expressions[name])
    return costs


@dataclass(frozen=True)
class _Money:
    """The columns and constants that expressions read, and where a column is missing."""

    values: dict[str, np.ndarray | float]
    missing: dict[str, np.ndarray]
    rows: int

    @classmethod
    def over(cls, use_case: UseCase, frame: pd.DataFrame, expressions: Iterable[Expression]) -> _Money:
        names = sorted({name for expression in expressions for name in expression.names} & set(column_names(frame)))
        values: dict[str, np.ndarray | float] = dict(use_case.economics.constants)
        missing = {}
        for name in names:
            values[name], missing[name] = _column(use_case, frame, name)
        return cls(values, missing, len(frame))

    def of(
        self, expression: Expression, outcome: np.ndarray | float = np.nan, amount: np.ndarray | float = np.nan
    ) -> np.ndarray:
        """Evaluate; comparisons with NaN are False, so what is missing must be masked and not left to them.

        A missing amount needs no mask: expressions are affine in it, so it spoils exactly the rows that use it.
        """
        result = expression.evaluate({**self.values, "outcome": outcome, "amount": amount}, self.rows)
        for name in expression.names:
            if name in self.missing:
                result[self.missing[name]] = np.nan
        if "outcome" in expression.names:
            result[np.broadcast_to(np.isnan(outcome), self.rows)] = np.nan
        result[~np.isfinite(result)] = np.nan
        return result


def _column(use_case: UseCase, frame: pd.DataFrame, name: str) -> tuple[np.ndarray, np.ndarray]:
    """A feature's values (n,), and where they are missing (n,)."""
    numbers = plain_numbers(frame, name)
    if numbers is not None:
        return numbers, np.isnan(numbers)
    types = {feature.name: feature.type for feature in use_case.features}
    column = frame[name]
    return column.to_numpy(dtype=object if types[name] == "category" else np.float64), column.isna().to_numpy()


def _expected(money: _Money, expression: Expression, predictions: Predictions, action: int) -> np.ndarray:
    amount = predictions.amount
    if predictions.probability is None:
        return money.of(expression, amount=amount[:, action, 0] if amount is not None else np.nan)
    p = predictions.probability[:, action]
    if_no, if_yes = (
        money.of(expression, float(c), amount[:, action, c] if amount is not None else np.nan) for c in (0, 1)
    )
    return p * if_yes + (1 - p) * if_no


def _numbers(values: np.ndarray | pd.Series | None, rows: int) -> np.ndarray:
    if values is None:
        return np.full(rows, np.nan)
    return pd.Series(values).to_numpy(dtype=np.float64, na_value=np.nan)
