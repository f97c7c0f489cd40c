"""``decisionloop deploy``: let a release decide as far as every check allows, each printed as it happens."""

from __future__ import annotations

import typer

from decisionloop.errors import ApprovalAwaited


def deploy(use_case: str, release: str, is_dry_run: bool, by: str, reason: str) -> None:
    """Run the flow and say what happened.

    Raises BatchHalted (exit code 1) where the newest data is faulty, ApprovalAwaited (9) where a person must say yes
    first.
    """
    from decisionloop.cli.environment import brief_flow_runs, use_configured_prefect
    from decisionloop.cli.known_use_case import CLAIM
    from decisionloop.imports import uncollected

    use_configured_prefect(is_recorded=False)
    with uncollected():
        from decisionloop.ledger.approvals import waiting_for_people
        from decisionloop.ledger.schema import utc_now
        from flows.deploy_release import deploy_release
        from tasks.release.deployment import Deployment, choose_release

        asked = Deployment(use_case, release.strip(), by, reason, is_dry_run)
        choose_release.fn(asked)  # a faulty contract and a wrong name are said before anything starts
    with brief_flow_runs():
        # What its steps print is for standard output here; in a run of Prefect's worker it is the run's log.
        flow = deploy_release.with_options(log_prints=False)
        typer.echo(flow(use_case, asked.release_id, by, reason, is_dry_run))
    if by:
        typer.echo(CLAIM)
    waiting = waiting_for_people(asked.workspace.ledger, use_case, utc_now())
    if not is_dry_run and any(one.release_id == asked.release_id for one in waiting):
        raise ApprovalAwaited(
            f"{asked.release_id} decides nothing yet. `decisionloop status {use_case}` says what waits."
        )
