"""The contract of one decision problem: everything that makes it, in one frozen model."""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from typing import Literal

from decisionloop.contract.data_source import RandomisedLogReplay, SourceSpec, TablesSource
from decisionloop.contract.expressions import Expression
from decisionloop.contract.monitoring import Monitors
from decisionloop.contract.number_features import NumberFeatures
from decisionloop.contract.online import Online
from decisionloop.contract.operation import (
    Actuator,
    Approval,
    DataQuality,
    Economics,
    FileActuator,
    Guardrails,
    Latency,
    Policy,
    Schedule,
    ServingCost,
)
from decisionloop.contract.problem import (
    LONGEST_NAME,
    NAME,
    Action,
    ClassOutcome,
    Entity,
    Feature,
    Model,
    Outcome,
    ProtectedAttribute,
)
from decisionloop.contract.releasing import Canary, Gate, Shadow
from decisionloop.contract.retention import Retention
from decisionloop.contract.section import MOST, Section, field
from decisionloop.contract.watchdog import Watchdog

_DOING_NOTHING = {"name": "hold", "wording": "leave the limit", "is_default": True, "reveals_outcome": False}


class UseCase(Section):
    """One decision problem. Read it with :func:`decisionloop.contract.loading.load_use_case`.

    Sections are held against each other where it is read (:mod:`decisionloop.contract.consistency`).
    """

    name: str = field("Name; also the folder's name.", "credit_line", pattern=NAME, max_length=LONGEST_NAME)
    version: int = field("Raise it whenever the meaning of the contract changes.", 1, ge=1, le=MOST)
    title: str = field("The decision in a few words.", "Raise a client's credit line", changes_meaning=False)
    description: str = field("What is decided and why, for people.", "Each month …", changes_meaning=False)
    mode: Literal["decide", "observe"] = field(
        "decide: the loop decides. observe: another system decides, the source says what (`source.legacy`, "
        "`legacy_log_replay`, or a source.py with `legacy_decisions`); nothing is sent, explored or held out.",
        "observe",
        default="decide",
    )
    entity: Entity = field("Whom a decision is about.", Entity.example())
    features: tuple[Feature, ...] = field("Inputs of models and rules.", [Feature.example()], min_length=1)
    protected: tuple[ProtectedAttribute, ...] = field(
        "Attributes on which nobody may be disadvantaged.", [ProtectedAttribute.example()], default=()
    )
    outcome: Outcome = field("What is seen afterwards.", {"class": ClassOutcome.example(), **Outcome.example()})
    actions: tuple[Action, ...] = field("What can be done.", [_DOING_NOTHING, Action.example()], min_length=2)
    model: Model = field("How the model sees actions.", Model.example())
    economics: Economics = field("What is earned or lost.", Economics.example())
    serving_cost: ServingCost = field("What serving costs.", {"cpu_hour": 1.6, "stored_gib": 10}, default=ServingCost())
    policy: Policy = field("How an action is chosen.", Policy.example())
    guardrails: Guardrails = field("What stops a batch.", {"maximum_score_shift": 0.25})
    data_quality: DataQuality = field("Checks of a batch.", DataQuality.example())
    monitors: Monitors = field("Alarm budgets and triggers.", {"retrain_every_days": 91}, default=Monitors())
    gate: Gate = field("What a candidate must show.", {"yearly_error": 0.05}, default=Gate())
    canary: Canary = field(
        "By which steps it comes to decide.", {"steps": [{"share": 0.05, "confidence": 0.8}]}, default=Canary()
    )
    shadow: Shadow = field("What it may do beside the champion.", {"maximum_disagreement": 0.3}, default=Shadow())
    latency: Latency = field("Time budgets.", {"online_ms": 100}, default=Latency())
    schedule: Schedule = field("When the loop runs.", Schedule.example())
    online: Online | None = field(
        "Whether it is decided one at a time as well, over HTTP; null: in batches only.", {}, default=None
    )
    actuator: Actuator = field("How actions leave.", FileActuator.example())
    source: SourceSpec = field("Where data comes from.", TablesSource.example())
    approval: Approval = field("Who answers for it.", Approval.example(), changes_meaning=False)
    watchdog: Watchdog = field(
        "When the loop itself is late, and who is told where nobody answers.",
        {"batch_late_hours": 4},
        default=Watchdog(),
        changes_meaning=False,
    )
    retention: Retention = field(
        "How long what is stored of persons is kept.", {"decisions": 25}, default=Retention(), changes_meaning=False
    )

    @cached_property
    def digest(self) -> str:
        """sha256 of the contract's content, whatever its layout in YAML."""
        told = self.model_dump(mode="json", by_alias=True)
        if self.online is None:
            del told["online"]  # contracts from before there was this section keep their digest
        if not self.is_observing:
            del told["mode"]
        if self.shadow == Shadow():
            del told["shadow"]
        for name, usual in (("watchdog", Watchdog()), ("retention", Retention())):
            if getattr(self, name) == usual:
                del told[name]
        content = json.dumps(told, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(content.encode()).hexdigest()

    @cached_property
    def action_names(self) -> tuple[str, ...]:
        """Names of the actions, in contract order: the A axis of every array."""
        return tuple(action.name for action in self.actions)

    @cached_property
    def feature_names(self) -> tuple[str, ...]:
        """Names of all features, in contract order."""
        return tuple(feature.name for feature in self.features)

    @cached_property
    def number_features(self) -> NumberFeatures:
        """Features that are numbers, and what is wanted of each."""
        return NumberFeatures.of(self.features)

    @cached_property
    def model_inputs(self) -> tuple[Feature, ...]:
        """Features that a model may read, in contract order."""
        return tuple(feature for feature in self.features if feature.is_model_input)

    @property
    def is_observing(self) -> bool:
        """Whether another system makes the decisions, and the loop only looks on."""
        return self.mode == "observe"

    @property
    def are_outcomes_drawn(self) -> bool:
        """Whether the source tells only of decisions that took the action which a recorded experiment had drawn.

        What such a replay does not tell is a fair draw: it is neither lost nor late, and nothing promises it.
        """
        return isinstance(self.source, RandomisedLogReplay)

    @cached_property
    def default_action(self) -> int:
        """Index of the action of doing nothing."""
        return next(i for i, action in enumerate(self.actions) if action.is_default)

    @cached_property
    def revealing(self) -> tuple[bool, ...]:
        """For each action, whether taking it lets the outcome be seen."""
        return tuple(action.reveals_outcome for action in self.actions)

    @property
    def is_action_modelled(self) -> bool:
        """Whether predictions differ by action: it is a model input, and the outcome depends on it."""
        return self.model.action_as == "input" and self.outcome.depends_on_action

    @property
    def is_explored(self) -> bool:
        """Whether decisions ever explore; not where every action reveals the same outcome: it would teach nothing."""
        exploration = self.policy.exploration
        is_off = exploration.share == 0 if exploration.kind == "uniform" else exploration.is_off
        return self.outcome.depends_on_action and not is_off and not self.is_observing

    @cached_property
    def value_expressions(self) -> tuple[Expression, ...]:
        """The money of each action, in contract order."""
        return tuple(Expression(self.economics.value[name]) for name in self.action_names)

    @cached_property
    def is_value_known(self) -> tuple[bool, ...]:
        """For each action, whether its money is known without any outcome."""
        return tuple(not (e.names & {"outcome", "amount"}) for e in self.value_expressions)
