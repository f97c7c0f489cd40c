"""Do the sections of a contract agree with each other? Every disagreement is found, not only the first."""

from __future__ import annotations

import keyword
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator

from decisionloop.contract import expression_checks, running_checks
from decisionloop.contract.expressions import FUNCTIONS
from decisionloop.contract.inconsistency import Inconsistency
from decisionloop.contract.usecase import UseCase

RESERVED = {"outcome", "amount", "action", *FUNCTIONS, *keyword.kwlist}
"""Names that mean something else in expressions and in the loop's own tables."""


def inconsistencies(use_case: UseCase, unknown: Collection[str] = ()) -> tuple[Inconsistency, ...]:
    """Every contradiction between the sections of ``use_case``; what needs an ``unknown`` section is not asked."""
    asked = (check for check, sections in CHECKS.items() if not set(sections.split()) & set(unknown))
    return tuple(found for check in asked for found in check(use_case))


def _repeated(names: Iterable[str]) -> list[str]:
    return [name for name, times in Counter(names).items() if times > 1]


def check_columns(use_case: UseCase) -> Iterator[Inconsistency]:
    """Every column has a name of its own that means nothing else."""
    apart = [one.name for one in use_case.protected if not one.is_feature]
    columns = [use_case.entity.key, *use_case.feature_names, *apart]
    for name in _repeated(columns):
        remedy = "Give every column its own name."
        yield Inconsistency(("features",), name, "this column is declared twice", remedy)
    for reserved in sorted(RESERVED & set(columns)):
        yield Inconsistency(("features",), reserved, "this name is reserved", "Rename the column in features.py.")


def check_constants(use_case: UseCase) -> Iterator[Inconsistency]:
    """Constants have names that expressions can say, and that nothing else has."""
    path = ("economics", "constants")
    for name in use_case.economics.constants:
        if name in use_case.feature_names:
            yield Inconsistency((*path, name), name, "is also a feature", "Rename the constant.")
        elif name in RESERVED or not name.isidentifier():
            problem = "is no name that an expression can say"
            yield Inconsistency((*path, name), name, problem, "Use lower-case letters, digits and underscores.")


def check_features(use_case: UseCase) -> Iterator[Inconsistency]:
    """Types, ranges and categories of the features."""
    for i, feature in enumerate(use_case.features):
        categories, range_ = ("features", i, "categories"), ("features", i, "range")
        if feature.type == "category" and not feature.categories:
            yield Inconsistency(categories, feature.name, "a category needs its values", "List them.")
        if feature.type == "category" and feature.range is not None:
            yield Inconsistency(range_, feature.range, "a category has no range", "Remove range.")
        if feature.type != "category" and feature.categories:
            yield Inconsistency(categories, feature.categories, f"a {feature.type} has none", "Remove it.")
        if feature.range is not None and feature.range[0] >= feature.range[1]:
            yield Inconsistency(range_, feature.range, "smallest is not below largest", "Swap them.")
        for category in _repeated(feature.categories):
            yield Inconsistency(categories, category, "listed twice", "List it once.")
        if "" in feature.categories:
            remedy = "Remove it: what is empty is missing, which is_nullable admits."
            yield Inconsistency(categories, "''", "an empty category", remedy)
    if not use_case.model_inputs:
        yield Inconsistency(("features",), "-", "no feature is a model input", "Set is_model_input on at least one.")


def check_favourable(use_case: UseCase) -> Iterator[Inconsistency]:
    """Adverse impact is judged between actions that are an advantage and others."""
    favourable = sum(action.is_favourable for action in use_case.actions)
    if use_case.protected and favourable in {0, len(use_case.actions)}:
        yield Inconsistency(
            ("actions",),
            favourable,
            "adverse impact cannot be judged: none or all of the actions are favourable",
            "Set is_favourable on those that are an advantage to the person.",
        )


def check_protected(use_case: UseCase) -> Iterator[Inconsistency]:
    """Groups have a reference; an attribute is an input only knowingly."""
    inputs = {feature.name for feature in use_case.model_inputs}
    for i, attribute in enumerate(use_case.protected):
        reference, is_feature = ("protected", i, "reference"), ("protected", i, "is_feature")
        if attribute.reference not in attribute.groups:
            remedy = "Name one of them."
            yield Inconsistency(reference, attribute.reference, "is not one of the groups", remedy)
        if attribute.name in inputs and not attribute.is_feature:
            problem = "a protected attribute is also a model input"
            remedy = "Remove the feature, or set is_feature: true knowingly."
            yield Inconsistency(is_feature, attribute.name, problem, remedy)
        if attribute.is_feature and attribute.name not in use_case.feature_names:
            yield Inconsistency(is_feature, attribute.name, "no feature of that name", "Declare it under features.")


