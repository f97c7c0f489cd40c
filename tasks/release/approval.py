"""The steps that ask a person before a model decides, and that take the answer."""

from __future__ import annotations

from dataclasses import replace

from decisionloop.endings import Told
from decisionloop.ledger.answering import Answered, Said, answer_request
from decisionloop.ledger.approvals import Answer, asked_for
from decisionloop.ledger.schema import utc_now
from decisionloop.workspace import open_workspace
from tasks.release.asking import ask
from tasks.release.deployment import Deployment, passed
from tasks.release.evidence_for import Planned
from tasks.step import step
from tasks.tell.announcements import announce, publish

EVENTS: dict[Answer, str] = {"approve": "release.approved", "reject": "release.rejected"}


@step
def await_approval(asked: Deployment, planned: Planned) -> Planned:
    """Ask for the approval that the contract wants; without one there is nothing to do yet."""
    if planned.request is None or planned.grounds is None:
        return planned
    workspace = asked.workspace
    if not workspace.use_case.approval.is_required:
        passed("approval", "the contract asks for none.")
        return planned
    if asked.is_dry_run:
        found = asked_for(workspace.ledger, asked.use_case, planned.request, utc_now())
        passed(
            "approval", "none is asked for yet, and it would be." if found is None else f"the request is {found.state}."
        )
        return planned
    waits = ask(workspace, planned.request, planned.grounds)
    passed("approval", "it is approved." if waits is None else waits)
    return planned if waits is None else replace(planned, request=None, words=Told(waits, "Approval awaited"))


@step
def take_answer(use_case: str, said: Said) -> str:
    """Keep what a person answered; returns it in a sentence. A release that is rejected is stopped."""
    workspace = open_workspace(use_case)
    told = answer_request(workspace.ledger, use_case, said, workspace.use_case.approval)
    announce(EVENTS[told.answer.answer], use_case, told.request.release_id, {"by": told.answer.answered_by})
    publish(f"{use_case}-approval-{told.request.seq}", _in_markdown(told), "What a person answered, and why")
    return Told(told.as_text(), "Refused" if told.answer.answer == "reject" else "Completed")


def _in_markdown(told: Answered) -> str:
    """What was asked, what was answered, by whom and why."""
    note = told.answer.note or "no note"
    return f"{told.request.as_text()}\n\n**{told.answer.answered_by}: {told.answer.answer}.** {note}\n"
