"""What the page says of the monitors, line by line: series, alarms, incidents, their record, causes and weak slices."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from decisionloop.report.record.estimate import Estimate


@dataclass(frozen=True)
class WatchPoint:
    """One measurement of a cohort ("2005-09-08"), against the limit that it was judged by, if any."""

    cohort: str
    estimate: Estimate
    threshold: float | None
    n: int
    effective_n: float | None = None
    is_alarm: bool = False
    is_mature: bool = True


@dataclass(frozen=True)
class Series:
    """One monitor of one slice through time. ``unit`` is share, ratio or money; ``alpha`` of its last alarm."""

    monitor: str
    wording: str
    unit: str
    points: tuple[WatchPoint, ...]
    alpha: float | None = None
    evidence: str = ""

    @property
    def last(self) -> WatchPoint:
        """The newest point that says something, else the newest."""
        return next((one for one in reversed(self.points) if one.estimate.is_known), self.points[-1])

    @property
    def alarms(self) -> int:
        """How many of its points are alarms."""
        return sum(one.is_alarm for one in self.points)


@dataclass(frozen=True)
class Shares:
    """Shares of a reference and of now under the same labels."""

    labels: tuple[str, ...]
    reference: tuple[float, ...]
    current: tuple[float, ...]


@dataclass(frozen=True)
class MonitorAlarm:
    """One alarm: what changed, how surely, what it may cost and what to do. ``stake`` in currency of the batch."""

    on: date
    cohort: str
    severity: str
    monitor: str
    wording: str
    unit: str
    value: Estimate
    threshold: float
    bound: float | None
    alpha: float
    stake: float | None
    words: str
    suggestion: str
    shares: Shares | None = None


@dataclass(frozen=True)
class IncidentLine:
    """Alarms of one family, folded into one incident. ``state`` is opened, acknowledged or closed."""

    incident_id: str
    family: str
    state: str
    severity: str
    opened_on: date
    last_alarm_on: date
    alarms: int
    stake: float | None
    words: str
    suggestion: str
    reason: str = ""

    @property
    def is_open(self) -> bool:
        """Whether nobody closed it."""
        return self.state != "closed"


@dataclass(frozen=True)
class FamilyWatch:
    """One family of monitors. ``series`` are in the order of their closeness to alarm; the first are charted.

    ``foretold`` before outcomes came is drawn into one chart with what was ``seen`` then. ``budget``: false alarms a
    year that the family may raise.
    """

    family: str
    series: tuple[Series, ...]
    alarms: tuple[MonitorAlarm, ...]
    incidents: tuple[IncidentLine, ...]
    checks: int
    budget: float
    last_checked: str = ""
    foretold: Series | None = None
    seen: Series | None = None

    @property
    def is_watched(self) -> bool:
        """Whether there is anything to show."""
        return bool(self.series or self.alarms or self.incidents)

    @property
    def lead(self) -> MonitorAlarm | None:
        """The alarm that words, chart and bars are about: that of the open incident, else of the last; None without."""
        told = self.open_incident or (self.incidents[-1] if self.incidents else None)
        of_incident = [one for one in self.alarms if told is not None and one.words == told.words]
        return next(reversed(of_incident or self.alarms), None)

    @property
    def charted(self) -> tuple[Series, ...]:
        """Series that are drawn: that of the alarm that is told of, else the first.

        Where a family asks few questions, the second that is judged as well.
        """
        judged = [one for one in self.series if any(point.threshold is not None for point in one.points)]
        ordered = sorted(judged or self.series, key=lambda one: not self.is_led_by(one))
        return tuple(ordered[: 2 if 1 < len(judged) <= 3 else 1])

    def is_led_by(self, series: Series) -> bool:
        """Whether the series is the one that the leading alarm was raised in."""
        lead = self.lead
        return lead is not None and (lead.monitor, lead.wording) == (series.monitor, series.wording)

    @property
    def open_incident(self) -> IncidentLine | None:
        """The incident that waits for a person, the newest first."""
        return next((one for one in reversed(self.incidents) if one.is_open), None)

    @property
    def last_shares(self) -> MonitorAlarm | None:
        """The leading alarm where it shows what changed; bars of another one would tell of another thing."""
        return self.lead if self.lead is not None and self.lead.shares is not None else None


@dataclass(frozen=True)
class CauseLine:
    """Why decisions went wrong: how many large misses had this cause, and the money by which they surprised.

    ``months``: those in which they were decided, such as "2005-09".
    """

    wording: str
    misses: int
    money: float
    months: tuple[str, ...] = ()


@dataclass(frozen=True)
class WeakSliceLine:
    """A slice where decisions lose against what was expected. ``money`` per decision and ``total`` in currency."""

    wording: str
    n: int
    money: Estimate
    total: float | None


@dataclass(frozen=True)
class ForetoldLine:
    """One cohort's AUC as it was foretold before its outcomes came, and as it was."""

    cohort: str
    foretold: float
    realised: float


@dataclass(frozen=True)
class LateLine:
    """Outcomes that were ``missing`` when a cohort was measured, as earlier cohorts show: what share of them still
    comes, and the rate of the outcome among those late ones, beside that of those that had come early.
    """

    cohort: str
    missing: int
    comes: Estimate
    late: Estimate
    early: Estimate


@dataclass(frozen=True)
class Monitoring:
    """Everything that the page's section on monitors says. ``batches`` were watched over ``years``."""

    families: tuple[FamilyWatch, ...]
    batches: int = 0
    years: float = 0.0
    causes: tuple[CauseLine, ...] = ()
    weak_slices: tuple[WeakSliceLine, ...] = ()
    foretold: tuple[ForetoldLine, ...] = ()
    late: LateLine | None = None

    @property
    def incidents(self) -> tuple[IncidentLine, ...]:
        """Incidents of all families by the day on which they opened."""
        found = [one for family in self.families for one in family.incidents]
        return tuple(sorted(found, key=lambda one: (one.opened_on, one.incident_id)))

    @property
    def still_open(self) -> tuple[IncidentLine, ...]:
        """Incidents that wait for a person."""
        return tuple(one for one in self.incidents if one.is_open)


def greatest_stake(stakes: Iterable[float | None]) -> float | None:
    """Money a batch that several incidents put at stake: the greatest, None where nobody can say of any.

    Not their sum: monitors that look at the same outcomes see the same loss.
    """
    return max((stake for stake in stakes if stake is not None), default=None)
