"""What every row of a batch would take if nothing were explored, by the champion or by a release on trial."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from decisionloop.act.constraints import BatchTotals, limits_of
from decisionloop.act.prices import BatchPart, Plan
from decisionloop.act.situation import Situation
from decisionloop.act.turn import Draws, Turn
from decisionloop.contract import UseCase


@dataclass(frozen=True)
class Greedy:
    """What n rows would take without exploring.

    ``action`` (n,), drawn from ``mixture``: pairs of a chance (n,) and an action (n,), whose chances sum to 1.
    ``is_outside``, ``is_on_trial`` bool (n,): see `Choice`.
    """

    action: np.ndarray
    mixture: list[tuple[np.ndarray, np.ndarray]]
    is_outside: np.ndarray
    is_on_trial: np.ndarray


def greedy_actions(
    use_case: UseCase, frame: pd.DataFrame, turn: Turn, situation: Situation, totals: BatchTotals, agreed: Plan | None
) -> Greedy:
    """What the champion prefers and, for the rows that it draws, what a release on trial does.

    Under constraints it does nothing without an ``agreed`` plan.
    """
    nobody = np.zeros(len(frame), dtype=bool)
    if situation.is_ruled:
        ours = Greedy(turn.rules, [(np.ones(len(frame)), turn.rules)], nobody, nobody)
    else:
        ours = _by_model(use_case, frame, turn, totals, agreed)
    if turn.trial is None or (use_case.policy.constraints and agreed is None):
        return ours
    theirs = _by_model(use_case, frame, replace(turn, offer=turn.trial.offer), totals, agreed)
    chance, is_drawn = turn.trial.chance, turn.trial.is_drawn
    mixture = [((1 - chance) * one, action) for one, action in ours.mixture]
    return Greedy(
        np.where(is_drawn, theirs.action, ours.action),
        mixture + [(chance * one, action) for one, action in theirs.mixture],
        np.where(is_drawn, theirs.is_outside, ours.is_outside),
        is_drawn,
    )


def _by_model(use_case: UseCase, frame: pd.DataFrame, turn: Turn, totals: BatchTotals, agreed: Plan | None) -> Greedy:
    """What a model prefers at the prices of the plan, within its reach."""
    assignments, weight = _assignments(use_case, frame, turn, totals, agreed)
    action, nobody = _mixed(assignments, weight, turn.draws), np.zeros(len(frame), dtype=bool)
    mixture = [(np.full(len(frame), w), one) for w, one in zip(weight, assignments, strict=True)]
    if turn.offer.reach is None:
        return Greedy(action, mixture, nobody, nobody)
    unbound = replace(turn, offer=replace(turn.offer, reach=None))
    wanted = _mixed(*_assignments(use_case, frame, unbound, totals, agreed), turn.draws)
    return Greedy(action, mixture, (action == turn.rules) & (wanted != action), nobody)


def _assignments(
    use_case: UseCase,
    frame: pd.DataFrame,
    turn: Turn,
    totals: BatchTotals,
    agreed: Plan | None,
) -> tuple[np.ndarray, np.ndarray]:
    """The assignments (J, n) of the plan and their weights (J,); a single one where there is no plan."""
    if agreed is None:
        return turn.offer.best(turn.offer.values)[None, :], np.ones(1)
    part = BatchPart(turn.offer, limits_of(use_case, frame, totals))
    return np.stack([assignment.of(part) for assignment in agreed.assignments]), agreed.weight


def _mixed(assignments: np.ndarray, weight: np.ndarray, draws: Draws) -> np.ndarray:
    """The action (n,) of each row, which follows assignment j of ``assignments`` (J, n) with chance ``weight[j]``."""
    if len(weight) == 1:
        return assignments[0].astype(np.int64)
    drawn = np.searchsorted(np.cumsum(weight)[:-1], draws.mixture, side="right")
    return assignments[drawn, np.arange(assignments.shape[1])].astype(np.int64)
