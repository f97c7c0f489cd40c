"""Reconcile: MLflow's aliases name what the ledger says, whoever has moved them."""

from __future__ import annotations

from prefect import flow

from flows.ending import says
from flows.naming import run_name
from tasks.observed import observed
from tasks.release.follow import reconcile_aliases
from tasks.tell.failed_runs import tell_of_failed_run
from tasks.tell.notices import deliver_notices


@flow(name="reconcile", flow_run_name=run_name, on_failure=[tell_of_failed_run])
@says()
@observed
def reconcile(use_case: str) -> str:
    """Hold MLflow's aliases against the ledger; returns what was found in a sentence.

    1. Let every alias name the release that the ledger says. One that somebody moved by hand is set back: it is a
       request, kept in the ledger; a model that was not looked at any more goes into shadow, for the gate to compare.
    2. Tell people.

    Args:
        use_case: Name of the use case.
    """
    told = reconcile_aliases(use_case)
    deliver_notices(use_case)
    return told
