"""Steps that score a batch: the champion, every challenger in shadow and the rules, part by part."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from decisionloop.act.canary import OnTrial
from decisionloop.act.side_by_side import Contenders, ReleaseRun, ScoringRelease, value_side_by_side
from decisionloop.act.situation import STANDING_IN
from decisionloop.ledger.alerts import NewAlert
from decisionloop.ledger.batches import Scalar
from decisionloop.ledger.decisions import ShadowRun, append_shadow_run
from decisionloop.ledger.going_on import Found
from decisionloop.ledger.releases import Release, challengers
from decisionloop.ledger.schema import utc_now
from decisionloop.ledger.storage.facts import canonical_json
from decisionloop.metering import Meter, StageCost
from decisionloop.monitor.compare.score_shift import ScoreProfile
from decisionloop.predict.rules import choose_by_rules
from decisionloop.release.stages import is_default_action
from decisionloop.release_store import load_release
from decisionloop.workspace import Workspace
from tasks.each_part import each_part
from tasks.keep import keep_part, reached, scope_of
from tasks.readback.batch_in_hand import BatchInHand, open_batch_in_hand
from tasks.readback.policy_inputs import score_reference
from tasks.readback.releases import on_trial, release_of
from tasks.readback.tables import read_part
from tasks.step import step
from tasks.tell.announcements import announce
from tasks.tell.halting import tell_while_it_goes_on


@dataclass(frozen=True)
class Worth:
    """What choosing is worth over ``rows`` that a model has valued: sum of best less worst action, in currency."""

    rows: int
    money: float

    def __add__(self, other: Worth) -> Worth:
        """Two parts together."""
        return Worth(self.rows + other.rows, self.money + other.money)

    @property
    def per_decision(self) -> float | None:
        """The mean, None where no model has valued anybody."""
        return self.money / self.rows if self.rows else None


@dataclass(frozen=True)
class ScoredPart:
    """How a part was scored: the champion's scores counted, how each model fared, what it all took."""

    profile: ScoreProfile | None
    worth: Worth
    champion: ReleaseRun | None
    shadows: tuple[ReleaseRun, ...]
    costs: tuple[StageCost, ...]


@dataclass(frozen=True)
class Scorers:
    """Who scores a batch, by release: the champion, the rules, every challenger, and which of these is on trial."""

    champion: str
    rules: str
    challengers: tuple[str, ...]
    on_trial: OnTrial | None = None


@step
def score_batch(use_case: str, batch_id: str) -> str:
    """Score the validated batch with the champion, every challenger and the rules; returns who scored it.

    A champion that cannot be loaded, fails or values nobody hands the batch to the rules, and people are told.
    """
    hand = open_batch_in_hand(use_case, batch_id)
    if hand.batch.state != "validated":
        return "scored before"
    hand.require_present_code("scoring")
    trial = on_trial(hand.ledger, use_case)
    beside = tuple(one.release_id for one in challengers(hand.ledger, use_case))
    scorers = Scorers(hand.champion.release_id, hand.rules.release_id, beside, trial)
    scored = each_part(hand.workspace, score_part, batch_id, scorers)
    for run in total_runs([part.shadows for part in scored]):
        record_run(hand, run)
    failure = champion_failure(hand, [part.champion for part in scored if part.champion is not None])
    profiles = [part.profile for part in scored if part.profile is not None]
    profile = functools.reduce(lambda one, other: one + other, profiles) if profiles and not failure else None
    worth = functools.reduce(lambda one, other: one + other, (part.worth for part in scored))
    detail: dict[str, Scalar] = {
        "champion": hand.champion.release_id,
        "rules": hand.rules.release_id,
        "release_seq": hand.release_seq,
        "score_profile": canonical_json(profile),
        "worth": worth.per_decision,
        "handed_over": failure,
        "on_trial": None if trial is None else trial.release_id,
        "trial_share": None if trial is None else trial.share,
    }
    reached(hand, "scored", detail, [cost for part in scored for cost in part.costs])
    return ", ".join([hand.champion.release_id, *beside])


