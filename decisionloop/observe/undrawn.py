"""What chance could have drawn instead of what was done: how much its outcome would have weighed, and how often.

A log with rare draws looks best where none of them has come: the weights that were seen are alike, so that their spread
and their effective number say nothing of the heavy ones that were due. Both are therefore taken over what could have
been drawn. Only the propensity of what was done is logged; what it leaves is shared evenly by the other possible
actions, which is exact where there is one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from decisionloop.act.exploration.support import PROPENSITY_FLOOR
from decisionloop.observe.estimate import Codes, Floats, entity_codes, entity_sums
from decisionloop.observe.logged_decisions import LoggedDecisions


@dataclass(frozen=True, eq=False)
class UndrawnActions:
    """m pairs of a decision and an action that could have been drawn in place of the one taken.

    ``row`` is the decision's position, ``weight`` the signed weight that the outcome would have had, ``chance`` that of
    the draw, ``worse`` and ``better`` how far the money could be from what was expected (>= 0, 0 where nobody knows).
    ``drawn`` (n,): the chance of what was done.
    """

    row: Codes
    weight: Floats
    chance: Floats
    worse: Floats
    better: Floats
    drawn: Floats


def undrawn_actions(logged: LoggedDecisions, moved: Floats, *, is_realised: bool = False) -> UndrawnActions:
    """Of a question that moves probabilities by ``moved`` (n, A).

    ``is_realised``: what is done counts by itself as well, with a weight of 1. Actions whose money needs no outcome
    have no weight, as those have which no draw could have brought.
    """
    n = len(logged)
    could = logged.could_be_taken & logged.has_propensity[:, None]
    could[np.arange(n), logged.action] = False
    left = np.where(logged.has_propensity, 1 - logged.propensity, 0.0)
    is_evidence = (left >= PROPENSITY_FLOOR)[:, None]
    row, action = np.nonzero(could & is_evidence & ~logged.is_exact & ((moved != 0) | is_realised))
    chance = np.maximum(left[row] / could.sum(axis=1)[row], PROPENSITY_FLOOR)
    weight = (moved[row, action] / chance + is_realised) * np.maximum(1.0, logged.action_scale[action])
    worse, better = _beyond(logged, row, action)
    drawn = np.where(logged.has_propensity, logged.propensity, 1.0)
    return UndrawnActions(row, weight, chance, worse, better, drawn)


def expected_effective_n(logged: LoggedDecisions, weight: Floats, undrawn: UndrawnActions) -> float:
    """Kish's number of equally weighted entities, over what could have been drawn: (sum E|w|)^2 / sum E w^2.

    ``weight`` (n,) is that of what was done. An entity's rows may have been drawn by the same chance.
    """
    n = len(logged)

    def of_rows(done: Floats, not_done: Floats) -> Floats:
        return undrawn.drawn * done + np.bincount(undrawn.row, weights=undrawn.chance * not_done, minlength=n)

    size = float(of_rows(np.abs(weight), np.abs(undrawn.weight)).sum())
    square = np.sqrt(of_rows(weight**2, undrawn.weight**2))
    by_entity = entity_sums(square, entity_codes(logged.entity, n))
    total = float((by_entity**2).sum())
    return size**2 / total if total > 0 else 0.0


def _beyond(logged: LoggedDecisions, row: Codes, action: Codes) -> tuple[Floats, Floats]:
    if logged.possible is None:
        return np.zeros(len(row)), np.zeros(len(row))
    expected = np.nan_to_num(logged.expected_values[row, action], nan=0.0)
    worse, better = expected - logged.possible.worst[row, action], logged.possible.best[row, action] - expected
    return np.maximum(np.nan_to_num(worse), 0.0), np.maximum(np.nan_to_num(better), 0.0)
