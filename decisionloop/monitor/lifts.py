"""Money of each cohort over something simpler: the rules, the holdout, one action for everybody; as sequences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from decisionloop.contract import UseCase
from decisionloop.observe.confidence_sequence import ConfidenceSequence, lift_sequence
from decisionloop.observe.entity_lift import EntityMoney, entity_lift
from decisionloop.observe.estimate import Estimate

_TO_THE_RULES = "Put the rules back in charge (`decisionloop kill-switch`) until a candidate passes the gate."
RULES_COME_BACK = "The rules come back by themselves, unless `guardrails.when_rules_lose` says that people decide."
"""What to do where the default action, in the rules' place, earns less than they would."""


@dataclass(frozen=True)
class RulesLifts:
    """Money per decision of each cohort since the release began over the rules on the same decisions, oldest first."""

    cohorts: tuple[Estimate, ...]
    other: ClassVar[str] = "rules"
    slice: ClassVar[str] = "all"
    wording: ClassVar[str] = "the rules would have"
    suggestion: str = _TO_THE_RULES

    def sequence(self, last: int | None = None) -> ConfidenceSequence | None:
        """Of all cohorts, or of the ``last`` so many; None where no cohort could tell yet."""
        if last is None:
            return lift_sequence(self.cohorts, are_independent=True)
        return lift_sequence(self.cohorts[-last:], are_independent=True, planned_looks=last)


@dataclass(frozen=True)
class HoldoutLifts:
    """Money of each cohort since the release began, of the policy and of the holdout, entity by entity, oldest first.

    The same people return, so cohorts are not independent, and entities are (see `observe.entity_lift`).
    """

    cohorts: tuple[EntityMoney, ...]
    other: ClassVar[str] = "holdout"
    slice: ClassVar[str] = "all"
    wording: ClassVar[str] = "the customers held out, who stayed on the rules,"
    suggestion: str = _TO_THE_RULES

    def sequence(self, last: int | None = None) -> ConfidenceSequence | None:
        """Of all cohorts, or of the ``last`` so many; None where no cohort could tell yet."""
        if last is None:
            return entity_lift(self.cohorts)
        return entity_lift(self.cohorts[-last:], planned_looks=last)


@dataclass(frozen=True)
class ActionLifts:
    """Money per decision of each cohort since the release began over one action for everybody, oldest first.

    The action's money is known without an outcome (`observe.known_actions`), so the chance is that of what was done
    instead, and of the people whom it was done to, who return.
    """

    cohorts: tuple[Estimate, ...]
    slice: str
    wording: str
    suggestion: str
    other: str = "action"

    @classmethod
    def of(cls, use_case: UseCase, action: int, cohorts: tuple[Estimate, ...]) -> ActionLifts:
        """Over the ``action`` (index in contract order)."""
        one = use_case.actions[action]
        switch = f"`decisionloop kill-switch {use_case.name} default` gives it to everybody, the holdout too; then look"
        remedy = switch if one.is_default else "Look"
        return cls(
            cohorts,
            f"action={one.name}",
            f"“{one.wording}” for everybody would have",
            f"{remedy} at what the rules and the contract's economics take to be worth more than it.",
        )

    @classmethod
    def of_rules(cls, use_case: UseCase, cohorts: tuple[Estimate, ...]) -> ActionLifts:
        """Of the rules over the default action, neither exploring: what stops them (`release.stop_loss`)."""
        one = use_case.actions[use_case.default_action]
        return cls(
            cohorts,
            f"action={one.name}",
            f"“{one.wording}” for everybody would have",
            "It takes the rules' place by itself, unless `guardrails.when_rules_lose` says that people decide. Look at "
            "what the rules and the contract's economics take to be worth more than it.",
            "default",
        )

    def sequence(self, last: int | None = None) -> ConfidenceSequence | None:
        """Of all cohorts, or of the ``last`` so many; None where no cohort could tell yet."""
        if last is None:
            return lift_sequence(self.cohorts, are_independent=False)
        return lift_sequence(self.cohorts[-last:], are_independent=False, planned_looks=last)


Lifts = RulesLifts | HoldoutLifts | ActionLifts
