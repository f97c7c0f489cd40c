"""Deciding rows as of one moment, by the functions that decide a batch: rules, scores side by side, policy."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pandas as pd
import pyarrow as pa

from decisionloop.act.action_names import actions_by_index, actions_by_name
from decisionloop.act.choice_table import choice_table
from decisionloop.act.constraints import BatchTotals
from decisionloop.act.exploration.agreement import AgreedExploring, flat_share
from decisionloop.act.policy import Choice, choose_part
from decisionloop.act.scored_rows import situation_of_scores
from decisionloop.act.side_by_side import Contenders, PartScores, ReleaseRun, ScoringRelease, value_side_by_side
from decisionloop.act.situation import STANDING_IN, Situation
from decisionloop.act.within_budget import Means, Within, choose_within, rules_within
from decisionloop.ledger.releases import Release
from decisionloop.ledger.schema import utc_now
from decisionloop.predict.row_faults import row_faults
from decisionloop.predict.rules import choose_by_rules
from decisionloop.release.stages import is_default_action
from decisionloop.release_store import load_release
from decisionloop.stream.asked import LookedUp
from decisionloop.stream.deciders import Deciders, Signed
from decisionloop.stream.desk import Desk
from decisionloop.stream.spending import Charge

CHAMPION_FAILED = f"{STANDING_IN}champion failed"
SECONDS = 10.0
"""A challenger that hangs keeps those who wait for an answer so long, once; it may have to be loaded first."""
ONE_THREAD = 1
"""To score a few rows no second thread is worth its start."""


@dataclass(frozen=True, eq=False)
class Decided:
    """What was decided of n rows as of one moment: what was known, found faulty, said by every release, and chosen.

    ``faults`` (n,) text; ``scores``, ``predictions`` and ``choice`` as a part of a batch leaves them behind.
    ``age_days`` (n,) of the newest row of the source, NaN where the caller sent the features; None: of every row.
    ``chosen``: the choice that ``choice`` was made of, where it was just made and is a single one.
    ``charge``: what it uses of the period's constraints; None where the policy has none, and once it is kept.
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
    age_days: np.ndarray | None = None
    charge: Charge | None = None
    chosen: Choice | None = None


@dataclass(frozen=True, eq=False)
class _Rows:
    """The n rows of a canonical frame as of one moment; ``faults`` (n,) text, "" of a row that a model may go by."""

    frame: pd.DataFrame
    as_of: datetime
    faults: np.ndarray


@dataclass(frozen=True, eq=False)
class _Weighed:
    """What is known of n rows before anything is chosen, and who says so."""

    signed: Signed
    told: PartScores
    situation: Situation


def decide(
    desk: Desk,
    deciders: Deciders,
    frame: pd.DataFrame,
    as_of: datetime,
    is_by_rules_alone: bool = False,
    looked_up: LookedUp | None = None,
) -> Decided:
    """Decide the n rows of the canonical ``frame``: one action each, drawn and explained as in a batch of this as-of.

    Where the champion cannot be loaded or fails the rules stand in for it, and with ``is_by_rules_alone`` no model is
    asked at all. ``looked_up``: what looking up said of the rows, None where every feature was sent. Where the rules
    choose and only their reasons fail, a row's reason says that they gave none. Raises ContractError where the rules
    themselves fail, for then nobody can decide.
    """
    own = row_faults(desk.use_case, frame)
    rows = _Rows(frame, as_of, own if looked_up is None else looked_up.with_faults_of(own))
    weighed = _weigh(desk, deciders, rows, deciders.challengers, is_by_rules_alone)
    scores, charge = weighed.told.scores, None
    if desk.use_case.policy.constraints:
        within, charge = _choose_in_period(desk, deciders, rows, weighed, is_by_rules_alone)
        choices, scores = within.choices, _as_rules_could(desk, weighed, within)
    else:
        totals = BatchTotals.of(desk.use_case, frame)
        choices = [choose_part(desk.use_case, frame, as_of, weighed.situation, totals, None)]
    return Decided(
        as_of=as_of,
        signed=weighed.signed,
        features=frame,
        faults=rows.faults,
        scores=scores,
        predictions=weighed.told.predictions,
        choice=_together([choice_table(desk.use_case, one) for one in choices]),
        champion=weighed.told.champion,
        shadows=weighed.told.shadows,
        age_days=None if looked_up is None else looked_up.age_days,
        charge=charge,
        chosen=choices[0] if len(choices) == 1 else None,
    )


