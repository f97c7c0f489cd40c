"""Train one candidate and keep everything of it: scorer, out-of-fold predictions, MLflow version, ledger row."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from decisionloop.act.economics import action_values
from decisionloop.act.preference import preferred_action
from decisionloop.learn.candidates import Kind, out_of_fold, train
from decisionloop.learn.evidence import Contender, LoggedBatches, ranked_rows
from decisionloop.learn.importance import feature_importance
from decisionloop.learn.serving import cpu_seconds_per_row
from decisionloop.learn.weakness import Weakness, surprise_on_slices
from decisionloop.ledger.releases import Release, find_stage, register_release, release_id_of
from decisionloop.ledger.storage.facts import canonical_json
from decisionloop.ledger.use_cases import record_use_case
from decisionloop.ledger.verdicts import TrainingSet as TrainingSetFact
from decisionloop.ledger.weak_slices import latest_weak_slices
from decisionloop.monitor.compare.score_shift import reference_scores
from decisionloop.observe.calibration import calibration
from decisionloop.observe.performance import auc
from decisionloop.predict.prediction_table import predictions_from_table, predictions_to_table
from decisionloop.predict.predictions import Predictions
from decisionloop.predict.release_model import ReleaseModel, explained_score, predict
from decisionloop.predict.side_by_side import leading_scores
from decisionloop.release_store import load_release, save_release
from decisionloop.workspace import Workspace
from tasks.keep import keep_table
from tasks.learn.mlflow_versions import code_version, log_candidate, log_rules
from tasks.learn.training_rows import training_rows_of
from tasks.readback.tables import read_table
from tasks.watch.inputs import keep_what_it_saw, what_it_sees

LATENCY_RUNS = 5


@dataclass(frozen=True)
class CandidateRecord:
    """A registered candidate with what the gate needs of it."""

    release: Release
    contender: Contender


def train_and_keep(workspace: Workspace, fact: TrainingSetFact, kind: Kind) -> str:
    """Train, compile, measure out of fold, log to MLflow and register; returns the release id."""
    rows, batches = training_rows_of(workspace, fact)
    candidate = train(workspace.use_case, kind, rows)
    told = out_of_fold(workspace.use_case, kind, rows, batches.frame, batches.log["entity_id"].to_numpy(dtype=object))
    metrics = _metrics(workspace, batches, told)
    weaknesses = _weaknesses(workspace, fact, batches, told)
    digest = save_release(workspace.snapshots, workspace.ledger, candidate.model)
    release_id = release_id_of(workspace.use_case.name, kind, workspace.use_case.digest, digest)
    contract = workspace.use_case  # it may have changed since the last batch, and a release refers to it
    record_use_case(workspace.ledger, contract.name, contract.digest, contract.version, workspace.folder.text)
    log_rules(workspace)
    version = log_candidate(workspace, release_id, fact, rows, candidate, metrics, weaknesses)
    ids = batches.log["decision_id"].to_numpy(dtype=object)
    kept = keep_table(workspace, predictions_to_table(workspace.use_case, told, ids), "scores")
    card = {
        "kind": kind,
        "metrics": metrics,
        "out_of_fold": kept,
        "code_version": code_version(workspace),
        "latency_ms": latency_of_one(workspace, candidate.model, batches.frame),
        "cpu_seconds_per_row": cpu_seconds_per_row(workspace.use_case, candidate.model, batches.frame),
        "refusals": list(candidate.model.refusals),
        "importance": feature_importance(workspace.use_case, candidate.model, batches.frame),
        "weak_slices": [asdict(weakness) for weakness in weaknesses],
    }
    release = Release(
        release_id=release_id,
        use_case=workspace.use_case.name,
        kind=kind,
        contract_digest=workspace.use_case.digest,
        scorer_digest=digest,
        training_set_id=fact.training_set_id,
        mlflow_version=version,
        reference_scores=canonical_json(_reference(workspace, candidate.model, batches.frame)),
        card_json=canonical_json(card),
        created_at=fact.as_of,
    )
    seen = what_it_sees(workspace.use_case, batches.frame)
    with workspace.ledger.begin() as connection:
        register_release(connection, release, _made_from(len(rows), candidate.model), "decisionloop")
        keep_what_it_saw(connection, release, seen)
    return release_id


def _weaknesses(
    workspace: Workspace, fact: TrainingSetFact, batches: LoggedBatches, told: Predictions
) -> tuple[Weakness, ...]:
    """The weak slices that were known when the training set was made, with what the candidate makes of each."""
    slices = latest_weak_slices(workspace.ledger, workspace.use_case.name, fact.as_of)
    found = surprise_on_slices(workspace.use_case, batches, told, [one.predicate for one in slices]) if slices else ()
    return tuple(
        Weakness(one.cohort, one.description, one.predicate, one.n, one.money_per_decision, money)
        for one, money in zip(slices, found, strict=True)
    )


def _made_from(rows: int, model: ReleaseModel) -> str:
    """Why the release is there, and in which form it decides if that is not the usual one."""
    trained = f"trained on {rows:,} outcomes"
    if not model.refusals:
        return trained
    return f"{trained}; decides as an uncompiled pipeline, because {' '.join(model.refusals)}"


def find_candidates(workspace: Workspace, release_ids: Sequence[str], decision_id: np.ndarray) -> list[CandidateRecord]:
    """Registered candidates with their out-of-fold predictions of ``decision_id`` (n,)."""
    records = []
    for release_id in release_ids:
        stage = find_stage(workspace.ledger, release_id)
        assert stage is not None  # train_and_keep registered it
        card = json.loads(stage.release.card_json)
        told = predictions_from_table(workspace.use_case, read_table(workspace, card["out_of_fold"]), decision_id)
        records.append(
            CandidateRecord(stage.release, Contender(told, card["latency_ms"], card.get("cpu_seconds_per_row")))
        )
    return records


def contender_of(workspace: Workspace, release: Release, frame: pd.DataFrame) -> Contender:
    """A release on the rows of ``frame``, scored by what would decide; rules predict nothing."""
    if release.scorer_digest is None:
        return Contender(None)
    model = load_release(workspace.snapshots, release.scorer_digest)
    card = json.loads(release.card_json)
    return Contender(predict(workspace.use_case, model, frame), card["latency_ms"], card.get("cpu_seconds_per_row"))


def latency_of_one(workspace: Workspace, model: ReleaseModel, frame: pd.DataFrame) -> float:
    """Median milliseconds to score and explain a single row."""
    one, action, taken = frame.iloc[:1], np.array([workspace.use_case.revealing.index(True)]), []
    for _ in range(LATENCY_RUNS):
        started = time.perf_counter()
        explained_score(workspace.use_case, model, one, action)
        taken.append(1000 * (time.perf_counter() - started))
    return float(np.median(taken))


def _metrics(workspace: Workspace, batches: LoggedBatches, told: Predictions) -> dict[str, float]:
    """Selection-weighted AUC and calibration error out of fold, as far as they can be told."""
    if workspace.use_case.outcome.class_ is None:
        return {}
    policy = batches.policy_traffic()
    ids = policy.log["decision_id"].to_numpy(dtype=object)
    everyone = predictions_to_table(workspace.use_case, told, batches.log["decision_id"].to_numpy(dtype=object))
    score, revealed = ranked_rows(workspace.use_case, policy, predictions_from_table(workspace.use_case, everyone, ids))
    rows = policy.log.loc[revealed]
    outcome, weight = rows["outcome_class"].to_numpy(float), 1 / rows["propensity"].to_numpy(float)
    estimates = {
        "auc_weighted": auc(outcome, score[revealed], weight),
        "auc": auc(outcome, score[revealed]),
        "calibration_error": calibration(outcome, score[revealed], weight).error,
    }
    return {name: estimate.value for name, estimate in estimates.items() if estimate.value is not None}


def _reference(workspace: Workspace, model: ReleaseModel, frame: pd.DataFrame) -> object:
    """The distribution of the score that will be logged, over everyone that the log holds, approved or not.

    None for a release that prefers no action that it scores, for anybody.
    """
    use_case = workspace.use_case
    predictions = predict(use_case, model, frame)
    action = preferred_action(use_case, frame, action_values(use_case, frame, predictions))
    probability, amount = leading_scores(use_case, predictions, action)
    score = amount if use_case.outcome.class_ is None else probability
    return reference_scores(score) if np.isfinite(score).any() else None
