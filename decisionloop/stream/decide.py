"""Deciding rows as of one moment, by the functions that decide a batch: rules, scores side by side, policy."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pandas as pd
import pyarrow as pa

from decisionloop.act.choice_table import choice_table
from decisionloop.act.constraints import BatchTotals
from decisionloop.act.exploration.agreement import AgreedExploring, flat_share
from decisionloop.act.policy import choose_part
from decisionloop.act.scored_rows import situation_of_scores
from decisionloop.act.side_by_side import Contenders, ReleaseRun, ScoringRelease, value_side_by_side
from decisionloop.act.situation import STANDING_IN
from decisionloop.ledger.releases import Release
from decisionloop.predict.row_faults import row_faults
from decisionloop.predict.rules import choose_by_rules
from decisionloop.release.stages import is_default_action
from decisionloop.release_store import load_release
from decisionloop.stream.deciders import Deciders, Signed
from decisionloop.stream.desk import Desk

CHAMPION_FAILED = f"{STANDING_IN}champion failed"
SECONDS = 10.0
"""A challenger that hangs keeps those who wait for an answer so long, once; it may have to be loaded first."""
ONE_THREAD = 1
"""To score a few rows no second thread is worth its start."""


@dataclass(frozen=True, eq=False)
class Decided:
    """What was decided of n rows as of one moment: what was known, found faulty, said by every release, and chosen.

    ``faults`` (n,) text; ``scores``, ``predictions`` and ``choice`` as a part of a batch leaves them behind.
    """

    as_of: datetime
    signed: Signed
    features: pd.DataFrame
    faults: np.ndarray
    scores: pa.Table
    predictions: pa.Table
    choice: pa.Table
    champion: ReleaseRun | None
    shadows: tuple[ReleaseRun, ...]


def decide(
    desk: Desk, deciders: Deciders, frame: pd.DataFrame, as_of: datetime, is_by_rules_alone: bool = False
) -> Decided:
    """Decide the n rows of the canonical ``frame``: one action each, drawn and explained as in a batch of this as-of.

    Where the champion cannot be loaded or fails the rules stand in for it, and with ``is_by_rules_alone`` no model is
    asked at all. Raises ContractError where the rules themselves fail, for then nobody can decide.
    """
    use_case, signed = desk.use_case, deciders.signed
    faults = row_faults(use_case, frame)
    ruled = choose_by_rules(use_case, desk.workspace.code, frame, faults, desk.sound_rows)
    is_of_model = deciders.champion.scorer_digest is not None
    model = _scoring(desk, deciders.champion) if is_of_model and not is_by_rules_alone else None
    beside = [] if is_by_rules_alone else [_scoring(desk, one) for one in deciders.challengers]
    seconds, are_stopped = min(SECONDS, use_case.shadow.maximum_seconds), is_default_action(signed.rules)
    contenders = Contenders(ruled, model, beside, signed.trial, seconds, are_stopped)
    told = value_side_by_side(use_case, frame, as_of, contenders, "thread")
    has_failed = (is_by_rules_alone and is_of_model) or (told.champion is not None and told.champion.error is not None)
    because = signed.rules_because or (CHAMPION_FAILED if has_failed else "")
    if is_by_rules_alone:
        signed = replace(signed, challengers=(), on_trial=None, trial_share=None)
    elif any(one.release_id == signed.on_trial and one.error for one in told.shadows):
        signed = replace(signed, on_trial=None, trial_share=None)  # it has no say in what it cannot speak of
    situation = situation_of_scores(use_case, frame, told.scores, faults, because, signed.trial)
    situation = replace(situation, seen=deciders.seen, are_rules_stopped=are_stopped)
    totals = BatchTotals.of(use_case, frame)
    situation = replace(situation, exploring=_exploring(desk, deciders, totals))
    choice = choose_part(use_case, frame, as_of, situation, totals, None)
    return Decided(
        as_of=as_of,
        signed=replace(signed, rules_because=because),
        features=frame,
        faults=faults,
        scores=told.scores,
        predictions=told.predictions,
        choice=choice_table(use_case, choice),
        champion=told.champion,
        shadows=told.shadows,
    )


def _exploring(desk: Desk, deciders: Deciders, totals: BatchTotals) -> AgreedExploring | None:
    """A flat share needs no agreement; prices are those of a batch before, and without any nobody explores."""
    if desk.use_case.policy.exploration.kind == "uniform":
        return flat_share(desk.use_case, totals)
    return deciders.exploring


def _scoring(desk: Desk, release: Release) -> ScoringRelease:
    workspace, digest = desk.workspace, str(release.scorer_digest)
    engine = workspace.settings.scorer_engine
    return ScoringRelease(
        release.release_id, functools.partial(load_release, workspace.snapshots, digest, engine, ONE_THREAD)
    )
