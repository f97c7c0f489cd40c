"""How the loop is watched: what counts as a change, how often an alarm may be false, when to retrain, whom to tell."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import AliasChoices, SerializerFunctionWrapHandler, model_serializer, model_validator

from decisionloop.contract.section import CENTURY, MOST, MOST_MONEY, Section, field, without_usual

MonitorFamily = Literal["inputs", "outputs", "performance", "labels", "value", "impact", "feedback", "skew"]
AlarmSeverity = Literal["info", "warning", "critical"]
_SHARE = "share of a batch"


class Notification(Section):
    """One way to tell people, with what they want to hear and when they sleep."""

    block: str = field(
        "Prefect notification block, as type/name: any notification block of Prefect, or `apprise-channel`, which "
        "takes every Apprise URL (mail, pager, chat).",
        "slack-webhook/credit-risk",
        pattern=r"^[a-z0-9-]+/[a-z0-9-]+$",
    )
    minimum_severity: AlarmSeverity = field("Nothing less is sent.", "warning", default="warning")
    quiet_from: str = field(
        "Start of the quiet hours, HH:MM; empty: none. What is not critical waits until they end.",
        "20:00",
        default="",
        pattern=r"^$|^([01]\d|2[0-3]):[0-5]\d$",
    )
    quiet_until: str = field("Their end, HH:MM.", "07:30", default="", pattern=r"^$|^([01]\d|2[0-3]):[0-5]\d$")
    timezone: str = field("Time zone of the quiet hours.", "Asia/Taipei", default="UTC")


class KnownEvent(Section):
    """Something of the business's own calendar that its figures will show: a campaign, a holiday, a price change."""

    name: str = field("What people call it.", "Lunar New Year", min_length=1)
    from_: date = field(
        "Its first day, YYYY-MM-DD.",
        "2005-02-08",
        validation_alias=AliasChoices("from", "from_"),
        serialization_alias="from",
    )
    until: date = field("Its last day.", "2005-02-13")
    wording: str = field("What it does to the figures, in words.", "branches are closed", default="")

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> KnownEvent:
        if self.until < self.from_:
            raise ValueError(f"the event “{self.name}” ends on {self.until}, before it begins. Exchange the two days.")
        return self


class Monitors(Section):
    """Alarm budgets, what counts as a change, the triggers of retraining, and whom to tell."""

    false_alarms_per_year: float = field(
        "False alarms a year over all monitors together.", 1.0, default=1.0, gt=0, le=MOST
    )
    budgets: dict[MonitorFamily, float] = field(
        "False alarms a year of single families of monitors; the others share what is left equally.",
        {"inputs": 0.2},
        default={},
    )
    minimum_shift: float = field(
        f"Smallest change of a distribution (total-variation distance, {_SHARE}) that is an alarm; half of "
        "it where values are missing, unseen or gone.",
        0.1,
        default=0.1,
        gt=0,
        lt=1,
    )
    minimum_money: float = field(
        "Money a decision at stake below which no alarm is raised, however sure the change.",
        0.5,
        default=0.0,
        ge=0,
        le=MOST_MONEY,
    )
    slices: tuple[str, ...] = field(
        "Category features or protected attributes by which scores and actions are also watched; by features among "
        "them the story says for whom an action is better.",
        ["sex"],
        default=(),
    )
    maximum_auc_drop: float = field(
        "Alarm and retrain when a mature cohort's AUC is surely lower than the release's by this much.",
        0.05,
        default=0.05,
        gt=0,
        lt=0.5,
    )
    maximum_calibration_gap: float = field(
        "Alarm and retrain when observed and predicted rate of a mature cohort surely differ by more than this.",
        0.03,
        default=0.03,
        gt=0,
        lt=1,
    )
    maximum_missing_labels: float = field(
        "Alarm when the share of outcomes that are missing surely exceeds the usual one by more than this; such a "
        "cohort raises no alarm about performance.",
        0.05,
        default=0.05,
        gt=0,
        lt=1,
    )
    minimum_arrived: float = field(
        "The promise of `outcome.maturity_days`: alarm when surely less than this share of the outcomes that a mature "
        "cohort should show is there. Set it lower where you know that more never come.",
        0.8,
        default=0.8,
        ge=0,
        le=1,
    )
    maximum_outcome_shift: float = field(
        "Alarm when the rate of the yes-or-no outcome in a mature cohort surely differs from that of earlier cohorts "
        "by more than this: the world, or what the outcome means, has changed.",
        0.05,
        default=0.05,
        gt=0,
        lt=1,
    )
    maximum_feedback_gap: float = field(
        "Alarm when the model's calibration on traffic that it chose itself and on explored traffic surely drift "
        "apart by more than this.",
        0.05,
        default=0.05,
        gt=0,
        lt=1,
    )
    maximum_skew: float = field(
        "Alarm when surely more than this share of a served feature differs from what its source gives again.",
        0.01,
        default=0.01,
        gt=0,
        lt=1,
    )
    is_plug_pulled: bool = field(
        "Turn the kill switch on when the adverse impact is surely beyond gate.minimum_impact_ratio and the rules' "
        "own is better.",
        True,
        default=True,
    )
    retrain_growth: float | None = field(
        "Retrain when so many times the outcomes are known that the last training saw, and for an incident that was "
        "learnt from when as many times are known since it began; null: more outcomes ask for nothing, and an open "
        "incident asks after every pause.",
        3,
        default=2.0,
        ge=1.1,
        le=MOST,
    )
    retrain_every_days: float = field("Retrain on schedule after so many days.", 91, default=91, gt=0, le=CENTURY)
    minimum_outcomes: int = field("Mature outcomes needed before any training.", 5_000, default=1_000, ge=50, le=MOST)
    minimum_events: int = field("Of which at least so many of the rarer class.", 200, default=50, ge=10, le=MOST)
    cooldown_days: float = field("No retraining sooner than this after another.", 28, default=14, ge=0, le=CENTURY)
    half_life_cohorts: float = field(
        "One of the pasts that a training tries: all of its window, a row's weight halving every so many cohorts.",
        8,
        default=8,
        gt=0,
        le=MOST,
    )
    training_days: float = field("How far back training cohorts reach.", 180, default=365, gt=0, le=CENTURY)
    retraining_cost: float = field(
        "What a retraining costs (review, approval, computing); drift whose money at stake until the next schedule "
        "is less does not start one.",
        500,
        default=0.0,
        ge=0,
        le=MOST_MONEY,
    )
    known_events: tuple[KnownEvent, ...] = field(
        "What the business knows of beforehand. Alarms about those days name it, and are raised all the same.",
        [KnownEvent.example()],
        default=(),
        changes_meaning=False,
    )
    notifications: tuple[Notification, ...] = field(
        "Whom to tell; none: alarms stay in the ledger, the story and Prefect's events.",
        [Notification.example()],
        default=(),
        changes_meaning=False,
    )

    @model_serializer(mode="wrap")
    def _without_the_usual_growth(self, written: SerializerFunctionWrapHandler) -> dict[str, object]:
        """A contract that says nothing of it is written, and has the digest, as before it was there."""
        return without_usual(type(self), written(self), ("retrain_growth",))
