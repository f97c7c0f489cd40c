"""Deploy a release: whoever decides goes on deciding until every check is passed, and is one command away after it."""

from __future__ import annotations

from prefect import flow

from flows.ending import says
from flows.naming import run_name
from tasks.observed import observed
from tasks.release.approval import await_approval
from tasks.release.checks_before import check_contract, check_latency, check_newest_data, check_parity, load_alone
from tasks.release.deployment import Deployment, choose_release
from tasks.release.evidence_for import ask_gate, check_shadow
from tasks.release.flip import flip
from tasks.release.follow import follow_releases
from tasks.tell.failed_runs import tell_of_failed_run


@flow(name="deploy_release", flow_run_name=run_name, on_failure=[tell_of_failed_run], log_prints=True)
@says()
@observed
def deploy_release(use_case: str, release: str, by: str = "", reason: str = "", is_dry_run: bool = False) -> str:
    """Let a release decide, for a few or for all, as far as every check allows; returns what happened in a sentence.

    1. The newest batch has passed its checks. A failure ends the run here with an alert, as at every later step.
    2. Load the release by its digest in a process of its own.
    3. Hold it against the present contract, against what it was compiled from, and against its time budget.
    4. Look at what it did in shadow, and ask what the gate's newest verdict comes to.
    5. Ask for the approval that the contract wants. Without an answer yet the run ends here; run again, or started by
       the deployment `approve`, it goes on.
    6. Let it decide from the next batch on, in one transaction, and let MLflow's aliases follow.

    A run that is killed before the last step leaves the champion deciding; run again it goes on.

    Args:
        use_case: Name of the use case.
        release: Id of a release that stands beside the champion, as `decisionloop status` names it.
        by: Who you are, where you overrule that the next step of canary.steps waits for its confidence. It must be one
            of approval.approvers.
        reason: Why you do. Both are kept in the audit trail.
        is_dry_run: Only say what would happen.
    """
    asked = Deployment(use_case, release.strip(), by, reason, is_dry_run)
    stage = choose_release(asked)
    check_newest_data(asked)
    found = load_alone(asked, stage)
    check_contract(asked, stage, found)
    check_parity(asked, found)
    check_latency(asked, stage, found)
    check_shadow(asked, stage)
    planned = await_approval(asked, ask_gate(asked, stage))
    told = flip(asked, planned)
    if not is_dry_run:
        follow_releases(use_case)
    return told
