"""Whether a decision is also made one at a time, and how what was decided so becomes batches."""

from __future__ import annotations

from pydantic import SerializerFunctionWrapHandler, model_serializer

from decisionloop.contract.section import CENTURY, Section, field, without_usual


class Online(Section):
    """Decided one at a time, over HTTP, as the service is asked; written as `online: {}` where the default fits."""

    sealed_every_minutes: float = field(
        "What was decided in so many minutes is sealed as one batch. Monitors look at every batch, so the alarm budget "
        "is shared among as many.",
        15,
        default=15,
        ge=1,
        le=1440,
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
        return without_usual(type(self), written(self), ("look_up_seconds", "holds_minutes"))

    @property
    def batches_per_day(self) -> float:
        """How many batches a day monitors look at, at most."""
        return 1440 / self.sealed_every_minutes
