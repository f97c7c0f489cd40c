"""Letting a model decide: whatever must hold for it is asked for in the transaction that lets it."""

from __future__ import annotations

from dataclasses import dataclass

from decisionloop.contract.operation import Approval
from decisionloop.errors import UsageError
from decisionloop.ledger.approvals import LOCK, Asked, LetDecide, Tell, ask_people, asked_for, purpose_of
from decisionloop.ledger.flags import switch_of
from decisionloop.ledger.release_changes import change_stages
from decisionloop.ledger.releases import ReleaseEvent, roster_of
from decisionloop.ledger.schema import utc_now
from decisionloop.ledger.storage.advisory_lock import take_lock
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.switch_lock import steady_switch
from decisionloop.release.grounds import Evidence, Grounds
from decisionloop.release.requests import planned


@dataclass(frozen=True)
class Waits:
    """Nobody is let decide yet: what a person must approve first, and what has become of the request for it."""

    asked: Asked

    def as_text(self) -> str:
        """In a sentence."""
        request, answer = self.asked.request, self.asked.answer
        if self.asked.state == "open":
            return f"It waits for an approval: {request.as_text()}"
        if answer is not None:
            return f"{answer.answered_by} has rejected it: {answer.note or 'without a note'}."
        return f"Nobody approved it by {request.answer_until:%Y-%m-%d %H:%M} UTC. `decisionloop deploy` asks again."


def ask_approval(
    ledger: Ledger, use_case: str, request: LetDecide, grounds: Grounds, approval: Approval, tell: Tell
) -> Waits | None:
    """Ask for the approval that the contract wants before a release decides; None where it needs none, or has it.

    A request is appended, and people are told, where there is none; asked for by a person, also where nobody answered
    the last one in time.
    """
    with ledger.begin() as connection:
        take_lock(connection, LOCK, use_case)
        roster = roster_of(connection, use_case)
        decides_already = roster.champion == request.release_id
        if decides_already or not approval.is_required or purpose_of(request, roster) is None:
            return None
        asked = asked_for(connection, use_case, request, utc_now())
        is_person = "asked_by" in grounds.evidence
        if asked is None or (asked.state == "lapsed" and is_person):
            asked = Asked(ask_people(connection, use_case, request, grounds, approval.within_days, tell), "open")
        return None if asked.state == "approved" else Waits(asked)


def let_decide(
    ledger: Ledger,
    use_case: str,
    request: LetDecide,
    grounds: Grounds,
    approval: Approval,
    is_refused_while_killed: bool = False,
) -> tuple[ReleaseEvent, ...]:
    """Do what lets a release decide; returns what happened, () where it was so already.

    Nobody turns the kill switch meanwhile. Raises UsageError where an approval is wanted and was not given, the switch
    of this release is on, or that of the use case is and that refuses it; TransitionRefused where the state machine
    does not allow it. Then nothing is written.
    """
    with steady_switch(ledger, use_case) as connection:
        take_lock(connection, LOCK, use_case)
        switch = switch_of(connection, use_case)
        if is_refused_while_killed and switch.position != "off":
            raise UsageError(f"the kill switch of {use_case} is on, and nobody is let decide. Lift it first.")
        if request.release_id in switch.stopped:
            raise UsageError(f"the kill switch of release {request.release_id} is on. Lift it first.")
        given: Evidence = {}
        roster = roster_of(connection, use_case)
        if planned(roster, request, grounds.by) and approval.is_required and purpose_of(request, roster) is not None:
            asked = asked_for(connection, use_case, request, utc_now())
            if asked is None or asked.answer is None or asked.state != "approved":
                raise UsageError(
                    f"{request.release_id} is not approved. `decisionloop status {use_case}` says what waits."
                )
            proof = "code" if asked.answer.code_id else "claim"
            given = {"approved_by": asked.answer.answered_by, "approved_with": proof, "approval": asked.request.seq}
        because = Grounds(grounds.by, grounds.reason, grounds.as_of, {**grounds.evidence, **given})
        return change_stages(connection, use_case, request, because)
