"""Whether releases may decide under the present contract: nothing does that was not held against it."""

from __future__ import annotations

from datetime import datetime

from decisionloop.errors import IntegrityError
from decisionloop.learn.compatibility import Compatibility, compatibility
from decisionloop.ledger.releases import RULES, Release, ReleaseStage, challengers, champion
from decisionloop.ledger.rollback import roll_back
from decisionloop.ledger.stopping import stop_release
from decisionloop.ledger.use_cases import contract
from decisionloop.predict.release_model import features_read
from decisionloop.release.grounds import GATE, GUARD, Grounds
from decisionloop.release.roster import RULES as THE_RULES
from decisionloop.release_store import load_release
from decisionloop.workspace import Workspace
from tasks.tell.announcements import announce
from tasks.tell.queueing import telling


def fitness_of(workspace: Workspace, release: Release) -> Compatibility:
    """What separates the present contract from the one that a release was taught under.

    Rules are those of the present contract. A file that is damaged says nothing of it: whoever scores finds it.
    """
    if release.kind == RULES or release.contract_digest == workspace.use_case.digest:
        return Compatibility()
    recorded = contract(workspace.ledger, release.contract_digest)
    assert recorded is not None  # held by a foreign key
    try:
        reads = features_read(load_release(workspace.snapshots, str(release.scorer_digest)))
    except IntegrityError:
        reads = ()
    return compatibility(recorded.contract_yaml, workspace.folder.text, reads)


def unfit(workspace: Workspace, release: Release) -> str:
    """Why a release may not decide under the present contract; "" where it may."""
    return "; ".join(fitness_of(workspace, release).retrain)


def stop_unfit(workspace: Workspace, as_of: datetime) -> None:
    """Take their place from models that a changed contract does not fit, before anything is decided under it.

    The champion's is taken by the rules, a challenger stands beside it no more; people are told of each.
    """
    ledger, name = workspace.ledger, workspace.use_case.name
    decides, beside = champion(ledger, name), challengers(ledger, name)
    if decides is not None and (why := unfit(workspace, decides.release)):
        grounds = Grounds(GUARD, _reason(why), as_of, {"contract_digest": workspace.use_case.digest})
        told = roll_back(ledger, name, THE_RULES, grounds, telling(workspace.use_case), of=decides.release_id)
        if told.happened:
            announce("release.rolled_back", name, decides.release_id, {"reason": grounds.reason, "by": GUARD.name})
    for one in beside:
        if why := unfit(workspace, one.release):
            _stop(workspace, one, _reason(why), as_of)


def _stop(workspace: Workspace, one: ReleaseStage, reason: str, as_of: datetime) -> None:
    by = GUARD if one.stage == "canary" else GATE
    name = workspace.use_case.name
    grounds = Grounds(by, reason, as_of, {"contract_digest": workspace.use_case.digest})
    told = stop_release(workspace.ledger, name, one.release_id, grounds, telling(workspace.use_case))
    if told.happened:
        announce("release.rolled_back", name, one.release_id, {"reason": reason})


def _reason(why: str) -> str:
    return f"The contract has changed, and it must be retrained: {why}."
