"""What is decided, about whom, from what, and what is seen afterwards."""

from __future__ import annotations

from typing import Literal

from pydantic import AliasChoices, SerializerFunctionWrapHandler, model_serializer

from decisionloop.contract.section import CENTURY, MOST, AsWritten, Section, field, without_usual

NAME = r"^[a-z][a-z0-9_]*$"
LONGEST_NAME = 63
"""What PostgreSQL keeps of the name of a column."""
FeatureType = Literal["number", "integer", "boolean", "category"]


class Entity(Section):
    """Whom a decision is about."""

    key: str = field(
        "Column that identifies the entity, read as text.", "client_id", pattern=NAME, max_length=LONGEST_NAME
    )
    noun: str = field("What people call one of them.", "client", changes_meaning=False)


class Feature(Section):
    """One input of models and rules, as of the decision time."""

    name: str = field(
        "Column name in the frame that features.py returns.", "utilisation", pattern=NAME, max_length=LONGEST_NAME
    )
    type: FeatureType = field("number, integer, boolean or category.", "number")
    wording: str = field(
        "What people call it; reason codes use these words.", "share of the limit in use", changes_meaning=False
    )
    unit: str = field("Unit of the values.", "share of limit", default="")
    range: tuple[float, float] | None = field(
        "Smallest and largest admissible value (numbers and integers); null: any.", [-5.0, 10.0], default=None
    )
    categories: tuple[AsWritten, ...] = field(
        "Admissible values of a category; others are unseen.", ["web", "shop"], default=()
    )
    is_nullable: bool = field("May the value be missing?", False, default=False)
    is_model_input: bool = field("False keeps the feature for the rules and the economics only.", True, default=True)
    reason_group: str = field("Features of one group share one reason code; empty: its own.", "arrears", default="")
    purpose: str = field(
        "Why the decision may use it.", "Clients near their limit have little slack.", changes_meaning=False
    )


class ProtectedAttribute(Section):
    """An attribute on which nobody may be disadvantaged; frozen with the batch, not a feature."""

    name: str = field(
        "Column name in the frame that features.py returns.", "sex", pattern=NAME, max_length=LONGEST_NAME
    )
    groups: dict[AsWritten, str] = field("Each value and its wording.", {"1": "men", "2": "women"}, min_length=2)
    reference: AsWritten = field("The value that other groups are compared with.", "1")
    minimum_group_size: int = field("Smaller groups are not judged.", 200, default=200, ge=1, le=MOST)
    is_feature: bool = field("True admits it as a model input, knowingly; the default is never.", False, default=False)


class ClassOutcome(Section):
    """A yes-or-no outcome."""

    column: str = field(
        "Outcome column of the source; 1 is yes, 0 is no.", "arrears", pattern=NAME, max_length=LONGEST_NAME
    )
    wording: str = field("What a yes means.", "two or more months late at the next statement", changes_meaning=False)


class AmountOutcome(Section):
    """An outcome that is a quantity."""

    column: str = field(
        "Outcome column of the source. Where it is empty beside a class of no, the amount is 0.",
        "spend",
        pattern=NAME,
        max_length=LONGEST_NAME,
    )
    unit: str = field("Unit of the amount.", "EUR")
    largest: float | None = field(
        "The largest amount to be reckoned with, though nobody has seen one yet (a legacy among small gifts); negative "
        "where what is rare and large is owed. No gain is then proven before it is sure beside such amounts. null: the "
        "largest that was seen.",
        50_000,
        default=None,
        changes_meaning=False,
    )
    rows: Literal["latest", "sum"] | None = field(
        "What several rows of one decision are. latest: each tells all that is known by then (a total so far, a "
        "correction), and the latest counts. sum: each is a part (an instalment; a refund is a negative one), and all "
        "that were seen are added up. A row that repeats another in every column of its table counts once; with a "
        "class, one yes is a yes; a part cannot be posted. null: latest, and it is told where many decisions have "
        "several rows.",
        "sum",
        default=None,
    )

    @model_serializer(mode="wrap")
    def _without_what_is_not_said(self, written: SerializerFunctionWrapHandler) -> dict[str, object]:
        """A contract that does not say it has the digest that it had before one could."""
        return without_usual(type(self), written(self), ("rows",))


