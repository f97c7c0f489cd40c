"""The rules are a release like any other: versioned, registered, scored on every batch, and the first champion."""

from __future__ import annotations

import getpass
import os
from datetime import datetime

from decisionloop.ledger.release_changes import change_stages, register_release
from decisionloop.ledger.releases import RULES, Release, baseline, champion, find_stage, release_id_of
from decisionloop.ledger.schema import utc_now
from decisionloop.ledger.storage.facts import canonical_json
from decisionloop.ledger.use_cases import record_use_case
from decisionloop.release.grounds import Evidence, Grounds
from decisionloop.release.requests import InstallRules
from decisionloop.release.stages import Decider
from decisionloop.workspace import Workspace, open_workspace
from tasks.release.changed_contract import changed_since_in_force
from tasks.release.fitness import stop_unfit

OURSELVES = Decider("decisionloop", "decisionloop")


def rules_id(workspace: Workspace) -> str:
    """The release that the rules are under this contract and code."""
    return release_id_of(workspace.use_case.name, RULES, workspace.use_case.digest, workspace.code.digest)


def ensure_rules(workspace: Workspace, as_of: datetime) -> str:
    """Register the present rules if they are new; they decide from then on unless a model does, or they are stopped.

    Returns their id. Stopped rules stay so under another contract or code: what brings them back is what they earn, or
    an approver.
    """
    use_case, ledger, release_id = workspace.use_case, workspace.ledger, rules_id(workspace)
    known = baseline(ledger, use_case.name)
    if known is not None and known.release_id == release_id:
        return release_id
    if known is not None and known.release.is_default_action and find_stage(ledger, release_id) is not None:
        return release_id
    release = Release(
        release_id=release_id,
        use_case=use_case.name,
        kind=RULES,
        contract_digest=use_case.digest,
        scorer_digest=None,
        training_set_id=None,
        mlflow_version=None,
        reference_scores="null",
        card_json=canonical_json({"kind": RULES, "code_digest": workspace.code.digest}),
        created_at=as_of,
    )
    decides = champion(ledger, use_case.name)
    is_by_rules = decides is None or decides.release.kind == RULES
    reason = "no model decides" if is_by_rules else f"{decides and decides.release_id} decides"
    changed = changed_since_in_force(workspace)
    evidence: Evidence = {} if changed is None else {"by": _whoever_runs(), **changed.as_evidence()}
    why = "the rules as they stand" if changed is None else f"the rules under {changed.as_text()}"
    # All or nothing: rules that are registered but not in their place would be found, and left so, by every later run.
    with ledger.begin() as connection:
        register_release(connection, release, why, "decisionloop", evidence)
        change_stages(connection, use_case.name, InstallRules(release_id), Grounds(OURSELVES, reason, as_of, evidence))
    return release_id


def _whoever_runs() -> str:
    """The account of this process: whoever changed the file is known to nobody here."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user need not have a name
        return str(os.getuid())


def put_in_force(workspace: Workspace, as_of: datetime) -> None:
    """Record the present contract, let its rules be the rules, and hold every model against it: before anything is
    decided under it. Repeated it changes nothing."""
    use_case, contract = workspace.use_case.name, workspace.use_case
    record_use_case(workspace.ledger, use_case, contract.digest, contract.version, workspace.folder.text)
    ensure_rules(workspace, as_of)
    if not contract.is_observing:  # nothing decides there
        stop_unfit(workspace, as_of)


def prepare_to_decide(use_case: str) -> None:
    """Put the present contract of a use case in force, before anybody is decided one at a time."""
    put_in_force(open_workspace(use_case), utc_now())
