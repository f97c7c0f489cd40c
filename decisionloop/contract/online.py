"""Whether a decision is also made one at a time, and how what was decided so becomes batches."""

from __future__ import annotations

from decisionloop.contract.section import Section, field


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

    @property
    def batches_per_day(self) -> float:
        """How many batches a day monitors look at, at most."""
        return 1440 / self.sealed_every_minutes
