"""Alerts about what is not over: what a person must still know, asked in one place by whoever counts or lists them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice

from decisionloop.ledger.alert_events import alert_states
from decisionloop.ledger.alerts import DELIVERY, FAILED_RUN, Alert, alerts
from decisionloop.ledger.batches import DECIDED_STATES, Batch, batches, events
from decisionloop.ledger.drills import KIND as DRILL
from decisionloop.ledger.drills import drills
from decisionloop.ledger.going_on import FoundSince, found_since
from decisionloop.ledger.held_actions import count_held, count_unsent
from decisionloop.ledger.missed_due import MISSED
from decisionloop.ledger.releases import ReleaseStage, current_stages
from decisionloop.ledger.restore_drills import KIND as RESTORE_DRILL
from decisionloop.ledger.restore_drills import restore_drills
from decisionloop.ledger.storage.engine import Ledger

MOST = 1_000
"""Nobody reads more."""
OF_RELEASES = ("canary", "champion", "shadow", "stopped")
"""Kinds of alerts that tell of one release, which their message names first."""
GONE = ("refused", "retired", "rolled_back")


def present_alerts(ledger: Ledger, use_case: str) -> tuple[Alert, ...]:
    """The alerts of a use case about what is not over, oldest first; of more than `MOST` the last ones.

    What batch after batch has is told once: its message says in how many it was found since.
    """
    closed = {alert_id for alert_id, state in alert_states(ledger, use_case).items() if state == "closed"}
    every = alerts(ledger, use_case)
    going_on = found_since(ledger, use_case, every)
    told = (one for one in reversed(every) if one.alert_id not in closed)
    since = _Since(ledger, use_case)
    present = (one for one in told if not _is_quiet(one, going_on) and not since.is_past(one))
    return tuple(_gone_on(one, going_on.get(one.alert_id)) for one in reversed(tuple(islice(present, MOST))))


def _is_quiet(alert: Alert, going_on: Mapping[str, FoundSince]) -> bool:
    """Whether it is over by itself; of what is critical a person says so."""
    return alert.severity != "critical" and alert.alert_id in going_on and going_on[alert.alert_id].is_over


def _gone_on(alert: Alert, found: FoundSince | None) -> Alert:
    if found is None or found.batches < 2:
        return alert
    goes = "Found" if found.is_over else "It goes on: found"
    words = f"{alert.message.rstrip('.')}. {goes} in {found.batches} batches so far, the last {found.last_batch_id}"
    return replace(alert, message=f"{words} ({found.newest})." if found.newest else f"{words}.")


def unanswered(ledger: Ledger, use_case: str) -> tuple[Alert, ...]:
    """The critical alerts about what is not over that nobody has acknowledged, oldest first."""
    answered = alert_states(ledger, use_case)
    critical = (one for one in present_alerts(ledger, use_case) if one.severity == "critical")
    return tuple(one for one in critical if one.alert_id not in answered)


@dataclass(frozen=True)
class _Since:
    """What has happened since alerts were raised, read once where it is asked for."""

    ledger: Ledger
    use_case: str

    def is_past(self, alert: Alert) -> bool:
        """Whether what an alert told of is over: who is missed has a line of their own, for as long as they are.

        What was told of a batch is over once it was begun anew and decided, a failed run once a later one decided, a
        failed delivery once nothing of its batch waits but what is held, what was told of a drill once a later one of
        its kind has worked, and what was told of a release once that stands elsewhere and a later batch was decided.
        """
        if alert.kind == MISSED:
            return True
        if alert.kind == DELIVERY and alert.batch_id and self._has_left(alert.batch_id):
            return True
        if alert.kind == FAILED_RUN:
            return self._has_decided_since(alert)
        if alert.kind == DRILL:
            return any(not one.failure and one.at > alert.at for one in drills(self.ledger, alert.use_case))
        if alert.kind == RESTORE_DRILL:
            return any(not one.failure and one.at > alert.at for one in restore_drills(self.ledger, alert.use_case))
        if alert.kind in OF_RELEASES and self._has_moved_on(alert) and self._has_decided_since(alert):
            return True
        told = events(self.ledger, alert.batch_id) if alert.batch_id else ()
        begun = [event.at for event in told if event.state == "opened"]
        return bool(begun) and told[-1].state in DECIDED_STATES and alert.at < begun[-1]

    def _has_left(self, batch_id: str) -> bool:
        """Whether every action of a batch has left, was cancelled, or waits for a person to release it."""
        return count_unsent(self.ledger, batch_id, "all") == count_held(self.ledger, batch_id)

    def _has_decided_since(self, alert: Alert) -> bool:
        return any(one.is_decided and one.state_at > alert.at for one in self._batches)

    def _has_moved_on(self, alert: Alert) -> bool:
        """Whether the release that the alert names first is gone, or has another stage than when it was raised."""
        named = {at: one for one in self._stages if (at := alert.message.find(one.release_id)) >= 0}
        if not named:
            return False
        told = named[min(named)]
        return told.stage in GONE or (told.event.recorded_at or told.event.as_of) > alert.at

    @cached_property
    def _batches(self) -> tuple[Batch, ...]:
        return batches(self.ledger, self.use_case)

    @cached_property
    def _stages(self) -> tuple[ReleaseStage, ...]:
        return tuple(current_stages(self.ledger, self.use_case))
