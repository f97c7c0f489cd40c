"""What the live page says of one use case at this moment, as plain frozen data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from decisionloop.report.record.latency import AnswerLatency
from decisionloop.report.record.lines import BatchLine, ReleaseEventLine, ServingLines, VerdictStory
from decisionloop.report.record.story import Headline, PeriodMoney, UseCaseLines
from decisionloop.report.record.totals import total_of

if TYPE_CHECKING:
    from decisionloop.ledger.alerts import Alert
    from decisionloop.ledger.approvals import ApprovalRequest
    from decisionloop.ledger.flags import Flag
    from decisionloop.ledger.held_actions import WaitingActions
    from decisionloop.ledger.held_cohorts import HeldCohort
    from decisionloop.ledger.incidents import Incident
    from decisionloop.ledger.sendings import Sending
    from decisionloop.report.record.evidence import Promise


@dataclass(frozen=True)
class LiveRelease:
    """Where a release stands, since when, by whose decision and why. ``share``: of the entities, while on trial."""

    release_id: str
    name: str
    stage: str
    since: date
    by: str
    reason: str
    share: float | None = None


@dataclass(frozen=True)
class Waiting:
    """What waits for a person.

    ``switch``: the flag that decides how the kill switch stands for the champion, None where it is off; ``own_switch``:
    that of the use case; ``flags``: every one that holds. ``not_called_back``: what was on its way when it was set.
    """

    switch: Flag | None = None
    own_switch: Flag | None = None
    flags: tuple[Flag, ...] = ()
    not_called_back: tuple[Sending, ...] = ()
    held: tuple[WaitingActions, ...] = ()
    approvals: tuple[ApprovalRequest, ...] = ()
    incidents: tuple[Incident, ...] = ()
    cohorts: tuple[HeldCohort, ...] = ()
    alerts: tuple[Alert, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nobody has to do anything."""
        return not any((self.flags, self.held, self.approvals, self.incidents, self.cohorts, self.alerts))


@dataclass(frozen=True)
class Latency:
    """Milliseconds that a decision of the last decided batch took: on average, and where it took longest."""

    mean_ms: float
    longest_ms: float


@dataclass(frozen=True)
class LiveUseCase:
    """One use case now. ``fault``: why its contract cannot be read; its last readable one gives the words then.

    ``unsealed``: how many were decided one at a time and are in no batch that is complete. ``answers``: what became of
    decisions beside how long their answers took, None where no outcome of a timed one is due.
    """

    case: UseCaseLines
    fault: str
    headline: Headline
    releases: tuple[LiveRelease, ...]
    waiting: Waiting
    batches: tuple[BatchLine, ...]
    money: tuple[PeriodMoney, ...]
    promises: tuple[Promise, ...]
    serving: ServingLines | None
    latency: Latency | None
    caveats: tuple[str, ...]
    unsealed: int = 0
    answers: AnswerLatency | None = None

    @property
    def champion(self) -> LiveRelease | None:
        """Who decides; None before the first release."""
        return next((one for one in self.releases if one.stage == "champion"), None)

    @property
    def beside(self) -> tuple[LiveRelease, ...]:
        """Who is on trial or in shadow beside the champion."""
        return tuple(one for one in self.releases if one.stage in {"canary", "shadow"})

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