class ExecutedAction(Section):
    """What was really done, where people or another system may do otherwise than was chosen.

    It may come with the outcome, long before it, or alone; over HTTP as well. Of whom nothing is said the action that
    was chosen was executed.
    """

    action: str = field(
        "Column of the outcomes' source with the action that was executed, by the names of `actions`; what never took "
        "place is the default action. Empty: the source has none, and it is posted.",
        "executed_action",
        default="",
    )
    by: str = field("Column that says who did otherwise; empty: none.", "overridden_by", default="")
    reason: str = field(
        "Column that says why; overrides are counted by it, so let there be few. Empty: none.",
        "override_reason",
        default="",
    )

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the source has."""
        return tuple(name for name in (self.action, self.by, self.reason) if name)


class Outcome(Section):
    """What is seen after the action: a class, an amount, or both."""

    class_: ClassOutcome | None = field(
        "The yes-or-no outcome, if there is one.",
        {"column": "arrears", "wording": "two or more months late"},
        default=None,
        validation_alias=AliasChoices("class", "class_"),
        serialization_alias="class",
    )
    amount: AmountOutcome | None = field(
        "The quantity, if there is one. Where it is mostly zero, who has one and how large it is are learnt apart.",
        {"column": "spend", "unit": "EUR"},
        default=None,
    )
    window_days: float = field(
        "An outcome counts if it happened within so many days of its decision, however late it was seen.",
        31,
        gt=0,
        le=CENTURY,
    )
    happened_at: str | None = field(
        "Column of the outcomes' source that says when an outcome happened; null: the time it was seen stands in, and "
        "what is seen after the window cannot be told from what happened after it.",
        "happened_at",
        default=None,
        min_length=1,
    )
    maturity_days: float = field(
        "After so many days a decision's outcome is taken as complete; with `due`, the latest that any falls due.",
        31,
        gt=0,
        le=CENTURY,
    )
    due: str = field(
        "Expression over features and constants: so many days after its decision each outcome falls due (an arrival, "
        "the end of a contract), where one maturity does not fit all. It is bounded by 0 and maturity_days, and is "
        "maturity_days where it cannot be told. A cohort matures when its last outcome is due. Empty: maturity_days.",
        "days_until_arrival + 1",
        default="",
    )
    absent_means: Literal["unknown", "0"] = field(
        "What no outcome says once it is due: unknown (it may still come, or never), or 0 (no conversion by the end of "
        "the window is a class of 0 and an amount of 0). What happened in the window and is seen later revises it.",
        "unknown",
        default="unknown",
    )
    depends_on_action: bool = field(
        "False: whatever is done, the same outcome is seen; every action reveals it, and there is nothing to explore.",
        True,
        default=True,
    )
    closed_days: float | None = field(
        "After so many days an outcome is not taken in any more (a bound of retention, and of the decisions that a "
        "source is told of); null: however late it is seen.",
        365,
        default=None,
        gt=0,
        le=CENTURY,
    )
    executed: ExecutedAction | None = field(
        "Where one learns what was really done; null: what is chosen is executed. With it the money of a decision is "
        "that of what was executed, and what another policy would have earned is told as of recommendations to the "
        "same people.",
        {"action": "executed_action", "by": "overridden_by", "reason": "override_reason"},
        default=None,
    )

    @model_serializer(mode="wrap")
    def _without_what_is_not_there(self, written: SerializerFunctionWrapHandler) -> dict[str, object]:
        """A contract of which every choice is executed has the digest that it had before one could say otherwise."""
        return without_usual(type(self), written(self), ("executed",))

    @property
    def are_rows_added(self) -> bool:
        """Whether the rows of a decision are parts of its amount, which are added up."""
        return self.amount is not None and self.amount.rows == "sum"

    @property
    def means_zero_when_absent(self) -> bool:
        """Whether a decision without an outcome counts as 0 once its outcome is due."""
        return self.absent_means == "0"

    @property
    def accepted_days(self) -> float:
        """How long after a due time a decision that was missed is still worth making good."""
        return 2 * self.maturity_days if self.closed_days is None else self.closed_days


class Action(Section):
    """One thing that can be done."""

    name: str = field("Name in decisions and in the economics.", "increase", pattern=NAME, max_length=LONGEST_NAME)
    wording: str = field("What people call it.", "raise the limit by 10 %", changes_meaning=False)
    is_default: bool = field("The action of doing nothing; exactly one.", False, default=False)
    reveals_outcome: bool = field("Does taking it let the outcome be seen?", True)
    is_sent: bool = field("Does it leave through the actuator?", True, default=True)
    allowed_if: str = field(
        "Expression over features that must hold for the action to be allowed; empty: always. The default "
        "action is always allowed.",
        "status < 4",
        default="",
    )
    is_favourable: bool = field(
        "Is it an advantage to the person? Adverse impact is judged on these.", True, default=False
    )


class Model(Section):
    """How the model sees actions, and which kinds of model are tried."""

    action_as: Literal["revealing_action", "input"] = field(
        "revealing_action: one model of the outcome under the one revealing action. "
        "input: the action is an input, so every action gets its own prediction.",
        "revealing_action",
    )
    candidates: tuple[Literal["scorecard", "gradient_boosting"], ...] = field(
        "Kinds of model to train at each retraining.",
        ["scorecard", "gradient_boosting"],
        default=("scorecard", "gradient_boosting"),
        min_length=1,
    )
    seed: int = field("Seed of everything random in training.", 0, default=0, ge=0, le=MOST)
    reasons: int = field(
        "How many reasons are logged with each decision of a model, the largest first; 0: none.",
        3,
        default=3,
        ge=0,
        le=100,
    )
