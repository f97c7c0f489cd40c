"""Roll back: a person lets an earlier release, or the rules, decide again."""

from __future__ import annotations

from prefect import flow

from flows.ending import says
from flows.naming import run_name
from tasks.observed import observed
from tasks.release.follow import follow_releases
from tasks.release.forms import RollbackForm, ask
from tasks.release.go_back import choose_target, go_back_to
from tasks.release.offered import offer_rollback
from tasks.tell.failed_runs import tell_of_failed_run
from tasks.tell.notices import deliver_notices


@flow(name="rollback", flow_run_name=run_name, on_failure=[tell_of_failed_run])
@says()
@observed
def rollback(use_case: str, reason: str = "", by: str = "", to: str = "") -> str:
    """Let an earlier release or the rules decide from the next decision on; returns what happened in a sentence.

    1. Where reason or name is not given, the run waits: its button Resume shows what can be gone back to now.
    2. Find the release that is meant. A wrong choice ends here, with the list of what can be chosen.
    3. In one transaction let it decide, and hold what the present model chose and has not left.
    4. Tell people, and let MLflow's aliases follow.

    Args:
        use_case: Name of the use case.
        reason: Why. It is kept in the audit trail. With it and your name the run goes back at once.
        by: Who you are, kept in the audit trail. Anybody may go back to the rules; to let a model decide it must be one
            of approval.approvers.
        to: Empty: whoever decided before the present release. Else `rules`, or the id of a release that has decided
            before.
    """
    if not (reason.strip() and by.strip()):
        told = ask(RollbackForm, "to", offer_rollback(use_case), "reason and by")
        to, reason, by = told.to, told.reason, told.by
    target = choose_target(use_case, to)
    done = go_back_to(use_case, target, reason, by)
    deliver_notices(use_case)
    follow_releases(use_case)
    return done
