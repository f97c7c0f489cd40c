"""The rules are a release like any other: versioned, registered, scored on every batch, and the first champion."""

from __future__ import annotations

from datetime import datetime

from decisionloop.ledger.releases import (
    RULES,
    Release,
    StageChange,
    append_release_event,
    baseline,
    champion,
    register_release,
    release_id_of,
)
from decisionloop.ledger.storage.facts import canonical_json
from decisionloop.workspace import Workspace


def ensure_rules(workspace: Workspace, as_of: datetime) -> str:
    """Register the present rules if they are new; they decide from then on unless a model does. Returns their id."""
    use_case, ledger = workspace.use_case, workspace.ledger
    release_id = release_id_of(use_case.name, RULES, use_case.digest, workspace.code.digest)
    known = baseline(ledger, use_case.name)
    if known is not None and known.release_id == release_id:
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
    # All or nothing: rules that are registered but do not decide would be found, and left so, by every later run.
    with ledger.begin() as connection:
        register_release(connection, release, "the rules as they stand", "decisionloop")
        if decides is None or decides.release.kind == RULES:
            change = StageChange(release_id, "champion", "no model decides", "decisionloop", as_of)
            append_release_event(connection, change)
            if decides is not None:
                old, reason = decides.release_id, "the rules have changed"
                append_release_event(connection, StageChange(old, "retired", reason, "decisionloop", as_of))
    return release_id
