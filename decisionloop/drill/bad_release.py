"""A bad release, shipped on purpose: the model that decides with its scores turned round, put on trial past the gate.

The gate would not have it, and in shadow the same checks keep it from its trial that stop it there. So it goes by hand,
as somebody would who is sure to know better, and by the one state machine that every release goes by. Only what watches
a trial stands between it and everybody.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from decisionloop.learn.inverted import INVERTED, INVERTED_OF, inverted
from decisionloop.ledger.letting_decide import let_decide
from decisionloop.ledger.release_changes import change_stages, register_release
from decisionloop.ledger.releases import RULES, Release, ReleaseStage, current_stages, release_id_of
from decisionloop.ledger.stopping import stop_release
from decisionloop.ledger.storage.facts import canonical_json
from decisionloop.release.grounds import Grounds
from decisionloop.release.requests import EnterCanary, EnterShadow, Refuse
from decisionloop.release.stages import Decider, DeciderKind
from decisionloop.release_store import load_release, save_release
from decisionloop.workspace import Workspace

BY = "the demo"
NOT_JUDGED = "Made bad on purpose: the demo lets nobody judge it."
WHY = "Shipped on purpose and past the gate, with its scores turned round, to see who stops it, and when."
UNSEEN = "Nothing that watches a trial has seen in its first batch that it is bad on purpose."


def can_ship(workspace: Workspace, as_of: datetime) -> bool:
    """Whether a model decides alone, for longer than a new champion is watched, and nothing forbids to try another one.

    So what is seen then is the bad release's doing. Where the contract wants an approval nobody goes past the gate, and
    one bad release is enough.
    """
    use_case, stages = workspace.use_case, current_stages(workspace.ledger, workspace.use_case.name)
    decides = next((one for one in stages if one.stage == "champion"), None)
    if decides is None or decides.release.kind == RULES or any(one.stage == "canary" for one in stages):
        return False
    is_watched = as_of - decides.event.as_of <= timedelta(days=use_case.canary.baking_days)
    is_over = any(one.release.kind == INVERTED and one.stage != "shadow" for one in stages)
    return not (is_watched or is_over or use_case.approval.is_required) and bool(use_case.canary.steps)


def ship(workspace: Workspace, as_of: datetime) -> str | None:
    """Put a bad release on trial at the first step of the ramp; returns its id, None where it cannot be.

    Killed in between, it is done again and goes on. Raises UsageError where a kill switch is on.
    """
    if not can_ship(workspace, as_of):
        return None
    use_case, ledger = workspace.use_case, workspace.ledger
    stages = current_stages(ledger, use_case.name)
    begun = next((one for one in stages if one.release.kind == INVERTED), None)
    release_id = begun.release_id if begun else _made(workspace, stages, as_of)
    if release_id is not None:
        first = EnterCanary(release_id, use_case.canary.steps[0].share)
        let_decide(ledger, use_case.name, first, _grounds("approver", WHY, as_of), use_case.approval, True)
    return release_id


def stop_unseen(workspace: Workspace, as_of: datetime) -> bool:
    """Take the bad release away by hand where it is on trial still; whether it was."""
    ledger, name = workspace.ledger, workspace.use_case.name
    for one in current_stages(ledger, name):
        if one.release.kind == INVERTED and one.stage == "canary":
            stop_release(ledger, name, one.release_id, _grounds("person", UNSEEN, as_of))
            return True
    return False


def _made(workspace: Workspace, stages: tuple[ReleaseStage, ...], as_of: datetime) -> str | None:
    """Keep it, and put it into shadow, all at once; returns its id, None where the champion was not compiled."""
    use_case, ledger = workspace.use_case, workspace.ledger
    decides = next(one.release for one in stages if one.stage == "champion")
    model = inverted(load_release(workspace.snapshots, str(decides.scorer_digest)))
    if model is None:
        return None
    new = _release(decides, save_release(workspace.snapshots, ledger, model), as_of)
    with ledger.begin() as connection:
        register_release(connection, new, f"the scores of {decides.release_id} turned round", BY)
        grounds = _grounds("person", NOT_JUDGED, as_of)
        change_stages(connection, use_case.name, Refuse(new.release_id), grounds)
        change_stages(connection, use_case.name, EnterShadow(new.release_id), _grounds("person", WHY, as_of))
    return new.release_id


def _release(decides: Release, digest: str, as_of: datetime) -> Release:
    """What the champion's release says of itself, for that is what somebody who mixed up a sign would believe."""
    card = json.loads(decides.card_json)
    card.pop("parity", None)  # the pipelines that it was compiled from say the opposite
    return Release(
        release_id=release_id_of(decides.use_case, INVERTED, decides.contract_digest, digest),
        use_case=decides.use_case,
        kind=INVERTED,
        contract_digest=decides.contract_digest,
        scorer_digest=digest,
        training_set_id=decides.training_set_id,
        mlflow_version=None,
        reference_scores=decides.reference_scores,
        card_json=canonical_json({**card, "kind": INVERTED, INVERTED_OF: decides.release_id}),
        created_at=as_of,
    )


def _grounds(kind: DeciderKind, reason: str, as_of: datetime) -> Grounds:
    return Grounds(Decider(kind, BY), reason, as_of, {"on_purpose": True})
