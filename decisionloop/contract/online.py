"""Whether a decision is also made one at a time, and how what was decided so becomes batches."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pydantic import SerializerFunctionWrapHandler, model_serializer

from decisionloop.contract.section import CENTURY, Section, field, without_usual

FIRST_PERIOD = datetime(1969, 12, 29, tzinfo=UTC)
"""Where periods are counted from: a Monday, so that those of seven days are weeks."""


class Online(Section):
    """Decided one at a time, over HTTP, as the service is asked; written as `online: {}` where the default fits."""

    sealed_every_minutes: float = field(
        "After so many minutes what was decided is sealed as a part of the batch of its watching period: frozen, in "
        "the ledger's tables, and held against the guardrails.",
        15,
        default=15,
        ge=1,
        le=1440,
    )
    period_hours: int = field(
        "The watching period: hours that divide a day, or whole days, counted from a Monday, UTC. What the same "
        "releases decided in one is one batch and one cohort: monitors look at it once, windows and the alarm budget "
        "count periods, and `policy.constraints` hold over one.",
        24,
        default=24,
        ge=1,
        le=744,
    )

    look_up_seconds: float = field(
        "Where a request sends no features the service computes them from the source; after so many seconds the row is "
        "left to the rules.",
        0.5,
        default=1.0,
        gt=0,
        le=60,
    )
    holds_minutes: float | None = field(
        "So long an answer may be acted on; null: as long as `outcome.window_days`, for what happens after that counts "
        "as no outcome of it.",
        60,
        default=None,
        gt=0,
        le=CENTURY * 1440,
    )

    @model_serializer(mode="wrap")
    def _without_what_came_later(self, written: SerializerFunctionWrapHandler) -> dict[str, object]:
        """A contract that says nothing of these has the digest that it had before there were any."""
        return without_usual(type(self), written(self), ("look_up_seconds", "holds_minutes", "period_hours"))

    @property
    def period(self) -> timedelta:
        """How long a watching period is."""
        return timedelta(hours=self.period_hours)

    @property
    def looks_per_day(self) -> float:
        """How many batches a day monitors look at: two a period.

        One, and another one for the periods in which a release, the kill switch or a late request makes a second batch.
        """
        return 48 / self.period_hours

    def begin_of_period(self, moment: datetime) -> datetime:
        """When the watching period began that a moment lies in."""
        return FIRST_PERIOD + (moment - FIRST_PERIOD) // self.period * self.period
