"""What stops a batch: halted with its alert and its notice, or handed over to the rules with the reason on each row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from decisionloop.contract.watching import AlarmSeverity
from decisionloop.errors import BatchHalted
from decisionloop.ledger.alerts import NewAlert
from decisionloop.ledger.batches import append_batch_event
from decisionloop.monitor.alarm.finding import Finding
from tasks.readback.batch_in_hand import BatchInHand
from tasks.tell.announcements import announce
from tasks.tell.notices import append_alert_and_notices, raise_alert

BY_RULES = "The rules decide this batch."


@dataclass(frozen=True)
class Stop:
    """Why a batch must not go on as it is: the ``kind`` of alert, a ``reason`` short enough for a row, all of it."""

    kind: str
    reason: str
    reasons: Sequence[str]
    remedies: Sequence[str]

    @property
    def check(self) -> str:
        """Every reason in one line."""
        return "; ".join(reason.rstrip(".") for reason in self.reasons)

    @property
    def remedy(self) -> str:
        """Every remedy once."""
        return " ".join(dict.fromkeys(self.remedies))


def stop_of(kind: str, reason: str, findings: Sequence[Finding]) -> Stop | None:
    """What a monitor found that a model must not act on, if anything."""
    stopping = [finding for finding in findings if finding.is_alarm and finding.is_halting]
    if not stopping:
        return None
    return Stop(kind, reason, [one.words for one in stopping], [one.suggestion for one in stopping])


def hand_over(hand: BatchInHand, stop: Stop | None) -> str:
    """What becomes of a batch that a model must not decide; returns why the rules decide it, "" where they need not.

    Where rules decide anyway they are told and go on. A model's batch goes to the rules at once, unless the contract
    says that it waits for a person or that nobody is decided: then it is halted with BatchHalted.
    """
    if stop is None:
        return ""
    if not hand.is_of_model:
        _tell(hand, stop, "warning", "Rules decide, so the batch goes on.")
        return ""
    if hand.use_case.guardrails.when_halted != "rules":
        halt(hand, stop)
    _tell(hand, stop, "critical", BY_RULES)
    announce("batch.handed_over", hand.use_case.name, hand.batch_id, {"check": stop.check, "remedy": stop.remedy})
    return stop.reason


def halt(hand: BatchInHand, stop: Stop) -> NoReturn:
    """Mark a batch as halted, with its alert and the notices in one transaction, and raise BatchHalted."""
    is_closed = stop.kind != "validation" and hand.use_case.guardrails.when_halted == "nobody"
    with hand.ledger.begin() as connection:
        append_batch_event(connection, hand.batch_id, "halted", {"check": stop.check, "is_closed": is_closed})
        new = NewAlert("critical", stop.kind, stop.check, stop.remedy, hand.batch_id)
        append_alert_and_notices(connection, hand.workspace.use_case, new)
    announce("batch.halted", hand.use_case.name, hand.batch_id, {"check": stop.check, "remedy": stop.remedy})
    raise BatchHalted(hand.batch_id, stop.check, stop.remedy)


def _tell(hand: BatchInHand, stop: Stop, severity: AlarmSeverity, what_follows: str) -> None:
    raise_alert(
        hand.workspace, NewAlert(severity, stop.kind, f"{stop.check}. {what_follows}", stop.remedy, hand.batch_id)
    )
