"""What the live page says of one use case at this moment, as plain frozen data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from decisionloop.learn.tried_otherwise import TriedOtherwise
from decisionloop.report.record.latency import AnswerLatency
from decisionloop.report.record.lines import BatchLine, ReleaseEventLine, ServingLines, VerdictStory
from decisionloop.report.record.standing import LiveRelease, Standing, Waiting
from decisionloop.report.record.story import Headline, PeriodMoney, UseCaseLines
from decisionloop.report.record.totals import total_of
from decisionloop.report.record.what_next import NOTHING_NEXT, WhatNext

if TYPE_CHECKING:
    from decisionloop.report.record.evidence import Promise


@dataclass(frozen=True)
class Latency:
    """Milliseconds that a decision of the last decided batch took: on average, and where it took longest."""

    mean_ms: float
    longest_ms: float


@dataclass(frozen=True)
class LiveUseCase:
    """One use case now. ``fault``: why its contract cannot be read; its last readable one gives the words then.

    ``unsealed``: how many were decided one at a time and are in no batch that is complete. ``answers``: what became of
    decisions beside how long their answers took, None where no outcome of a timed one is due. ``tried``: as in a
    `Story`.
    """

    case: UseCaseLines
    fault: str
    headline: Headline
    standing: Standing
    batches: tuple[BatchLine, ...]
    money: tuple[PeriodMoney, ...]
    promises: tuple[Promise, ...]
    serving: ServingLines | None
    latency: Latency | None
    caveats: tuple[str, ...]
    unsealed: int = 0
    answers: AnswerLatency | None = None
    tried: TriedOtherwise | None = None
    next: WhatNext = NOTHING_NEXT

    @property
    def champion(self) -> LiveRelease | None:
        """Who decides; None before the first release."""
        return self.standing.champion

    @property
    def waiting(self) -> Waiting:
        """What waits for a person."""
        return self.standing.waiting

    @property
    def month(self) -> str:
        """The month of the last batch, such as "2005-10"; "" before the first."""
        return f"{max(one.as_of for one in self.batches):%Y-%m}" if self.batches else ""

    @property
    def batches_of_month(self) -> tuple[BatchLine, ...]:
        """The batches of that month."""
        return tuple(one for one in self.batches if f"{one.as_of:%Y-%m}" == self.month)

    @property
    def money_of_month(self) -> PeriodMoney | None:
        """The money of that month, of what is complete; None where nothing is."""
        return total_of([one for one in self.money if one.period.startswith(self.month)]) if self.month else None

    @property
    def last_counted(self) -> PeriodMoney | None:
        """The money of the last period whose outcomes are complete."""
        return next((one for one in reversed(self.money) if one.is_mature and one.policy.is_known), None)

    @property
    def total(self) -> PeriodMoney | None:
        """The money of every complete period, as the story's headline has it."""
        return total_of(self.money)


@dataclass(frozen=True)
class LiveReleasePage:
    """One release: where it stands, every step of it, what the gate said, and what was promised and came.

    ``cost_of_1000``: what serving 1,000 with it cost, in currency; None where it has no price.
    """

    case: UseCaseLines
    release: LiveRelease
    kind: str
    steps: tuple[ReleaseEventLine, ...]
    verdicts: tuple[VerdictStory, ...]
    promises: tuple[Promise, ...]
    served: int
    cost_of_1000: float | None
