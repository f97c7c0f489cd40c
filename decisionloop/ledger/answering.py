"""Answering a request for an approval: who may, how it is proven who it was, and what follows from a no."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from decisionloop.contract.operation import Approval
from decisionloop.errors import UsageError
from decisionloop.ledger.approvals import (
    LOCK,
    Answer,
    ApprovalAnswer,
    ApprovalRequest,
    append_answer,
    waiting_for_people,
)
from decisionloop.ledger.approver_codes import has_codes, proven
from decisionloop.ledger.held_actions import hold_unsent
from decisionloop.ledger.release_changes import change_stages
from decisionloop.ledger.releases import canary
from decisionloop.ledger.schema import utc_now
from decisionloop.ledger.storage.advisory_lock import take_lock
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.switch_lock import take_switch
from decisionloop.release.grounds import Grounds
from decisionloop.release.requests import StopChallenger
from decisionloop.release.stages import Decider


@dataclass(frozen=True)
class Said:
    """What a person says of a release: yes or no, who it is, why, and a code that proves it ("": there is none)."""

    release_id: str
    answer: Answer
    by: str
    note: str = ""
    code: str = ""


@dataclass(frozen=True)
class Answered:
    """The request that was answered, and the answer as it is kept."""

    request: ApprovalRequest
    answer: ApprovalAnswer

    def as_text(self) -> str:
        """In a sentence."""
        did = "approved" if self.answer.answer == "approve" else "rejected"
        proof = "proven by a code" if self.answer.code_id else "a claim and no proof"
        note = f" “{self.answer.note.rstrip('.')}”." if self.answer.note else ""
        return f"{self.answer.answered_by} has {did} {self.request.release_id} ({proof}).{note}"


def answer_request(ledger: Ledger, use_case: str, said: Said, approval: Approval) -> Answered:
    """Keep the answer to the open request about a release; a no also takes it away from beside the champion.

    Raises UsageError, and writes nothing, where nothing about it is open (with what is), where ``said.by`` may not
    answer or has asked for it, and where the contract or that person's codes ask for more than a name.
    """
    by = said.by.strip()
    with ledger.begin() as connection:
        take_switch(connection, use_case)
        take_lock(connection, LOCK, use_case)
        request = _open_request(connection, use_case, said.release_id.strip())
        _require_may(use_case, request, by, approval)
        code_id = _proof(connection, use_case, said, by, approval)
        told = ApprovalAnswer(use_case, request.seq, said.answer, by, code_id, said.note.strip(), utc_now())
        append_answer(connection, told)
        if told.answer == "reject":
            _take_away(connection, request, told)
    return Answered(request, told)


def _open_request(connection: Connection, use_case: str, release_id: str) -> ApprovalRequest:
    waiting = waiting_for_people(connection, use_case, utc_now())
    found = [one for one in waiting if one.release_id == release_id]
    if not found:
        names = ", ".join(one.release_id for one in waiting)
        right = f"Choose one of: {names}." if names else "Nothing waits for an approval."
        raise UsageError(f"no approval of {release_id or 'no release'} is asked for. {right}")
    return found[-1]


def _require_may(use_case: str, request: ApprovalRequest, by: str, approval: Approval) -> None:
    if by not in approval.approvers:
        raise UsageError(
            f"{by!r} may not answer for {use_case}: approval.approvers names {', '.join(approval.approvers)}."
        )
    if by == request.requested_by:
        others = [one for one in approval.approvers if one != by]
        whom = f"Ask one of: {', '.join(others)}." if others else "approval.approvers names nobody else: add somebody."
        raise UsageError(f"{by} has asked for it, and does not answer as well. {whom}")


def _proof(connection: Connection, use_case: str, said: Said, by: str, approval: Approval) -> str | None:
    """The id of the code that was given; None for a claim, where that is enough."""
    if said.code.strip():
        return proven(connection, use_case, by, said.code)
    make = f"`decisionloop approvers codes {use_case} {by}` makes some."
    if has_codes(connection, use_case, by):
        raise UsageError(f"{by} has codes, and a name alone is not taken for {by} any more. Give one; {make}")
    if not approval.is_claim_enough:
        raise UsageError(f"approval.is_claim_enough is false: give a code of {by}. {make}")
    return None


def _take_away(connection: Connection, request: ApprovalRequest, told: ApprovalAnswer) -> None:
    was = canary(connection, request.use_case)
    reason = f"not approved: {told.note or 'without a note'}"
    grounds = Grounds(Decider("approver", told.answered_by), reason, told.answered_at, {"approval": request.seq})
    change_stages(connection, request.use_case, StopChallenger(request.release_id), grounds)
    if was is not None and was.release_id == request.release_id:
        hold_unsent(connection, request.use_case, reason, told.answered_by)
