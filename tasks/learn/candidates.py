"""Train one candidate and keep everything of it: scorer, out-of-fold predictions, MLflow version, ledger row.

What is trained once becomes two releases: the model that decides everywhere, and the model within its support.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime

import numpy as np
import pandas as pd
import pyarrow as pa

from decisionloop.errors import IntegrityError
from decisionloop.learn.candidate_metrics import (
    expected_scores,
    leak_in,
    out_of_fold_metrics,
)
from decisionloop.learn.candidates import Candidate, Kind, out_of_fold, train, within_support
from decisionloop.learn.evidence import Contender
from decisionloop.learn.importance import feature_importance
from decisionloop.learn.lessons import choose_lessons, taught
from decisionloop.learn.logged_batches import LoggedBatches
from decisionloop.learn.model_card import MeasuredCandidate
from decisionloop.learn.parity import PROBED_ROWS, answers_of, row_names
from decisionloop.learn.residual_amounts import amount_metrics, residual_sizes
from decisionloop.learn.serving import ServingTime, serving_time
from decisionloop.learn.serving_work import lookups_per_row
from decisionloop.learn.weakness import Weakness, surprise_on_slices
from decisionloop.ledger.release_changes import register_release
from decisionloop.ledger.releases import Release, find_stage, release_id_of
from decisionloop.ledger.storage.facts import canonical_json
from decisionloop.ledger.use_cases import record_use_case
from decisionloop.ledger.verdicts import TrainingSet as TrainingSetFact
from decisionloop.ledger.weak_slices import latest_weak_slices
from decisionloop.observe.possible_money import amounts_of_card
from decisionloop.predict.prediction_table import predictions_from_table, predictions_to_table
from decisionloop.predict.predictions import Predictions
from decisionloop.predict.release_model import ReleaseModel, predict, supported_actions
from decisionloop.release_store import load_release, save_release
from decisionloop.workspace import Workspace
from tasks.keep import keep_table
from tasks.learn.changed_world import OF_OUTCOMES, changed_since
from tasks.learn.mlflow_versions import code_version, log_candidate
from tasks.learn.training_rows import training_rows_of
from tasks.readback.soundness import soundness_of
from tasks.readback.tables import read_table
from tasks.release.mlflow_aliases import follow
from tasks.watch.inputs import keep_what_it_saw, what_it_sees


@dataclass(frozen=True)
class CandidateRecord:
    """A registered candidate with what the gate needs of it."""

    release: Release
    contender: Contender


def train_and_keep(workspace: Workspace, fact: TrainingSetFact, kind: Kind) -> tuple[str, ...]:
    """Train, compile, measure out of fold, log to MLflow and register; returns the ids of the releases.

    The first decides everywhere; a second one, the same model, where the log supports that, and else as the rules do.
    """
    use_case = workspace.use_case
    rows, batches = training_rows_of(workspace, fact)
    changed = changed_since(workspace, fact.as_of, batches)
    is_of_outcomes = changed is not None and changed == changed_since(workspace, fact.as_of, batches, OF_OUTCOMES)
    choice = choose_lessons(use_case, kind, rows, batches, changed, is_of_outcomes)
    rows = taught(rows, choice.lessons)
    candidate = train(use_case, kind, rows)
    entities, ids = (batches.log[name].to_numpy(dtype=object) for name in ("entity_id", "decision_id"))
    predictions = out_of_fold(use_case, kind, rows, batches.frame, entities, candidate.amounts)
    metrics = {
        **out_of_fold_metrics(use_case, batches, predictions),
        **amount_metrics(use_case, batches, predictions),
    }
    weaknesses = _weaknesses(workspace, fact, batches, predictions)
    leak = leak_in(use_case, batches, predictions)
    measured = MeasuredCandidate(candidate, rows, metrics, weaknesses, leak, choice)
    # The contract may have changed since the last batch, and a release refers to it.
    record_use_case(workspace.ledger, use_case.name, use_case.digest, use_case.version, workspace.folder.text)
    follow(workspace)
    names = choice.lessons.names(batches.log["as_of"])
    bound = within_support(use_case, candidate, batches.rows(names), predictions.rows(names))
    forms = [measured] if bound is None else [measured, replace(measured, candidate=bound)]
    card = _card(workspace, forms[-1], batches) | {
        "lessons": choice,
        "amounts": [one and asdict(one) for one in residual_sizes(use_case, batches, predictions)],
        "out_of_fold": keep_table(workspace, predictions_to_table(use_case, predictions, ids), "scores"),
    }
    card |= {"parity": _original_answers(workspace, candidate, batches)}
    releases = [_release(workspace, fact, form, batches, card) for form in forms]
    seen = what_it_sees(use_case, batches.frame)
    with workspace.ledger.begin() as connection:  # all of one training together, so that none is missed after a crash
        for release, form in zip(releases, forms, strict=True):
            register_release(connection, release, _made_from(len(rows), form.candidate), "decisionloop")
            keep_what_it_saw(connection, release, seen)
    return tuple(release.release_id for release in releases)


def _original_answers(workspace: Workspace, candidate: Candidate, batches: LoggedBatches) -> dict[str, str]:
    """Keep what the fitted pipelines say of some rows, for whoever asks later whether what decides says the same."""
    frame = batches.frame.iloc[:PROBED_ROWS].reset_index(drop=True)
    answers = answers_of(workspace.use_case, candidate.originals, frame)
    ids = row_names(len(frame))
    return {
        "rows": keep_table(workspace, pa.Table.from_pandas(frame, preserve_index=False), "features"),
        "answers": keep_table(workspace, predictions_to_table(workspace.use_case, answers, ids), "scores"),
    }


def _release(
    workspace: Workspace,
    fact: TrainingSetFact,
    measured: MeasuredCandidate,
    batches: LoggedBatches,
    card: Mapping[str, object],
) -> Release:
    """One release of a training: its files kept, its version logged; ``card`` is what all of them have in common."""
    use_case, candidate = workspace.use_case, measured.candidate
    digest = save_release(workspace.snapshots, workspace.ledger, candidate.model)
    release_id = release_id_of(use_case.name, candidate.kind, use_case.digest, digest)
    reach = {} if candidate.reach is None else {"support": asdict(candidate.reach)}
    scores = expected_scores(use_case, candidate.model, batches.frame, batches.rules_action)
    work = {"lookups_per_row": lookups_per_row(use_case, candidate.model)}
    return Release(
        release_id=release_id,
        use_case=use_case.name,
        kind=candidate.kind,
        contract_digest=use_case.digest,
        scorer_digest=digest,
        training_set_id=fact.training_set_id,
        mlflow_version=log_candidate(workspace, release_id, fact, measured),
        reference_scores=canonical_json(scores),
        card_json=canonical_json({**card, **reach, **work}),
        created_at=fact.as_of,
    )


def _card(workspace: Workspace, measured: MeasuredCandidate, batches: LoggedBatches) -> dict[str, object]:
    """What the gate and the monitors will ask of a release, measured on what taught it; served in its slowest form."""
    use_case, model = workspace.use_case, measured.candidate.model
    return {
        "kind": measured.candidate.kind,
        "metrics": measured.metrics,
        "code_version": code_version(workspace),
        "latency_ms": serving_time(use_case, model, batches.frame).reading_ms,
        "refusals": list(model.refusals),
        "leak": measured.leak,
        "left_out": dict(measured.candidate.left_out),
        "amount_form": measured.candidate.amounts.words if measured.candidate.amounts else "",
        "importance": feature_importance(use_case, model, batches.frame),
        "weak_slices": [asdict(weakness) for weakness in measured.weaknesses],
    }


def _weaknesses(
    workspace: Workspace, fact: TrainingSetFact, batches: LoggedBatches, predictions: Predictions
) -> tuple[Weakness, ...]:
    """The weak slices that were known when the training set was made, with what the candidate makes of each."""
    slices = latest_weak_slices(workspace.ledger, workspace.use_case.name, fact.as_of, fact.cohorts_left_out)
    predicates = [one.predicate for one in slices]
    surprises = surprise_on_slices(workspace.use_case, batches, predictions, predicates) if slices else ()
    return tuple(
        Weakness(one.cohort, one.description, one.predicate, one.n, one.money_per_decision, money)
        for one, money in zip(slices, surprises, strict=True)
    )


def _made_from(rows: int, candidate: Candidate) -> str:
    """Why the release is there, what it does without, and in which form it decides if that is not the usual one."""
    told = f"trained on {rows:,} outcomes"
    if candidate.reach is not None:
        told += (
            f"; decides where at least {candidate.reach.minimum:,.0f} outcomes of like cases are known, which is in "
            f"{candidate.reach.may_decide:.0%} of the decisions that taught it, and elsewhere does what the rules do"
        )
    if candidate.left_out:
        told += f" without {', '.join(f'{name} ({why})' for name, why in candidate.left_out.items())}"
    if candidate.amounts and candidate.amounts.words:
        told += f"; {candidate.amounts.words}"
    if candidate.model.refusals:
        told += f"; decides as an uncompiled pipeline, because {' '.join(candidate.model.refusals)}"
    return told


def find_candidates(workspace: Workspace, release_ids: Sequence[str], batches: LoggedBatches) -> list[CandidateRecord]:
    """Registered candidates with their out-of-fold predictions of the decisions of ``batches``."""
    records, decision_id = [], batches.log["decision_id"].to_numpy(dtype=object)
    for release_id in release_ids:
        stage = find_stage(workspace.ledger, release_id)
        assert stage is not None  # train_and_keep registered it
        card = json.loads(stage.release.card_json)
        kept = read_table(workspace, card["out_of_fold"])
        predictions = predictions_from_table(workspace.use_case, kept, decision_id)
        supported = _supported(workspace, stage.release, batches) if "support" in card else None
        sound, amounts = soundness_of(workspace, stage.release), amounts_of_card(card.get("amounts"))
        contender = Contender(predictions, _recorded(stage.release), card["leak"], supported, amounts, sound)
        records.append(CandidateRecord(stage.release, contender))
    return records


def _supported(workspace: Workspace, release: Release, batches: LoggedBatches) -> np.ndarray | None:
    model = load_release(workspace.snapshots, str(release.scorer_digest))
    return supported_actions(workspace.use_case, model, batches.frame, batches.rules_action)


def contender_of(workspace: Workspace, release: Release, batches: LoggedBatches) -> Contender:
    """A release on the rows of ``batches``, scored by what would decide; rules predict nothing.

    Where a file of a model is damaged, or knows other actions than the contract, the rules decide in its place, and are
    what it comes to.
    """
    if release.scorer_digest is None:
        return Contender(None)
    use_case, frame = workspace.use_case, batches.frame
    try:
        model = load_release(workspace.snapshots, release.scorer_digest)
        supported = supported_actions(use_case, model, frame, batches.rules_action)
    except IntegrityError:
        return Contender(None)
    card = json.loads(release.card_json)
    serving, amounts = _measured(workspace, release, model, frame), amounts_of_card(card.get("amounts"))
    return Contender(predict(use_case, model, frame), serving, card.get("leak", ""), supported, amounts)


def chosen_on(workspace: Workspace, release_ids: Sequence[str]) -> datetime | None:
    """As-of of the cohort that chose what taught the candidates of a training, which may not judge them as well."""
    stages = [find_stage(workspace.ledger, release_id) for release_id in release_ids]
    told = [json.loads(one.release.card_json).get("lessons", {}).get("judged_on", "") for one in stages if one]
    return max((datetime.fromisoformat(one) for one in told if one), default=None)


def unlearnt_contender(workspace: Workspace, release: Release, batches: LoggedBatches) -> Contender:
    """A release on logged decisions as though none of them had taught it.

    Where it was taught by them (or they stood beside what taught it) these are its out-of-fold predictions; a model
    that is predicted on its own lessons looks better than it is, and would always win against one that is not.
    """
    plain, card = contender_of(workspace, release, batches), json.loads(release.card_json)
    if plain.predictions is None or "out_of_fold" not in card:
        return plain
    use_case, ids = workspace.use_case, batches.log["decision_id"].to_numpy(dtype=object)
    kept = read_table(workspace, card["out_of_fold"])
    wanted = predictions_to_table(use_case, plain.predictions.rows(slice(0)), ids[:0]).column_names
    if not set(wanted) <= set(kept.column_names):  # it was trained under a contract with other actions
        return plain
    is_known = pd.Index(ids).isin(kept.column("decision_id").to_pylist())
    return replace(plain, predictions=plain.predictions.replaced(is_known, predictions_from_table(use_case, kept, ids)))


def _recorded(release: Release) -> ServingTime:
    """What was measured when the release was trained."""
    card = json.loads(release.card_json)
    return ServingTime(card["latency_ms"], card["lookups_per_row"])


def _measured(workspace: Workspace, release: Release, model: ReleaseModel, frame: pd.DataFrame) -> ServingTime:
    """What was recorded where that keeps the time budget, else measured again: the machine may have been busy."""
    use_case, recorded = workspace.use_case, json.loads(release.card_json)["latency_ms"]
    if recorded <= use_case.latency.online_ms:
        return ServingTime(recorded, lookups_per_row(use_case, model))
    return serving_time(use_case, model, frame)
