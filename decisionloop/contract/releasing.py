"""What a release must show before it decides, and by which steps it comes to decide."""

from __future__ import annotations

from pydantic import SerializerFunctionWrapHandler, model_serializer, model_validator

from decisionloop.contract.operation import Money
from decisionloop.contract.retired import without_silent
from decisionloop.contract.section import CENTURY, MOST, MOST_MONEY, Section, field, without_usual


class Gate(Section):
    """What a candidate must show before it may decide."""

    yearly_error: float = field(
        "How likely at most, in a year, any release is promoted that earns no more than the champion. Every challenger "
        "spends a part of it, and is looked at after every cohort. `confidence` and `shadow_batches` of earlier "
        "versions say nothing any more.",
        0.05,
        default=0.05,
        ge=1e-9,
        le=0.5,
    )
    first_look_confidence: float = field(
        "One-sided confidence of the first look that a candidate earns more. It only lets it into shadow, where it can "
        "harm nobody.",
        0.7,
        default=0.7,
        gt=0.5,
        lt=1,
    )
    minimum_gain: Money = field("Money per decision that the challenger must surely add.", 0.0, default=0.0)
    minimum_effective_n: float = field(
        "Effective sample size below which the gate does not answer, and no kind of case is known well enough for a "
        "model to depart from the rules in it.",
        100,
        default=100,
        gt=1,
        le=MOST,
    )
    maximum_calibration_error: float = field(
        "Largest difference between predicted and observed rate.", 0.05, default=0.05, gt=0, le=1
    )
    maximum_auc_loss: float = field("AUC it may lose against a model champion.", 0.02, default=0.02, ge=0, le=1)
    minimum_impact_ratio: float = field(
        "Smallest adverse impact ratio of a group (the four-fifths rule).", 0.8, default=0.8, gt=0, le=1
    )
    longest_comparison: int = field(
        "Mature cohorts after which a challenger is refused whose gain is not proven.", 26, default=26, ge=1, le=MOST
    )

    slices: tuple[str, ...] | None = field(
        "Category features or protected attributes in no group of which a challenger may surely earn less than the "
        "champion; null: the protected attributes.",
        ["sex"],
        default=None,
    )
    maximum_slice_loss: Money = field(
        "Money per decision of a group that it may earn less there than the champion.", 0.0, default=0.0, ge=0
    )

    @model_serializer(mode="wrap")
    def _without_the_usual_slices(self, written: SerializerFunctionWrapHandler) -> dict[str, object]:
        """A contract that says nothing of slices is written, and has the digest, as before there were any."""
        return without_usual(type(self), written(self), ("slices", "maximum_slice_loss"))

    @model_validator(mode="before")
    @classmethod
    def _of_earlier_versions(cls, written: object) -> object:
        return without_silent(written, "gate")


class CanaryStep(Section):
    """A share of the entities that a challenger decides for, and how sure it must be that it earns more."""

    share: float = field("Share of the entities.", 0.05, gt=0, lt=1)
    confidence: float = field(
        "One-sided confidence, from the first look or by the comparison since, that it earns more than the champion.",
        0.8,
        ge=0.5,
        lt=1,
    )


class Canary(Section):
    """How a challenger comes to decide: for a few first, for more the surer it is that it earns more.

    It does not wait for proof, which outcomes bring late; proof promotes it. A step is taken at most once a batch, and
    none while what has matured since speaks against it.
    """

    steps: tuple[CanaryStep, ...] = field(
        "Shares in increasing order; no step: a challenger decides nothing before it is champion.",
        [{"share": 0.05, "confidence": 0.8}],
        default=(
            CanaryStep(share=0.05, confidence=0.8),
            CanaryStep(share=0.25, confidence=0.9),
            CanaryStep(share=0.5, confidence=0.95),
            CanaryStep(share=0.9, confidence=0.99),
        ),
    )
    baking_days: float = field(
        "Days in which an alarm about a model that the gate has made champion (its scores, performance, impact or "
        "money), or a batch that it cannot score, lets whoever decided before decide again.",
        28,
        default=14.0,
        ge=0,
        le=CENTURY,
    )

    @model_serializer(mode="wrap")
    def _without_the_usual_days(self, written: SerializerFunctionWrapHandler) -> dict[str, object]:
        """A contract that says nothing of them is written, and has the digest, as before they were there."""
        return without_usual(type(self), written(self), ("baking_days",))


class Shadow(Section):
    """How a release that is scored beside the champion is audited: what is beyond a limit, people are told at once.

    It decides nothing. What is surely not so is told, and what only may be so is in the report.
    """

    maximum_seconds: float = field(
        "Seconds that it may take for a part of a batch; what takes longer has failed, and the batch goes on.",
        120,
        default=120.0,
        gt=0,
        le=MOST,
    )
    on_newest_batch: bool = field(
        "Whether who enters shadow is scored at once on the newest batch, which was decided without it, and may be on "
        "trial by the next; false: it waits for the next one.",
        False,
        default=True,
    )
    error: float = field(
        "How likely at most an audit says of a release that answers like the champion that it does not.",
        0.01,
        default=0.01,
        ge=1e-9,
        le=0.5,
    )
    maximum_nan_share: float = field("Share of rows that it may value at NaN.", 0.01, default=0.01, ge=0, le=1)
    maximum_disagreement: float = field(
        "Share of decisions that it may take otherwise than the champion.", 0.5, default=0.5, ge=0, le=1
    )
    maximum_loss: float | None = field(
        "Money per decision of the batch that its other actions may cost by the champion's own reckoning; null: any.",
        5,
        default=None,
        ge=0,
        le=MOST_MONEY,
    )
    minimum_same_reason: float = field(
        "Share of decisions on which both agree that it must explain by the same first reason.",
        0.3,
        default=0.0,
        ge=0,
        le=1,
    )

    @model_serializer(mode="wrap")
    def _without_the_usual_batch(self, written: SerializerFunctionWrapHandler) -> dict[str, object]:
        """A contract that says nothing of it is written, and has the digest, as before it was there."""
        return without_usual(type(self), written(self), ("on_newest_batch",))
