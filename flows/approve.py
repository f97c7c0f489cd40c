"""Approve: a person answers whether a release may decide, and a yes is acted on at once."""

from __future__ import annotations

from typing import Literal

from prefect import flow

from decisionloop.endings import joined
from decisionloop.ledger.answering import Said
from flows.deploy_release import deploy_release
from flows.ending import says
from flows.naming import run_name
from tasks.observed import observed
from tasks.release.approval import take_answer
from tasks.release.follow import follow_releases
from tasks.release.forms import ApprovalForm, ask
from tasks.release.offered import offer_approval
from tasks.tell.failed_runs import tell_of_failed_run


@flow(name="approve", flow_run_name=run_name, on_failure=[tell_of_failed_run], log_prints=True)
@says(is_answer=True)
@observed
def approve(
    use_case: str,
    release: str = "",
    answer: Literal["ask me", "approve", "reject"] = "ask me",
    by: str = "",
    note: str = "",
    code: str = "",
) -> str:
    """Answer a request for an approval; returns what happened in a sentence.

    1. Where no release or no answer is given, the run waits: its button Resume shows what waits for an answer, with
       what the gate says of each, and takes the answer.
    2. Keep the answer, once. Where nothing is asked for, or you may not answer, the run ends here and says why.
    3. A yes: check the release again, and let it decide. A no: it is stopped, and MLflow's aliases follow.

    Args:
        use_case: Name of the use case.
        release: Id of the release that waits, as `decisionloop status` names it. Empty: show me what waits, and ask.
        answer: Whether it may decide.
        by: Who you are: one of approval.approvers, and not who has asked for it.
        note: Why. It is kept in the audit trail.
        code: One of your codes; without one the answer is a claim. Whoever is let into Prefect can read it here
            afterwards, when it counts no more.
    """
    if answer == "ask me" or not release.strip():
        told = ask(ApprovalForm, "release", offer_approval(use_case), "release, answer and by")
        said = Said(told.release, told.answer, told.by, told.note, told.code)
    else:
        said = Said(release, answer, by, note, code)
    kept = take_answer(use_case, said)
    if said.answer == "reject":
        follow_releases(use_case)
        return kept
    # Within this run: what a person has just answered is not a run of its own.
    return joined([kept, deploy_release.fn(use_case, said.release_id)])
