"""Who decides a batch that a model must not decide: the rules at once, a person later, or nobody; the contract says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from decisionloop.act.situation import STANDING_IN
from decisionloop.ledger.going_on import Found
from decisionloop.monitor.alarm.finding import Finding
from decisionloop.monitor.alarm.runbook import AlertKind
from tasks.readback.batch_in_hand import BatchInHand
from tasks.tell.announcements import announce
from tasks.tell.halting import Stop, halt, warn_while_it_goes_on


def stop_of(kind: AlertKind, reason: str, findings: Sequence[Finding]) -> Stop | None:
    """What a monitor found that a model must not act on, if anything."""
    stopping = [finding for finding in findings if finding.is_alarm and finding.is_halting]
    if not stopping:
        return None
    found = [Found(f"{one.monitor} of {one.slice}") for one in stopping]
    return Stop(kind, reason, [one.words for one in stopping], [one.suggestion for one in stopping], found)


def hand_over(hand: BatchInHand, stop: Stop | None) -> str:
    """What becomes of a batch that a model must not decide; returns why the rules decide it, "" where they need not.

    Where rules decide anyway people are told, and it goes on. A model's batch goes to the rules at once, unless
    guardrails.when_halted says that it waits for a person or that nobody is decided: then it raises BatchHalted. While
    batch after batch of one release is so and is decided, people are told once.
    """
    if stop is None:
        return ""
    if not hand.is_of_model:
        warn_of_rules(hand, stop)
        return ""
    if hand.use_case.guardrails.when_halted != "rules":
        halt(hand, stop)
    by_release = tuple(replace(one, name=f"{one.name}, {hand.champion.release_id}") for one in stop.found)
    warn_while_it_goes_on(hand, replace(stop, found=by_release), "critical", "The rules decide this batch.")
    announce("batch.handed_over", hand.use_case.name, hand.batch_id, {"check": stop.check, "remedy": stop.remedy})
    return STANDING_IN + stop.reason


def warn_of_rules(hand: BatchInHand, stop: Stop | None) -> None:
    """Tell people of what would stop a model, once while it goes on: rules go on."""
    if stop is not None:
        who = "Another system decides" if hand.use_case.is_observing else "Rules decide"
        warn_while_it_goes_on(hand, stop, "warning", f"{who}, so the batch goes on.")
