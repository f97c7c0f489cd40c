"""Do the expressions of a contract read what there is, and are they numbers that the loop can learn?"""

from __future__ import annotations

from collections.abc import Iterator

from decisionloop.contract.inconsistency import Inconsistency
from decisionloop.contract.placed import PlacedExpression, allowed_ifs, costs, due_days, values
from decisionloop.contract.usecase import UseCase


def check_conditions(use_case: UseCase) -> Iterator[Inconsistency]:
    """``allowed_if`` of every action."""
    for i, action in enumerate(use_case.actions):
        if action.allowed_if and action.is_default:
            path = ("actions", i, "allowed_if")
            yield Inconsistency(path, action.allowed_if, "the default action is always allowed", "Remove it.")
    for placed in allowed_ifs(use_case):
        yield from _sound(use_case, placed)


def check_values(use_case: UseCase) -> Iterator[Inconsistency]:
    """The money of every action: there for each, readable, and known where its outcome is never seen."""
    path = ("economics", "value")
    for name in sorted(set(use_case.economics.value) ^ set(use_case.action_names)):
        yield Inconsistency(path, name, "actions and values differ", "Give every action one expression.")
    revealing = {action.name for action in use_case.actions if action.reveals_outcome}
    for placed in values(use_case):
        found = tuple(_sound(use_case, placed))
        yield from found or _learnable(placed, placed.path[-1] in revealing)


def check_costs(use_case: UseCase) -> Iterator[Inconsistency]:
    """The cost of every action under every budget."""
    for placed in costs(use_case):
        if placed.path[-1] not in use_case.action_names:
            yield Inconsistency(placed.path[:-1], placed.path[-1], "unknown action", "Name one of `actions`.")
        yield from _sound(use_case, placed)


def check_due(use_case: UseCase) -> Iterator[Inconsistency]:
    """When each outcome falls due."""
    for placed in due_days(use_case):
        yield from _sound(use_case, placed)


def _sound(use_case: UseCase, placed: PlacedExpression) -> Iterator[Inconsistency]:
    """It can be read, knows its names and is a number."""
    texts = {feature.name for feature in use_case.features if feature.type == "category"}
    try:
        unknown = sorted(placed.expression.names - placed.names)
        if not unknown:
            placed.expression.require_number(texts)
    except ValueError as error:
        yield Inconsistency(placed.path, placed.text, str(error), "Correct the expression.")
        return
    for name in unknown:
        known = f"Known: {', '.join(sorted(placed.names))}."
        yield Inconsistency(placed.path, placed.text, f"unknown name {name}", known)


def _learnable(placed: PlacedExpression, is_revealing: bool) -> Iterator[Inconsistency]:
    path, text, expression = placed.path, placed.text, placed.expression
    if expression.names & {"outcome", "amount"} and not is_revealing:
        yield Inconsistency(path, text, "needs an outcome that this action never reveals", "Leave the outcome out.")
    if not expression.is_affine_in("amount"):
        yield Inconsistency(path, text, "is not linear in `amount`", "Write it as a + b * amount.")
