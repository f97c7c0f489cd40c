"""What a change has cost, by the simulated world's own truth: expected money, so that no luck of the draws is in it.

Beside the loop stands a reference that is told every outcome of the changed world free of charge, and forgets the old
world (`decisionloop.learn.capture_reference`). What the loop has lost against it is split by who decided: only what is
left of it in the models' choices could a better release have earned. And it is told what the decisions of whoever was
on trial would have brought had each successor had its place as soon as it was in shadow.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce
from itertools import groupby
from operator import add

import numpy as np
import pandas as pd

from decisionloop.act.economics import action_values, realised_values
from decisionloop.learn.capture import Captured, KnownPeriod, captured
from decisionloop.learn.capture_reference import reference_actions, within_limits
from decisionloop.ledger.batches import batches
from decisionloop.ledger.releases import Release, events_of_releases, find_stage
from decisionloop.ledger.verdicts import find_training_set
from decisionloop.predict.release_model import predict, supported_actions
from decisionloop.release_store import load_release
from decisionloop.report.read.capture import known_periods
from decisionloop.workspace import Workspace

BESIDE = frozenset({"shadow", "canary", "champion"})
"""Stages of a release that could decide."""


@dataclass(frozen=True)
class AfterChange:
    """Expected money from the change on: of the loop, the rules and the reference, and ``giving_way``: how much more
    the decisions of models would have brought had the newest successor made them (below 0: less)."""

    told: Captured
    giving_way: float

    @property
    def lost(self) -> float:
        """What the loop has earned less than the reference."""
        return self.told.attainable - self.told.gain


@dataclass(frozen=True)
class Entered:
    """A release that has learnt from the changed world, and since when it has stood beside whoever decides."""

    at: datetime
    release: Release


def after_change(workspace: Workspace, change: datetime) -> AfterChange:
    """What a replayed year earned from the ``change`` on, which is the beginning of a month."""
    known = known_periods(workspace)
    assert known is not None  # a simulated world
    after = [one for one in known if one.period >= f"{change:%Y-%m}"]
    told = [_expected(workspace, one) for one in after]
    chosen = reference_actions(workspace.use_case, after)
    parts = [captured(workspace.use_case, one, best) for one, best in zip(told, chosen, strict=True)]
    entered = list(successors(workspace, change))
    return AfterChange(reduce(add, parts), sum(_giving_way(workspace, one, entered) for one in told))


def successors(workspace: Workspace, change: datetime) -> Iterator[Entered]:
    """Every release that came to stand beside whoever decides and was trained on a cohort of the changed world."""
    seen: set[str] = set()
    for event in events_of_releases(workspace.ledger, workspace.use_case.name):
        if (
            event.stage in BESIDE
            and event.release_id not in seen
            and has_learnt_since(workspace, event.release_id, change)
        ):
            seen.add(event.release_id)
            stage = find_stage(workspace.ledger, event.release_id)
            assert stage is not None  # the event is about it
            yield Entered(event.as_of, stage.release)


def has_learnt_since(workspace: Workspace, release_id: str, change: datetime) -> bool:
    """Whether a cohort of the changed world is among those that taught a release."""
    stage = find_stage(workspace.ledger, release_id)
    taught_by = None if stage is None else stage.release.training_set_id
    taught = None if taught_by is None else find_training_set(workspace.ledger, taught_by)
    return taught is not None and taught.cohort_to >= change


def _expected(workspace: Workspace, known: KnownPeriod) -> KnownPeriod:
    """A period with chances and mean amounts in place of what was drawn; the contract's money is linear in both."""
    world = workspace.source.theirs.world  # type: ignore[attr-defined]  # of the use case
    response = sys.modules[f"{type(world).__module__.rpartition('.')[0]}.response"]
    chance, amount = np.empty((2, len(known.frame), len(workspace.use_case.actions)))
    numbers = known.frame[workspace.use_case.entity.key].astype(np.int64).to_numpy()
    for place, as_of in enumerate(_batches_of(workspace, known.period)):
        rows, week = np.flatnonzero(known.batch == place), world.week_of(pd.Timestamp(as_of))
        customers = world.customers(numbers[rows], week)
        chance[rows] = response.kept_probability(customers, world.conditions(week))
        amount[rows] = response.expected_spend(customers)[:, None]
    return replace(known, outcome_class=chance, amount=amount)


def _batches_of(workspace: Workspace, period: str) -> list[datetime]:
    decided = [one.as_of for one in batches(workspace.ledger, workspace.use_case.name) if one.is_decided]
    months = {month: list(of_month) for month, of_month in groupby(decided, lambda at: f"{at:%Y-%m}")}
    return months[period]


def _giving_way(workspace: Workspace, told: KnownPeriod, entered: Sequence[Entered]) -> float:
    """What the newest successor of each batch would have brought more, where a model decided."""
    more = 0.0
    for place, as_of in enumerate(_batches_of(workspace, told.period)):
        newest = max((one for one in entered if one.at < as_of), key=lambda one: one.at, default=None)
        if newest is not None:
            more += _more_by(workspace, _batch(told, place), newest.release)
    return more


def _more_by(workspace: Workspace, told: KnownPeriod, release: Release) -> float:
    use_case = workspace.use_case
    model = load_release(workspace.snapshots, str(release.scorer_digest))
    values = action_values(use_case, told.frame, predict(use_case, model, told.frame))
    supported = supported_actions(use_case, model, told.frame, told.rules)
    chosen = within_limits(use_case, told, values if supported is None else np.where(supported, values, np.nan))
    each, is_its = np.arange(len(chosen)), told.is_model & ~told.is_held_out
    ours, theirs = (
        realised_values(use_case, told.frame, action, told.outcome_class[each, action], told.amount[each, action])  # type: ignore[index]
        for action in (chosen, told.preferred)
    )
    return float((ours - theirs)[is_its].sum())


def _batch(known: KnownPeriod, place: int) -> KnownPeriod:
    rows = np.flatnonzero(known.batch == place)
    arrays = ("batch", "outcome_class", "amount", "rules", "preferred", "taken", "is_model", "is_held_out")
    return replace(
        known,
        frame=known.frame.iloc[rows].reset_index(drop=True),
        **{name: getattr(known, name)[rows] for name in arrays},
    )
