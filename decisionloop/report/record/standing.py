"""Where a use case stands now, as plain frozen data: who decides, who stands beside, and what waits for people."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decisionloop.ledger.alerts import Alert
    from decisionloop.ledger.approvals import ApprovalRequest
    from decisionloop.ledger.flag_spans import FlagSpan
    from decisionloop.ledger.flags import Flag
    from decisionloop.ledger.held_actions import WaitingActions
    from decisionloop.ledger.held_cohorts import HeldCohort
    from decisionloop.ledger.incidents import Incident
    from decisionloop.ledger.sendings import Sending


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
    ``undecided``: due times that left people undecided, by their cohort's name, with how many. ``ended_flags``: the
    last kill switches that hold no more, the newest first; nobody has to do anything about them.
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
    undecided: tuple[tuple[str, int], ...] = ()
    ended_flags: tuple[FlagSpan, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nobody has to do anything."""
        answerable = (self.flags, self.held, self.approvals, self.incidents, self.cohorts, self.alerts)
        return not any((*answerable, self.undecided))


@dataclass(frozen=True)
class Standing:
    """The releases as they stand, and what waits; the story and the live page tell of the same."""

    releases: tuple[LiveRelease, ...] = ()
    waiting: Waiting = field(default_factory=Waiting)

    @property
    def champion(self) -> LiveRelease | None:
        """Who decides; None before the first release."""
        return next((one for one in self.releases if one.stage == "champion"), None)

    @property
    def beside(self) -> tuple[LiveRelease, ...]:
        """Who is on trial or in shadow beside the champion."""
        return tuple(one for one in self.releases if one.stage in {"canary", "shadow"})