def _weigh(
    desk: Desk, deciders: Deciders, rows: _Rows, challengers: Sequence[Release], is_by_rules_alone: bool
) -> _Weighed:
    use_case, signed, (frame, as_of, faults) = desk.use_case, deciders.signed, (rows.frame, rows.as_of, rows.faults)
    ruled = choose_by_rules(use_case, desk.workspace.code, frame, faults, desk.sound_rows, desk.reasons_failed)
    is_of_model = deciders.champion.scorer_digest is not None
    model = _scoring(desk, deciders.champion) if is_of_model and not is_by_rules_alone else None
    beside = [] if is_by_rules_alone else [_scoring(desk, one) for one in challengers]
    seconds, are_stopped = min(SECONDS, use_case.shadow.maximum_seconds), is_default_action(signed.rules)
    contenders = Contenders(ruled, model, beside, signed.trial, seconds, are_stopped, are_beside=True)
    told = value_side_by_side(use_case, frame, as_of, contenders, "thread")
    has_failed = (is_by_rules_alone and is_of_model) or (told.champion is not None and told.champion.error is not None)
    because = signed.rules_because or (CHAMPION_FAILED if has_failed else "")
    if is_by_rules_alone:
        signed = replace(signed, challengers=(), on_trial=None, trial_share=None)
    elif any(one.release_id == signed.on_trial and one.error for one in told.shadows):
        signed = replace(signed, on_trial=None, trial_share=None)  # it has no say in what it cannot speak of
    situation = situation_of_scores(use_case, frame, told.scores, faults, because, signed.trial)
    exploring = _exploring(desk, deciders, BatchTotals.of(use_case, frame))
    situation = replace(situation, seen=deciders.seen, are_rules_stopped=are_stopped, exploring=exploring)
    return _Weighed(replace(signed, rules_because=because), told, situation)


def _choose_in_period(
    desk: Desk, deciders: Deciders, rows: _Rows, weighed: _Weighed, is_by_rules_alone: bool
) -> tuple[Within, Charge]:
    """Choose at the prices of what the present period has left, and within what is left of its budgets."""
    use_case, now = desk.use_case, utc_now()
    spending = desk.pacer.spending(now)
    on_trial = [one for one in deciders.challengers if one.release_id == deciders.signed.on_trial]

    def weigh(sample: pd.DataFrame) -> Situation:
        like = _Rows(sample, now, row_faults(use_case, sample))
        return _weigh(desk, deciders, like, on_trial, is_by_rules_alone).situation

    agreed, known = desk.pacer.prices(weighed.signed.to_json(), spending, now, weigh)
    means = Means(spending.used.left(use_case), agreed, BatchTotals.of(use_case, rows.frame) + known)
    within = choose_within(use_case, rows.frame, rows.as_of, weighed.situation, means)
    return within, Charge(spending, within.spent)


def _as_rules_could(desk: Desk, weighed: _Weighed, within: Within) -> pa.Table:
    """The scores with what the rules could have done: what cannot be paid is not open to them either."""
    scores, name = weighed.told.scores, "rules_action"
    if within.is_paid.all():
        return scores
    rules = actions_by_index(desk.use_case, scores[name])
    could = rules_within(desk.use_case, weighed.situation, rules, within.is_paid)
    place = scores.column_names.index(name)
    return scores.set_column(place, name, actions_by_name(desk.use_case, could))


def _together(tables: Sequence[pa.Table]) -> pa.Table:
    return tables[0] if len(tables) == 1 else pa.concat_tables(tables).unify_dictionaries()


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
