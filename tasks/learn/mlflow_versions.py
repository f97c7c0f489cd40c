"""What MLflow gets to know of releases: a version of the rules, and one of every candidate."""

from __future__ import annotations

from importlib import metadata

from decisionloop.contract import UseCase
from decisionloop.contract.code import FEATURES_FILE, RULES_FILE
from decisionloop.contract.loading import FILE_NAME
from decisionloop.learn.model_card import MeasuredCandidate, model_card
from decisionloop.ledger.releases import RULES, Release, baseline
from decisionloop.ledger.verdicts import TrainingSet as TrainingSetFact
from decisionloop.registry import ReleaseRecord
from decisionloop.workspace import Workspace


def code_version(workspace: Workspace) -> str:
    """The library's version and the digest of the use case's own code."""
    return f"{metadata.version('decisionloop')}+{workspace.code.digest[:12]}"


def log_rules(workspace: Workspace) -> str:
    """Give the present rules a version where they have none; returns the version.

    Called before a model's version is logged and not when the rules are registered in the ledger: MLflow takes
    seconds to load, and nothing before the first training needs it.
    """
    use_case, registry = workspace.use_case, workspace.registry
    rules = baseline(workspace.ledger, use_case.name)
    assert rules is not None  # ensure_rules registers them before the first batch
    record = ReleaseRecord(
        use_case=use_case.name,
        release_id=rules.release_id,
        kind=RULES,
        contract_digest=rules.release.contract_digest,
        training_set_id=None,
        code_version=code_version(workspace),
        metrics={},
        parameters={"contract_version": use_case.version},
        model_card=f"# {rules.release_id}\n\n{_what_it_is(rules.release, use_case)}\n",
        files={
            FILE_NAME: workspace.folder.text.encode(),
            **{name: (workspace.folder.folder / name).read_bytes() for name in (FEATURES_FILE, RULES_FILE)},
        },
    )
    return registry.log_release(record, {})


def _what_it_is(rules: Release, use_case: UseCase) -> str:
    told = f"The rules of `{use_case.name}`: {use_case.title}. What they do is in `{RULES_FILE}`; "
    told += f"the features that they see are in `{FEATURES_FILE}`."
    if not rules.is_default_action:
        return told
    action = use_case.action_names[use_case.default_action]
    return f"`{action}` for everybody but the holdout, in the place of the rules, which have surely earned less. {told}"


def log_candidate(workspace: Workspace, release_id: str, fact: TrainingSetFact, measured: MeasuredCandidate) -> str:
    """Log a candidate with its pipelines, compiled scorers and model card; returns its version."""
    use_case, candidate, rows = workspace.use_case, measured.candidate, measured.rows
    cohorts = f"{fact.cohort_from:%Y-%m-%d} to {fact.cohort_to:%Y-%m-%d}"
    scorers = {"class": candidate.model.class_scorer, "amount": candidate.model.amount_scorer}
    record = ReleaseRecord(
        use_case=use_case.name,
        release_id=release_id,
        kind=candidate.kind,
        contract_digest=use_case.digest,
        training_set_id=fact.training_set_id,
        code_version=code_version(workspace),
        metrics=measured.metrics,
        parameters={
            "seed": use_case.model.seed,
            "rows": len(rows),
            "effective_n": round(rows.effective_n, 1),
            "cohorts": cohorts,
            "training_snapshot": fact.snapshot_digest,
            "contract_version": use_case.version,
            "weak_slices": len(measured.weaknesses),
            "decides": "everywhere" if candidate.reach is None else f"in {candidate.reach.may_decide:.1%} of decisions",
        },
        model_card=model_card(use_case, release_id, cohorts, measured),
        files={f"{part}.scorer": scorer.to_bytes() for part, scorer in scorers.items() if scorer is not None}
        | ({} if candidate.model.support is None else {"support.json": candidate.model.support.to_bytes()}),
    )
    return workspace.registry.log_release(record, candidate.pipelines)
