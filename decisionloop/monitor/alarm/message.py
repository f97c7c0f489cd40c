"""What people are told of an incident: one message about all that is new in it, the gravest and dearest first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from decisionloop.contract.monitoring import AlarmSeverity
from decisionloop.monitor.alarm.incidents import SEVERITIES


class AlarmFacts(Protocol):
    """What a message needs of an alarm, as the ledger keeps it."""

    @property
    def alarm_id(self) -> str:
        """Its id, which orders alarms that weigh the same."""
        ...

    @property
    def incident_id(self) -> str:
        """The incident that it belongs to."""
        ...

    @property
    def severity(self) -> str:
        """How urgent it is."""
        ...

    @property
    def cohort(self) -> str:
        """What it was found about."""
        ...

    @property
    def stake_per_decision(self) -> float | None:
        """Money at stake; None: nobody can say."""
        ...

    @property
    def stake_total(self) -> float | None:
        """The same of the whole cohort."""
        ...

    @property
    def words(self) -> str:
        """What changed."""
        ...

    @property
    def suggestion(self) -> str:
        """What to do."""
        ...


A = TypeVar("A", bound=AlarmFacts)


@dataclass(frozen=True)
class Notification:
    """What people are told, and how urgent it is."""

    severity: AlarmSeverity
    title: str
    body: str


def by_incident(alarms: Iterable[A]) -> dict[str, list[A]]:
    """The alarms of each incident, the gravest and dearest first."""
    grouped: dict[str, list[A]] = defaultdict(list)
    for one in sorted(alarms, key=_weight, reverse=True):
        grouped[one.incident_id].append(one)
    return grouped


def incident_message(use_case: str, incident_id: str, news: Sequence[AlarmFacts], page: str) -> Notification:
    """One message about all that is new in an incident, which is at least one alarm, the gravest first.

    ``page``: of the runbook.
    """
    worst = news[0]
    more = f" (and {len(news) - 1} more)" if len(news) > 1 else ""
    suggestions = list(dict.fromkeys(one.suggestion for one in news))
    where = f"Incident {incident_id}, batch of {worst.cohort}. `decisionloop incidents list {use_case}` shows it."
    lines = [*(f"- {one.words} {_money(one)}" for one in news), "", *suggestions, "", where, f"Runbook: {page}"]
    return Notification(_severity(worst), f"{use_case}: {worst.words}{more}", "\n".join(lines))


def _weight(alarm: AlarmFacts) -> tuple[int, float, str]:
    return SEVERITIES.index(_severity(alarm)), alarm.stake_total or 0.0, alarm.alarm_id


def _severity(alarm: AlarmFacts) -> AlarmSeverity:
    return alarm.severity  # type: ignore[return-value]  # the ledger keeps it as text


def _money(alarm: AlarmFacts) -> str:
    if alarm.stake_per_decision is None or alarm.stake_total is None:
        return "What is at stake is unknown."
    return f"At stake: {alarm.stake_per_decision:,.2f} a decision, {alarm.stake_total:,.0f} in this batch."
