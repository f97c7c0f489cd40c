"""Every expression of a contract, with its place in it and the names that it may read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from decisionloop.contract.expressions import Expression
from decisionloop.contract.operation import BudgetConstraint
from decisionloop.contract.usecase import UseCase
from decisionloop.contract.written import Path


@dataclass(frozen=True)
class PlacedExpression:
    """``names``: features and constants, and for money ``outcome`` and ``amount`` where the contract has them."""

    path: Path
    text: str
    names: frozenset[str]

    @property
    def expression(self) -> Expression:
        """The expression; it raises ValueError when it is used, where the text is none."""
        return Expression(self.text)


def allowed_ifs(use_case: UseCase) -> Iterator[PlacedExpression]:
    """The condition of each action that has one; the default action may have none."""
    names = _known(use_case)
    for i, action in enumerate(use_case.actions):
        if action.allowed_if and not action.is_default:
            yield PlacedExpression(("actions", i, "allowed_if"), action.allowed_if, names)


def values(use_case: UseCase) -> Iterator[PlacedExpression]:
    """The money of each action of the contract."""
    outcome = use_case.outcome
    seen = {name for name, part in (("outcome", outcome.class_), ("amount", outcome.amount)) if part}
    for name in use_case.action_names:
        if name in use_case.economics.value:
            text = use_case.economics.value[name]
            yield PlacedExpression(("economics", "value", name), text, _known(use_case) | seen)


def costs(use_case: UseCase) -> Iterator[PlacedExpression]:
    """The cost of each action under each budget."""
    for i, constraint in enumerate(use_case.policy.constraints):
        if isinstance(constraint, BudgetConstraint):
            for name, text in constraint.cost.items():
                yield PlacedExpression(("policy", "constraints", i, "cost", name), text, _known(use_case))


def due_days(use_case: UseCase) -> Iterator[PlacedExpression]:
    """When each outcome falls due, if the contract says so by row."""
    if use_case.outcome.due:
        yield PlacedExpression(("outcome", "due"), use_case.outcome.due, _known(use_case))


def every_expression(use_case: UseCase) -> tuple[PlacedExpression, ...]:
    """All of them, in the order of the contract."""
    return (*allowed_ifs(use_case), *values(use_case), *costs(use_case), *due_days(use_case))


def _known(use_case: UseCase) -> frozenset[str]:
    return frozenset(use_case.feature_names) | frozenset(use_case.economics.constants)