def check_outcome(use_case: UseCase) -> Iterator[Inconsistency]:
    """There is an outcome, and its days are in order."""
    outcome = use_case.outcome
    if outcome.class_ is None and outcome.amount is None:
        yield Inconsistency(("outcome",), "-", "neither a class nor an amount", "Declare class, amount or both.")
    if outcome.maturity_days < outcome.window_days:
        yield Inconsistency(
            ("outcome", "maturity_days"),
            outcome.maturity_days,
            f"shorter than the window of {outcome.window_days:g} days",
            "A cohort cannot be complete before its window has passed.",
        )
    if outcome.closed_days is not None and outcome.closed_days < outcome.maturity_days:
        remedy = "Make it at least maturity_days."
        yield Inconsistency(("outcome", "closed_days"), outcome.closed_days, "shorter than the maturity", remedy)
    parts = {part.column for part in (outcome.class_, outcome.amount) if part}
    if outcome.happened_at in parts:
        problem, remedy = "is the outcome itself", "Name the column that says when it happened."
        yield Inconsistency(("outcome", "happened_at"), outcome.happened_at, problem, remedy)


def check_dependence(use_case: UseCase) -> Iterator[Inconsistency]:
    """An outcome that does not depend on the action is seen whatever the action."""
    silent = [action.name for action in use_case.actions if not action.reveals_outcome]
    if silent and not use_case.outcome.depends_on_action:
        problem = f"every action would reveal the same outcome, but {', '.join(silent)} reveals none"
        remedy = "Set reveals_outcome on every action, or leave depends_on_action true."
        yield Inconsistency(("outcome", "depends_on_action"), False, problem, remedy)


def check_actions(use_case: UseCase) -> Iterator[Inconsistency]:
    """Actions differ, one of them is to do nothing, and some reveal an outcome."""
    for name in _repeated(use_case.action_names):
        yield Inconsistency(("actions",), name, "this action is declared twice", "Give every action its own name.")
    defaults = sum(action.is_default for action in use_case.actions)
    if defaults != 1:
        yield Inconsistency(("actions",), defaults, "exactly one action must be the default", "Set is_default on one.")
    if not any(use_case.revealing):
        yield Inconsistency(("actions",), 0, "no action reveals an outcome", "The loop could never learn.")


def check_model(use_case: UseCase) -> Iterator[Inconsistency]:
    """One model of one revealing action, or the action as an input."""
    revealing = sum(use_case.revealing)
    if use_case.model.action_as == "revealing_action" and revealing != 1:
        yield Inconsistency(
            ("model", "action_as"),
            "revealing_action",
            f"{revealing} actions reveal an outcome",
            "Use `input`, or let exactly one action reveal its outcome.",
        )


Check = Callable[[UseCase], Iterable[Inconsistency]]

CHECKS: dict[Check, str] = {
    check_columns: "entity features protected",
    check_features: "features",
    check_favourable: "protected actions",
    check_protected: "protected features",
    check_outcome: "outcome",
    check_dependence: "outcome actions",
    check_actions: "actions",
    check_model: "model actions",
    check_constants: "economics features",
    expression_checks.check_conditions: "actions features economics",
    expression_checks.check_values: "economics actions features outcome",
    expression_checks.check_due: "outcome features economics",
    expression_checks.check_costs: "policy actions features economics",
    running_checks.check_shares: "policy guardrails actions",
    running_checks.check_exploration: "policy",
    running_checks.check_canary: "canary",
    running_checks.check_cost_limit: "guardrails policy",
    running_checks.check_budgets: "monitors",
    running_checks.check_slices: "monitors gate features protected",
    running_checks.check_notifications: "monitors",
    running_checks.check_schedule: "schedule",
    running_checks.check_rows: "data_quality",
    running_checks.check_replay: "source policy outcome",
    running_checks.check_online: "online policy outcome actions",
    running_checks.check_mode: "mode source online",
    running_checks.check_executed: "outcome source online",
    running_checks.check_added_rows: "outcome source",
    running_checks.check_retention: "retention outcome monitors schedule online",
}
"""Each check with the sections that it reads."""
