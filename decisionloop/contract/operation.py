"""How the decision is run: money, policy, guardrails, data quality, monitors, schedule, actuator, people."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from decisionloop.contract.exploration import Exploration, PricedExploration
from decisionloop.contract.retired import with_exploration
from decisionloop.contract.section import CENTURY, MOST, MOST_MONEY, PublicUrl, Section, field, without_usual

Severity = Literal["critical", "row", "warning"]
Money = Annotated[float, Field(ge=-MOST_MONEY, le=MOST_MONEY)]
Rows = Annotated[int, Field(ge=0, le=MOST)]
WhenHalted = Literal["rules", "hold", "nobody"]
WhenLosing = Literal["rules", "alert"]
WhenRulesLose = Literal["default", "alert"]


class Economics(Section):
    """What each action earns or loses, as expressions; nothing about money is hidden in code."""

    currency: str = field("Currency of every value.", "NTD")
    constants: dict[str, Money] = field("Named numbers for the expressions.", {"margin": 0.03}, default={})
    value: dict[str, str] = field(
        "For each action the money earned (negative: lost) by one decision. Names: features, constants, "
        "`outcome` (1 or 0) and `amount`.",
        {"hold": "0", "increase": "0.1 * limit * where(outcome, -loss, margin)"},
    )
    explanation: str = field(
        "The economics in a sentence, for the story.", "Margin 3 %, loss 45 %.", changes_meaning=False
    )


class ServingCost(Section):
    """What serving a decision costs, in the currency of the economics; at 0 it is measured but has no price."""

    cpu_hour: float = field("Money for an hour of one processor core.", 1.6, default=0.0, ge=0, le=MOST_MONEY)
    stored_gib: float = field(
        "Money for keeping one GiB (2**30 bytes) for the life of the record.",
        10,
        default=0.0,
        ge=0,
        le=MOST_MONEY,
    )

    @property
    def is_priced(self) -> bool:
        """Whether anything has a price."""
        return self.cpu_hour > 0 or self.stored_gib > 0

    def money(self, cpu_seconds: float, bytes_stored: float = 0) -> float:
        """What so many processor seconds and stored bytes cost."""
        return cpu_seconds / 3600 * self.cpu_hour + bytes_stored / 2**30 * self.stored_gib


class BudgetConstraint(Section):
    """The expected cost of a batch stays within a limit; the price of money is found, not guessed."""

    kind: Literal["budget"] = field("Which constraint this is.", "budget")
    cost: dict[str, str] = field("Cost of each action, as an expression.", {"offer": "5"})
    limit: float = field("Most that a batch may cost, in currency.", 10_000, ge=0, le=MOST_MONEY)


class ShareConstraint(Section):
    """The expected share of an action in a batch stays within bounds."""

    kind: Literal["share"] = field("Which constraint this is.", "share")
    action: str = field("The action.", "increase")
    minimum: float = field("Smallest share.", 0.4, default=0.0, ge=0, le=1)
    maximum: float = field("Largest share.", 0.95, default=1.0, ge=0, le=1)


Constraint = Annotated[BudgetConstraint | ShareConstraint, Field(discriminator="kind")]


class Policy(Section):
    """How an action is chosen once every action has an expected value."""

    exploration: Exploration = field(
        "How far decisions try other allowed actions that reveal an outcome, so that the loop keeps learning, and what "
        "that may cost. `exploration_share: 0.05` of earlier versions is read as `{kind: uniform, share: 0.05}`.",
        {"kind": "priced", "budget_share": 0.01},
        default=PricedExploration(),
    )
    holdout_share: float = field("Share of entities that stay on the rules for good: the referee.", 0.05, ge=0, le=0.5)
    salt: str = field("Changing it redraws holdout and exploration.", "2005", default="1")
    constraints: tuple[Constraint, ...] = field(
        "Limits that the choice itself respects.",
        [{"kind": "share", "action": "increase", "minimum": 0.4}],
        default=(),
    )

    @model_validator(mode="before")
    @classmethod
    def _of_earlier_versions(cls, written: object) -> object:
        return with_exploration(written)


class Guardrails(Section):
    """What keeps a model from deciding a batch (see when_halted). Rules are kept within shares and cost, and go on."""

    maximum_score_shift: float = field(
        "Total-variation distance between the batch's scores and the release's reference; above it, stop a model.",
        0.25,
        default=0.25,
        gt=0,
        le=1,
    )
    maximum_feature_shift: float = field(
        "Share of a feature's values (total-variation distance) that surely moved from the reference; above it, stop a "
        "model.",
        0.25,
        default=0.25,
        gt=0,
        le=1,
    )
    maximum_action_shift: float = field(
        "Share of decisions (total-variation distance) that surely get another action than in the last batches of "
        "the same release; above it, stop a model.",
        0.25,
        default=0.25,
        gt=0,
        le=1,
    )
    action_share: dict[str, tuple[float, float]] = field(
        "Realised share of an action in a batch, smallest and largest; outside it, stop a model.",
        {"increase": [0.3, 0.97]},
        default={},
    )
    maximum_cost: float | None = field(
        "Realised cost of a batch under the budget's cost expressions; above it, stop a model.",
        12_000,
        default=None,
        ge=0,
        le=MOST_MONEY,
    )
    when_halted: WhenHalted = field(
        "Who decides when a guardrail stops a model's batch. rules: the rules decide the whole batch at once, and "
        "each row says why. hold: the batch waits, undecided, until a person runs it again. nobody: the batch is "
        "closed without a decision about anyone. Broken data (data_quality) halts a batch whoever decides.",
        "hold",
        default="rules",
    )
    when_losing: WhenLosing = field(
        "What becomes of a model that has surely earned less than the rules, the holdout or the default action for "
        "everybody (an alarm of the value monitors). rules: it is rolled back at once, and the rules decide until a "
        "challenger passes the gate; see when_rules_lose. alert: people are told, and it goes on.",
        "alert",
        default="rules",
        changes_meaning=False,
    )
    when_rules_lose: WhenRulesLose = field(
        "What becomes of rules that have surely earned less than the default action would have for everybody, whose "
        "money is known without an outcome. default: everybody but the holdout gets it, what the rules would do is "
        "explored, and they come back once they surely earn more. alert: people are told, and the rules go on.",
        "alert",
        default="default",
        changes_meaning=False,
    )

    @model_serializer(mode="wrap")
    def _without_the_usual(self, written: SerializerFunctionWrapHandler) -> dict[str, object]:
        """A contract that says nothing of it keeps the digest that it had before there was a choice."""
        return without_usual(type(self), written(self), ("when_rules_lose",))


class DataQuality(Section):
    """Severity of each check of a batch: critical halts it, row sends rows to the rules, warning is kept."""

    schema_: Severity = field("Missing columns or wrong types.", "critical", default="critical", alias="schema")
    nulls: Severity = field("Share of missing values above the reference.", "critical", default="critical")
    row_nulls: Severity = field("Missing where the contract says never.", "row", default="row")
    ranges: Severity = field("Values outside the contract's range.", "row", default="row")
    unseen_categories: Severity = field("Values outside the contract's categories.", "row", default="row")
    vanished_categories: Severity = field("A usual category is gone.", "critical", default="critical")
    duplicates: Severity = field("The same entity twice.", "critical", default="critical")
    row_count: Severity = field("Too few or too many rows.", "critical", default="critical")
    freshness: Severity = field("The newest source row is too old.", "critical", default="critical")
    legacy_actions: Severity = field(
        "In `mode: observe`: no action of the other system, one that the contract does not name, several at once, or "
        "a propensity outside (0, 1]. row: such a decision is left out, and counted; critical: the batch waits for the "
        "correction.",
        "row",
        default="row",
    )
    constant_columns: Severity = field("A feature with a single value.", "warning", default="warning")
    maximum_row_fault_share: float = field(
        "Row-level faults in more than this share of rows are critical.", 0.1, default=0.1, gt=0, le=1
    )
    maximum_null_excess: float = field(
        "How far the share of missing values may exceed the reference.", 0.1, default=0.1, gt=0, le=1
    )
    rows: tuple[Rows, Rows] = field(
        "Fewest and most rows of a batch; from 0 a batch in which nobody is due is as it should be.", [5_000, 10_000]
    )
    maximum_age_days: float = field("Age of the newest source row at which data is stale.", 35, gt=0, le=CENTURY)

    @model_serializer(mode="wrap")
    def _without_what_is_usual(self, written: SerializerFunctionWrapHandler) -> dict[str, object]:
        """A contract that says nothing of another system keeps the digest that it had before it could."""
        return without_usual(type(self), written(self), ("legacy_actions",))


class Latency(Section):
    """Time budgets that a release must meet."""

    online_ms: float = field("One decision online, in milliseconds.", 100, default=100, gt=0, le=MOST)
    batch_ms_per_row: float = field("One row of a batch, in milliseconds.", 1.0, default=1.0, gt=0, le=MOST)


class Schedule(Section):
    """When the loop runs by itself."""

    cron: str = field(
        "When a batch is due, as a cron expression of five fields; a replay runs at the same times.", "0 6 * * 1"
    )
    timezone: str = field("Time zone of the cron expression.", "UTC", default="UTC")
    covers_days: float = field(
        "A batch decides the entities that fell due in so many days up to its as-of; whoever falls due "
        "outside of every batch's days is not decided.",
        7,
        default=7,
        gt=0,
        le=CENTURY,
    )
    concurrent_runs: int | None = field(
        "Runs of the use case's own deployments at a time, in a work pool of its own (decisionloop-NAME) that a worker "
        "of its own serves, so that its models do not fight with others for memory; null: in the pool of all.",
        1,
        default=None,
        ge=1,
        le=1_000,
        changes_meaning=False,
    )

    @model_serializer(mode="wrap")
    def _without_the_usual(self, written: SerializerFunctionWrapHandler) -> dict[str, object]:
        """A contract that asks for no pool is written, and has the digest, as before it could."""
        return without_usual(type(self), written(self), ("concurrent_runs",))


class Approval(Section):
    """Who answers for the use case."""

    owner: str = field("Who owns the decision.", "credit-risk@example.com")
    approvers: tuple[str, ...] = field(
        "Who may approve releases, lift the kill switch and let go what it holds.",
        ["head-of-credit@example.com"],
        min_length=1,
    )
    is_required: bool = field(
        "Whether a model comes to decide, for a few on trial or for all, only after one of the approvers said yes.",
        True,
        default=False,
    )
    is_claim_enough: bool = field(
        "Whether the name that an answer bears is taken for who gave it; else it needs a code of that approver "
        "(`decisionloop approvers codes`).",
        False,
        default=True,
    )
    within_days: float = field(
        "Days in which a request is answered; after them it lapses, and nobody comes to decide by it.",
        7,
        default=7.0,
        gt=0,
        le=CENTURY,
    )

    @model_serializer(mode="wrap")
    def _without_what_is_not_asked(self, written: SerializerFunctionWrapHandler) -> dict[str, object]:
        """A contract that asks for no approval is written, and has the digest, as before there were any."""
        content: dict[str, object] = written(self)
        usual = {name: part.default for name, part in type(self).model_fields.items() if not part.is_required()}
        return {name: value for name, value in content.items() if name not in usual or value != usual[name]}


class FileActuator(Section):
    """Actions leave as JSON lines, one file a chunk, written whole or not at all."""

    kind: Literal["file"] = field("Which actuator this is.", "file")
    folder: str = field("Folder; relative paths start at the home folder.", "outbox", default="outbox")
    chunk_rows: int = field("Actions a file.", 10_000, default=10_000, ge=1, le=MOST)


class HttpActuator(Section):
    """Actions leave as POSTed JSON with an idempotency key; the receiver drops repeats by decision_id."""

    kind: Literal["http"] = field("Which actuator this is.", "http")
    url: PublicUrl = field(
        "Where to POST; who is let in says `DECISIONLOOP_SECRETS_DIR`.",
        "http://127.0.0.1:8099/actions",
        pattern=r"^https?://",
    )
    chunk_rows: int = field("Actions a request.", 500, default=500, ge=1, le=MOST)


Actuator = Annotated[FileActuator | HttpActuator, Field(discriminator="kind")]
