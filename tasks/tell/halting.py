"""A batch is stopped, and people are told: halted with its alert and its notices in one transaction, or warned of.

What is found wrong in batch after batch, and decided in spite of it, is told once for as long as it goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NoReturn

from decisionloop.contract.monitoring import AlarmSeverity
from decisionloop.errors import BatchHalted
from decisionloop.ledger.alerts import NewAlert
from decisionloop.ledger.batches import append_batch_event, cohort_name
from decisionloop.ledger.going_on import Found, is_told, note_found
from decisionloop.ledger.present_alerts import present_alerts
from decisionloop.masking import masked
from decisionloop.monitor.alarm.runbook import AlertKind
from tasks.readback.batch_in_hand import BatchInHand
from tasks.tell.announcements import announce
from tasks.tell.queueing import append_alert_and_notices, raise_alert


@dataclass(frozen=True)
class Stop:
    """Why a batch must not go on as it is: the ``kind`` of alert, a ``reason`` short enough for a row, all of it.

    ``found``: what each reason is about, by which it is known again in the next batch; else the ``reason`` is.
    """

    kind: AlertKind
    reason: str
    reasons: Sequence[str]
    remedies: Sequence[str]
    found: Sequence[Found] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "reason", masked(self.reason))
        object.__setattr__(self, "found", tuple(self.found) or (Found(self.reason),))

    @property
    def check(self) -> str:
        """Every reason in one line."""
        return masked("; ".join(reason.rstrip(".") for reason in self.reasons))

    @property
    def remedy(self) -> str:
        """Every remedy once."""
        return masked(" ".join(dict.fromkeys(self.remedies)))


def halt(hand: BatchInHand, stop: Stop) -> NoReturn:
    """Mark a batch as halted, with its alert and the notices in one transaction, and raise BatchHalted."""
    is_closed = stop.kind != "validation" and hand.use_case.guardrails.when_halted == "nobody"
    name, as_of, remedy = hand.use_case.name, cohort_name(hand.as_of), stop.remedy
    if stop.kind == "validation":
        remedy += f" Once its data are repaired, `decisionloop run {name} --as-of {as_of}` decides it."
    with hand.ledger.begin() as connection:
        append_batch_event(connection, hand.batch_id, "halted", {"check": stop.check, "is_closed": is_closed})
        told = f"The batch of {as_of} was halted: {stop.check}"
        new = NewAlert("critical", stop.kind, told, remedy, hand.batch_id)
        append_alert_and_notices(connection, hand.workspace.use_case, new)
    announce("batch.halted", name, hand.batch_id, {"check": stop.check, "remedy": remedy})
    raise BatchHalted(hand.batch_id, stop.check, remedy)


def warn(hand: BatchInHand, stop: Stop, severity: AlarmSeverity, what_follows: str) -> None:
    """Tell people why a batch should not go on as it is, and what follows from it."""
    raise_alert(hand.workspace, _warning(hand, stop, severity, what_follows))


def warn_while_it_goes_on(hand: BatchInHand, stop: Stop, severity: AlarmSeverity, what_follows: str) -> None:
    """`warn` of what the next batches may have, too: told again only where something new comes to it."""
    tell_while_it_goes_on(hand, _warning(hand, stop, severity, what_follows), stop.found)


def tell_while_it_goes_on(hand: BatchInHand, new: NewAlert, found: Sequence[Found]) -> None:
    """Raise an alert about what was found in a batch, unless alerts that people still see tell of all of it.

    What was found is noted first and by itself: whoever is killed in between tells of it when the batch is run again,
    and else the next batch does. What is critical of a batch that is begun anew is told of each attempt: the alert of
    the one before is over with it.
    """
    if new.severity == "critical" and hand.batch.attempt > 1:
        new = replace(new, occasion=f"attempt {hand.batch.attempt}")
    note_found(hand.ledger, hand.batch, new, found)
    if not is_told(hand.ledger, hand.batch, new, found, present_alerts(hand.ledger, hand.use_case.name)):
        raise_alert(hand.workspace, new)


def _warning(hand: BatchInHand, stop: Stop, severity: AlarmSeverity, what_follows: str) -> NewAlert:
    return NewAlert(severity, stop.kind, f"{stop.check}. {what_follows}", stop.remedy, hand.batch_id)
