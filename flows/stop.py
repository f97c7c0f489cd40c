"""Stop: a person takes away a release that is on trial, or in shadow."""

from __future__ import annotations

from prefect import flow

from flows.ending import says
from flows.naming import run_name
from tasks.observed import observed
from tasks.release.follow import follow_releases
from tasks.release.stop_beside import stop_beside_champion
from tasks.tell.failed_runs import tell_of_failed_run
from tasks.tell.notices import deliver_notices


@flow(name="stop", flow_run_name=run_name, on_failure=[tell_of_failed_run])
@says()
@observed
def stop(use_case: str, release: str, reason: str, by: str) -> str:
    """Stop a release that stands beside the champion at once; returns what happened in a sentence.

    1. In one transaction let it decide for nobody any more and, where it was on trial, hold what models chose and what
       has not left. A wrong choice ends here, with the list of what can be stopped.
    2. Tell people, and let MLflow's aliases follow.

    Args:
        use_case: Name of the use case.
        release: Id of the release on trial or in shadow, as `decisionloop status` names it.
        reason: Why. It is kept in the audit trail.
        by: Who you are, kept in the audit trail. Anybody may stop one.
    """
    told = stop_beside_champion(use_case, release, reason, by)
    deliver_notices(use_case)
    follow_releases(use_case)
    return told
