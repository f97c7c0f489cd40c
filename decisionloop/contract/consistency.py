"""Do the sections of a contract agree with each other? Every disagreement is found, not only the first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from decisionloop.contract.expressions import Expression
from decisionloop.contract.watching import MonitorFamily

if TYPE_CHECKING:
    from decisionloop.contract.usecase import UseCase

FAMILIES = get_args(MonitorFamily)


@dataclass(frozen=True)
class Inconsistency:
    """Two sections contradict each other: where, what value, why, and what to do."""

    path: str
    value: object
    problem: str
    remedy: str


def inconsistencies(use_case: UseCase) -> tuple[Inconsistency, ...]:
    """Every contradiction between the sections of ``use_case``."""
    checks = (_names, _features, _protected, _outcome, _actions, _economics, _limits, _monitors, _replay)
    return tuple(found for check in checks for found in check(use_case))


def _repeated(names: Iterable[str]) -> list[str]:
    return [name for name, times in Counter(names).items() if times > 1]


def _names(use_case: UseCase) -> Iterator[Inconsistency]:
    columns = [
        use_case.entity.key,
        *use_case.feature_names,
        *(p.name for p in use_case.protected if not p.is_feature),
    ]
    for name in _repeated(columns):
        yield Inconsistency("features", name, "this column is declared twice", "Give every column its own name.")
    for name in _repeated(use_case.action_names):
        yield Inconsistency("actions", name, "this action is declared twice", "Give every action its own name.")
    for reserved in {"outcome", "amount", "action"} & set(columns):
        yield Inconsistency("features", reserved, "this name is reserved", "Rename the column in features.py.")


def _features(use_case: UseCase) -> Iterator[Inconsistency]:
    for i, feature in enumerate(use_case.features):
        path = f"features.{i}"
        if feature.type == "category" and not feature.categories:
            yield Inconsistency(f"{path}.categories", feature.name, "a category needs its values", "List them.")
        if feature.type == "category" and feature.range is not None:
            yield Inconsistency(f"{path}.range", feature.range, "a category has no range", "Remove range.")
        if feature.type != "category" and feature.categories:
            yield Inconsistency(f"{path}.categories", feature.categories, f"a {feature.type} has none", "Remove it.")
        if feature.range is not None and feature.range[0] >= feature.range[1]:
            yield Inconsistency(f"{path}.range", feature.range, "smallest is not below largest", "Swap them.")
        for category in _repeated(feature.categories):
            yield Inconsistency(f"{path}.categories", category, "listed twice", "List it once.")
    if not use_case.model_inputs:
        yield Inconsistency("features", "-", "no feature is a model input", "Set is_model_input on at least one.")


def _protected(use_case: UseCase) -> Iterator[Inconsistency]:
    favourable = sum(action.is_favourable for action in use_case.actions)
    if use_case.protected and favourable in {0, len(use_case.actions)}:
        yield Inconsistency(
            "actions",
            favourable,
            "adverse impact cannot be judged: none or all of the actions are favourable",
            "Set is_favourable on those that are an advantage to the person.",
        )
    for i, attribute in enumerate(use_case.protected):
        if attribute.reference not in attribute.groups:
            yield Inconsistency(
                f"protected.{i}.reference",
                attribute.reference,
                "is not one of the groups",
                "Name one of them.",
            )
        is_input = attribute.name in {feature.name for feature in use_case.model_inputs}
        if is_input and not attribute.is_feature:
            yield Inconsistency(
                f"protected.{i}.is_feature",
                attribute.name,
                "a protected attribute is also a model input",
                "Remove the feature, or set is_feature: true knowingly.",
            )
        if attribute.is_feature and attribute.name not in use_case.feature_names:
            yield Inconsistency(
                f"protected.{i}.is_feature",
                attribute.name,
                "no feature of that name",
                "Declare it under features.",
            )


def _outcome(use_case: UseCase) -> Iterator[Inconsistency]:
    outcome = use_case.outcome
    if outcome.class_ is None and outcome.amount is None:
        yield Inconsistency("outcome", "-", "neither a class nor an amount", "Declare class, amount or both.")
    if outcome.maturity_days < outcome.window_days:
        yield Inconsistency(
            "outcome.maturity_days",
            outcome.maturity_days,
            f"shorter than the window of {outcome.window_days:g} days",
            "A cohort cannot be complete before its window has passed.",
        )
    if outcome.closed_days is not None and outcome.closed_days < outcome.maturity_days:
        yield Inconsistency(
            "outcome.closed_days", outcome.closed_days, "shorter than the maturity", "Make it at least maturity_days."
        )


def _actions(use_case: UseCase) -> Iterator[Inconsistency]:
    defaults = sum(action.is_default for action in use_case.actions)
    if defaults != 1:
        yield Inconsistency("actions", defaults, "exactly one action must be the default", "Set is_default on one.")
    features = set(use_case.feature_names) | set(use_case.economics.constants)
    for i, action in enumerate(use_case.actions):
        if action.allowed_if and action.is_default:
            yield Inconsistency(
                f"actions.{i}.allowed_if", action.allowed_if, "the default action is always allowed", "Remove it."
            )
        elif action.allowed_if:
            yield from _expression(f"actions.{i}.allowed_if", action.allowed_if, features)
    revealing = sum(use_case.revealing)
    if revealing == 0:
        yield Inconsistency("actions", 0, "no action reveals an outcome", "The loop could never learn.")
    if use_case.model.action_as == "revealing_action" and revealing != 1:
        yield Inconsistency(
            "model.action_as",
            "revealing_action",
            f"{revealing} actions reveal an outcome",
            "Use `input`, or let exactly one action reveal its outcome.",
        )


def _economics(use_case: UseCase) -> Iterator[Inconsistency]:
    economics, outcome = use_case.economics, use_case.outcome
    for name in sorted(set(economics.value) ^ set(use_case.action_names)):
        yield Inconsistency("economics.value", name, "actions and values differ", "Give every action one expression.")
    allowed = set(use_case.feature_names) | set(economics.constants)
    seen = {name for name, part in (("outcome", outcome.class_), ("amount", outcome.amount)) if part}
    for action in use_case.actions:
        if action.name not in economics.value:
            continue
        path, text = f"economics.value.{action.name}", economics.value[action.name]
        yield from _expression(path, text, allowed | seen)
        yield from _learnable(path, text, action.reveals_outcome)
    for name in sorted(set(economics.constants) & set(use_case.feature_names)):
        yield Inconsistency("economics.constants", name, "is also a feature", "Rename the constant.")


def _expression(path: str, text: str, allowed: set[str]) -> Iterator[Inconsistency]:
    try:
        unknown = sorted(Expression(text).names - allowed)
    except ValueError as error:
        yield Inconsistency(path, text, str(error), "Correct the expression.")
        return
    for name in unknown:
        yield Inconsistency(path, text, f"unknown name {name}", f"Known: {', '.join(sorted(allowed))}.")


def _learnable(path: str, text: str, is_revealing: bool) -> Iterator[Inconsistency]:
    try:
        expression = Expression(text)
        needs_outcome = expression.names & {"outcome", "amount"}
        is_affine = expression.is_affine_in("amount")
    except ValueError:
        return  # already reported by _expression
    if needs_outcome and not is_revealing:
        yield Inconsistency(path, text, "needs an outcome that this action never reveals", "Leave the outcome out.")
    if not is_affine:
        yield Inconsistency(path, text, "is not linear in `amount`", "Write it as a + b * amount.")


def _limits(use_case: UseCase) -> Iterator[Inconsistency]:
    actions = set(use_case.action_names)
    features = set(use_case.feature_names) | set(use_case.economics.constants)
    for i, constraint in enumerate(use_case.policy.constraints):
        path = f"policy.constraints.{i}"
        if constraint.kind == "share":
            if constraint.action not in actions:
                yield Inconsistency(f"{path}.action", constraint.action, "unknown action", "Name one of `actions`.")
            if constraint.minimum > constraint.maximum:
                yield Inconsistency(f"{path}.minimum", constraint.minimum, "above the maximum", "Swap them.")
        else:
            for name in sorted(set(constraint.cost) - actions):
                yield Inconsistency(f"{path}.cost", name, "unknown action", "Name one of `actions`.")
            for name, text in constraint.cost.items():
                yield from _expression(f"{path}.cost.{name}", text, features)
    for name, (low, high) in use_case.guardrails.action_share.items():
        if name not in actions or not 0 <= low <= high <= 1:
            yield Inconsistency(
                f"guardrails.action_share.{name}",
                (low, high),
                "not an action's share",
                "Use [low, high] in [0, 1].",
            )
    if use_case.guardrails.maximum_cost is not None and not any(
        constraint.kind == "budget" for constraint in use_case.policy.constraints
    ):
        yield Inconsistency(
            "guardrails.maximum_cost",
            use_case.guardrails.maximum_cost,
            "there is no budget constraint whose cost it could limit",
            "Add one under policy.constraints, or remove it.",
        )


def _monitors(use_case: UseCase) -> Iterator[Inconsistency]:
    monitors = use_case.monitors
    spent, has_others = sum(monitors.budgets.values()), len(monitors.budgets) < len(FAMILIES)
    if spent > monitors.false_alarms_per_year or (has_others and spent == monitors.false_alarms_per_year):
        problem = f"no false alarm is left of {monitors.false_alarms_per_year:g} a year for the other monitors"
        yield Inconsistency("monitors.budgets", spent, problem, "Lower them, or raise false_alarms_per_year.")
    for family, budget in monitors.budgets.items():
        if budget <= 0:
            yield Inconsistency(
                f"monitors.budgets.{family}",
                budget,
                "never alarms",
                "Give it a positive number of false alarms a year.",
            )
    categories = {f.name for f in use_case.features if f.type == "category"} | {p.name for p in use_case.protected}
    for i, name in enumerate(monitors.slices):
        if name not in categories:
            problem, remedy = "is no category feature and no protected attribute", "Name one of these."
            yield Inconsistency(f"monitors.slices.{i}", name, problem, remedy)
    for i, told in enumerate(monitors.notifications):
        if bool(told.quiet_from) != bool(told.quiet_until):
            problem, remedy = "quiet hours need a start and an end", "Give both or neither."
            yield Inconsistency(f"monitors.notifications.{i}", told.quiet_from or told.quiet_until, problem, remedy)
        if not _is_timezone(told.timezone):
            remedy = "Use a name of the IANA database, such as Asia/Taipei."
            yield Inconsistency(f"monitors.notifications.{i}.timezone", told.timezone, "unknown time zone", remedy)


def _is_timezone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        return False
    return True


def _replay(use_case: UseCase) -> Iterator[Inconsistency]:
    if use_case.data_quality.rows[0] > use_case.data_quality.rows[1]:
        yield Inconsistency("data_quality.rows", use_case.data_quality.rows, "fewest above most", "Swap them.")
    is_log = use_case.source.kind == "randomised_log_replay"
    if is_log and use_case.policy.holdout_share + use_case.policy.exploration_share == 0:
        yield Inconsistency(
            "policy",
            0,
            "a replayed log without exploration teaches one action only",
            "Set exploration_share.",
        )
