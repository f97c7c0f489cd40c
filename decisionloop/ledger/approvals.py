"""Approvals: what waits for a person before a model decides, and what was answered.

A request is about one release, in its present attempt, beside whoever decides now, and for one purpose: to be tried on
a share of the entities, or to decide for all. When any of that has changed it is about nothing any more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from sqlalchemy import Connection

from decisionloop.ledger.alerts import NewAlert
from decisionloop.ledger.releases import roster_of
from decisionloop.ledger.schema import approval_answer, approval_request, utc_now
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.release.grounds import Grounds
from decisionloop.release.requests import EnterCanary, Promote
from decisionloop.release.roster import Roster

Purpose = Literal["trial", "champion"]
Answer = Literal["approve", "reject"]
State = Literal["open", "approved", "rejected", "lapsed"]
LetDecide = EnterCanary | Promote
"""What lets a model decide that did not: for a share of the entities, or for all."""
Tell = Callable[[Connection, NewAlert], object]
LOCK = "approval"
"""Whoever asks, answers or acts on an answer has it alone: one request for one thing, one answer to each."""
KIND: Final = "approval"
"""The kind of the alert that asks people for an answer."""
IN_WORDS: dict[Purpose, str] = {"trial": "be tried on a share of the entities", "champion": "decide for everybody"}


@dataclass(frozen=True)
class ApprovalRequest:
    """What waits for an answer; ``evidence`` is JSON text."""

    use_case: str
    seq: int
    release_id: str
    attempt: int
    purpose: Purpose
    champion_id: str
    requested_by: str
    reason: str
    evidence: str
    requested_at: datetime
    answer_until: datetime

    def as_text(self) -> str:
        """In words: what is to happen, who asks, until when, and why."""
        until = f"until {self.answer_until:%Y-%m-%d %H:%M} UTC"
        return (
            f"{self.release_id} is to {IN_WORDS[self.purpose]} (asked by {self.requested_by}, {until}): {self.reason}"
        )


@dataclass(frozen=True)
class ApprovalAnswer:
    """What a person answered; ``code_id`` None: nothing but the caller's word says who it was."""

    use_case: str
    seq: int
    answer: Answer
    answered_by: str
    code_id: str | None
    note: str
    answered_at: datetime


@dataclass(frozen=True)
class Asked:
    """A request and what has become of it."""

    request: ApprovalRequest
    state: State
    answer: ApprovalAnswer | None = None


def purpose_of(request: LetDecide, roster: Roster) -> Purpose | None:
    """What a person would approve; None for a larger share of a trial, which its approval has covered."""
    if isinstance(request, Promote):
        return "champion"
    return None if roster.canary == request.release_id else "trial"


def asked_for(source: Ledger | Connection, use_case: str, request: LetDecide, now: datetime) -> Asked | None:
    """The last request for the same thing as things stand; None where nobody has asked."""
    with facts.reading(source) as connection:
        roster = roster_of(connection, use_case)
        purpose = purpose_of(request, roster)
        same = [
            one
            for one in _requests(connection, use_case)
            if one.purpose == purpose and one.release_id == request.release_id and _is_of_now(one, roster)
        ]
        return _with_answer(connection, same[-1], now) if same else None


def waiting_for_people(source: Ledger | Connection, use_case: str, now: datetime) -> tuple[ApprovalRequest, ...]:
    """Every request that is open: about what still is so, without an answer, and not too old."""
    with facts.reading(source) as connection:
        roster = roster_of(connection, use_case)
        beside = {roster.canary, *roster.in_shadow}
        asked = [
            _with_answer(connection, one, now)
            for one in _requests(connection, use_case)
            if _is_of_now(one, roster) and one.release_id in beside
        ]
    return tuple(one.request for one in asked if one.state == "open")


def ask_people(
    connection: Connection, use_case: str, request: LetDecide, grounds: Grounds, within_days: float, tell: Tell
) -> ApprovalRequest:
    """Append a request, and tell people of it in the same transaction."""
    roster = roster_of(connection, use_case)
    purpose = purpose_of(request, roster)
    assert purpose is not None  # only what needs an approval is asked for
    now = utc_now()
    new = ApprovalRequest(
        use_case=use_case,
        seq=facts.next_seq(connection, approval_request, approval_request.c.use_case == use_case),
        release_id=request.release_id,
        attempt=roster.attempt_of(request.release_id),
        purpose=purpose,
        champion_id=str(roster.champion),
        requested_by=str(grounds.evidence.get("asked_by") or grounds.by.name),
        reason=grounds.reason,
        evidence=facts.canonical_json(grounds.evidence),
        requested_at=now,
        answer_until=now + timedelta(days=within_days),
    )
    facts.add(connection, approval_request, [new])
    remedy = f"`decisionloop approve {use_case} {new.release_id} --by NAME` says yes, and with --reject no."
    tell(
        connection, NewAlert("warning", KIND, f"An approval is asked for: {new.as_text()}", remedy, None, str(new.seq))
    )
    return new


def append_answer(connection: Connection, answer: ApprovalAnswer) -> bool:
    """Keep an answer; False where the request has one."""
    return facts.add(connection, approval_answer, [answer]) == 1


def answers(source: Ledger | Connection, use_case: str) -> tuple[ApprovalAnswer, ...]:
    """Every answer, in the order of the requests."""
    table = approval_answer.c
    return facts.every(source, ApprovalAnswer, approval_answer, table.use_case == use_case, order_by=[table.seq])


def _requests(source: Ledger | Connection, use_case: str) -> tuple[ApprovalRequest, ...]:
    table = approval_request.c
    return facts.every(source, ApprovalRequest, approval_request, table.use_case == use_case, order_by=[table.seq])


def _is_of_now(one: ApprovalRequest, roster: Roster) -> bool:
    """Whether it is about the present attempt, beside whoever decides now."""
    return (one.champion_id, one.attempt) == (roster.champion, roster.attempt_of(one.release_id))


def _with_answer(connection: Connection, request: ApprovalRequest, now: datetime) -> Asked:
    table = approval_answer.c
    where = (table.use_case == request.use_case, table.seq == request.seq)
    found = facts.one(connection, ApprovalAnswer, approval_answer, *where)
    if found is not None:
        return Asked(request, "approved" if found.answer == "approve" else "rejected", found)
    return Asked(request, "open" if now < request.answer_until else "lapsed")