@step
def score_part(use_case: str, batch_id: str, part: int, scorers: Scorers) -> ScoredPart:
    """Score one part with the champion, every challenger and the rules."""
    hand = open_batch_in_hand(use_case, batch_id)
    workspace, contract = hand.workspace, hand.use_case
    scope = scope_of(workspace)
    with Meter("score", None, scope) as reading:
        frame, faults = rows_to_score(hand, part)
        decides = release_of(workspace, scorers.champion)
        beside = [scoring_release(workspace, release_of(workspace, release_id)) for release_id in scorers.challengers]
    with Meter("score", scorers.rules, scope) as by_rules:
        ruled = choose_by_rules(contract, workspace.code, frame, faults)
        by_rules.add(rows=len(frame))
    model = None if decides.scorer_digest is None else scoring_release(workspace, decides)
    are_stopped = is_default_action(scorers.rules)
    contenders = Contenders(ruled, model, beside, scorers.on_trial, are_rules_stopped=are_stopped)
    told = value_side_by_side(contract, frame, hand.as_of, contenders, scope)
    with reading:
        kept = [
            keep_part(workspace, batch_id, "scores", part, told.scores),
            keep_part(workspace, batch_id, "predictions", part, told.predictions),
        ]
        profile = profile_of(hand, decides, told.scores)
        reading.add(len(frame), sum(workspace.snapshots.bytes_of(one.digest) for one in kept))
        worth = worth_of(hand, told.scores)
    return ScoredPart(profile, worth, told.champion, told.shadows, (reading.cost, by_rules.cost, *told.costs))


def rows_to_score(hand: BatchInHand, part: int) -> tuple[pd.DataFrame, np.ndarray]:
    """The features of a part (n rows), and why the rules cannot be asked about a row (n,), None where they can."""
    frame = read_part(hand.workspace, hand.batch_id, "features", part).to_pandas()
    return frame, read_part(hand.workspace, hand.batch_id, "faults", part)["reason"].to_pandas().to_numpy(dtype=object)


def scoring_release(workspace: Workspace, release: Release) -> ScoringRelease:
    """How a release is loaded to score a part, by the engine that the settings name."""
    settings, digest = workspace.settings, str(release.scorer_digest)
    load = functools.partial(load_release, workspace.snapshots, digest, settings.scorer_engine, settings.scorer_threads)
    return ScoringRelease(release.release_id, load)


def total_runs(parts: Sequence[Sequence[ReleaseRun]]) -> list[ReleaseRun]:
    """Each model over all parts."""
    return [functools.reduce(lambda one, other: one + other, of_parts) for of_parts in zip(*parts, strict=True)]


def record_run(hand: BatchInHand, run: ReleaseRun) -> None:
    """One record a model: a failure in one part is the batch's, and one that could value nobody says so."""
    status = "failed" if run.error else "nan" if run.nan_rows == run.rows else "ok"
    counts = (run.rows, run.nan_rows, run.milliseconds, utc_now())
    append_shadow_run(hand.ledger, ShadowRun(hand.batch_id, run.release_id, status, run.error, *counts))


def champion_failure(hand: BatchInHand, parts: Sequence[ReleaseRun]) -> str:
    """Why the deciding model cannot decide this batch, told to people and kept as its failure; "" where it can."""
    if not parts:
        return ""
    run = functools.reduce(lambda one, other: one + other, parts)
    if not run.failure:
        return ""
    record_run(hand, run)
    new = NewAlert(
        severity="critical",
        kind="champion",
        message=f"{run.release_id} could not score {hand.batch_id}: {run.failure.rstrip('.')}. The rules decide it.",
        remedy="Restore the release's file from a backup of the snapshot store, or retrain.",
        batch_id=hand.batch_id,
    )
    tell_while_it_goes_on(hand, new, [Found(f"scoring by {run.release_id}")])
    announce("champion.failed", hand.use_case.name, hand.batch_id, {"release": run.release_id, "error": run.failure})
    return f"{STANDING_IN}champion failed"


def profile_of(hand: BatchInHand, decides: Release, scores: pa.Table) -> ScoreProfile | None:
    """The scores of a part by whoever decides, counted; None where it has none."""
    reference = score_reference(decides)
    name = "score" if hand.use_case.outcome.class_ else "amount"
    if reference is None or name not in scores.column_names:
        return None
    return ScoreProfile.of(scores[name].to_numpy(), reference)


def worth_of(hand: BatchInHand, scores: pa.Table) -> Worth:
    """What choosing is worth over the rows of a part."""
    names = [f"value:{name}" for name in hand.use_case.action_names]
    if names[0] not in scores.column_names:
        return Worth(0, 0.0)
    values = np.column_stack([scores[name].to_numpy() for name in names])
    apart = values.max(axis=1) - values.min(axis=1)  # NaN where the model could not value a row
    return Worth(int(np.isfinite(apart).sum()), float(np.nansum(apart)))
