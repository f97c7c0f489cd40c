"""Two models for a drill: one has decided before, and the other one decides."""

from __future__ import annotations

import numpy as np

from decisionloop.drill.use_case import APPROVER, MONDAY, drawn_rows
from decisionloop.learn.candidates import train
from decisionloop.learn.training_set import TrainingSet
from decisionloop.ledger.release_changes import change_stages, judgement_of, register_release
from decisionloop.ledger.releases import RULES, Release, release_id_of, roster_of
from decisionloop.ledger.storage.facts import canonical_json
from decisionloop.ledger.use_cases import record_use_case
from decisionloop.ledger.verdicts import Verdict, append_verdict
from decisionloop.release.grounds import GATE, Grounds
from decisionloop.release.requests import EnterShadow, InstallRules, Promote
from decisionloop.release.stages import Decider
from decisionloop.release_store import save_release
from decisionloop.workspace import Workspace

WHY = "made for a drill"
TEACHING_WEEKS = 10


def install_releases(workspace: Workspace) -> tuple[str, str]:
    """Register the rules and two models, and promote one after the other; returns their ids: before, and champion."""
    use_case, ledger = workspace.use_case, workspace.ledger
    record_use_case(ledger, use_case.name, use_case.digest, use_case.version, workspace.folder.text)
    rules = _release(workspace, RULES, None)
    register_release(ledger, rules, WHY, APPROVER)
    change_stages(ledger, use_case.name, InstallRules(rules.release_id), _grounds(Decider("decisionloop", APPROVER)))
    before, decides = (_promoted(workspace, seed) for seed in (1, 2))
    return before, decides


def _promoted(workspace: Workspace, seed: int) -> str:
    """Train a model on rows of its own and let it decide, as the gate would."""
    use_case, ledger = workspace.use_case, workspace.ledger
    model = train(use_case, "scorecard", _lessons(seed)).model
    release = _release(workspace, "scorecard", save_release(workspace.snapshots, ledger, model))
    register_release(ledger, release, WHY, APPROVER)
    change_stages(ledger, use_case.name, EnterShadow(release.release_id), _grounds(GATE))
    roster = roster_of(ledger, use_case.name)
    said = Verdict(
        use_case=use_case.name,
        challenger_id=release.release_id,
        champion_id=str(roster.champion),
        look=2,
        as_of=MONDAY,
        decision="promote",
        reasons="[]",
        evidence="{}",
        attempt=roster.attempt_of(release.release_id),
    )
    append_verdict(ledger, said)
    request = Promote(release.release_id, judgement_of(ledger, said.verdict_id))
    change_stages(ledger, use_case.name, request, _grounds(GATE))
    return release.release_id


def _lessons(seed: int) -> TrainingSet:
    rows = drawn_rows(TEACHING_WEEKS, seed)
    ids = np.arange(len(rows)).astype(str).astype(object)
    outcome = rows["defaulted"].to_numpy(dtype=np.float64)
    frame = rows[["turnover", "debt"]]
    return TrainingSet(frame, outcome, None, np.ones(len(rows)), ids, ids, float(len(rows)))


def _release(workspace: Workspace, kind: str, digest: str | None) -> Release:
    use_case = workspace.use_case
    of_rules = workspace.code.digest if kind == RULES else digest
    return Release(
        release_id=release_id_of(use_case.name, kind, use_case.digest, of_rules),
        use_case=use_case.name,
        kind=kind,
        contract_digest=use_case.digest,
        scorer_digest=digest,
        training_set_id=None,
        mlflow_version=None,
        reference_scores="null",
        card_json=canonical_json({"kind": kind}),
        created_at=MONDAY,
    )


def _grounds(by: Decider) -> Grounds:
    return Grounds(by, WHY, MONDAY)
