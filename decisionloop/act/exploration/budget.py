"""What the parts of a batch agree on before anybody explores: one gamma, so that the batch keeps to its budget.

On top of what the budget pays there are looks: a kind of row of which hardly anybody has been seen with an action is
tried with the contract's smallest share, because no gap could ever be told without. What looks may lose, were they as
bad as has not been ruled out yet, is bounded by `LOOK_BUDGETS` budgets; once a kind has been seen they end.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from decisionloop.act.exploration.alternatives import Alternatives, AlternativeTable
from decisionloop.act.exploration.figures import ExploringFigures, Terms, figures_of
from decisionloop.act.exploration.groups import Groups, fair_scales
from decisionloop.act.exploration.inverse_gap import gamma_within, gaps_of, inverse_gap_chances
from decisionloop.act.exploration.support import PROPENSITY_FLOOR
from decisionloop.contract.exploration import Exploration, PricedExploration

LOOK_BUDGETS = 10.0
"""Budgets that looks may lose in the worst case: rare losses are mostly ten times the usual gain or more, so that a
look within one budget at its worst would be taken at nobody."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Chances:
    """How likely each alternative is drawn: ``gamma`` and ``look_share`` of the batch, ``scale`` (C,) by combination
    of protected groups."""

    exploration: Exploration
    gamma: float
    look_share: float
    scale: Floats

    def of(self, part: Alternatives) -> Floats:
        """The chance (n, A) that each action is drawn in place of the preferred one, 0 where it is not open."""
        row, action = np.nonzero(part.is_open)
        chances = np.zeros(part.is_open.shape)
        gap, scale = gaps_of(part.codes[row, action]), self.scale[part.combination[row]]
        chances[row, action] = self._each(gap, part.actions[row], part.is_unseen[row, action], scale)
        return chances

    def of_table(self, table: AlternativeTable, scale: Floats | None = None) -> Floats:
        """The chance (k,) of each entry of the batch's table, by another ``scale`` (C,) where one is given."""
        by_combination = self.scale if scale is None else scale
        return self._each(table.gap, table.actions, table.is_look, by_combination[table.combination])

    def _each(
        self, gap: Floats, actions: npt.NDArray[np.int64], is_look: npt.NDArray[np.bool_], scale: Floats
    ) -> Floats:
        if self.exploration.kind == "uniform":
            return self.exploration.share / np.maximum(actions - 1, 1)
        chance = inverse_gap_chances(gap, actions, self.gamma, self.exploration.largest_share)
        look = np.minimum(self.look_share, self.exploration.largest_share / (actions - 1))
        chance = np.where(is_look, np.maximum(chance, look), chance) * scale
        return np.where(chance >= PROPENSITY_FLOOR, chance, 0.0)


def agree_on_chances(
    exploration: Exploration, groups: Groups, rows: Floats, table: AlternativeTable, value_expected: float
) -> tuple[Chances, ExploringFigures]:
    """The chances of exploring of a whole batch, and what they come to.

    Args:
        rows: decisions of each combination of protected groups (C,).
        table: the alternatives of the batch.
        value_expected: money that the batch is expected to bring, which the budget may be a share of.
    """
    everybody = np.ones(groups.combinations)
    if exploration.kind == "uniform":
        chances, budget = Chances(exploration, 0.0, 0.0, everybody), None
    else:
        budget = exploration.budget(value_expected)
        chances = _within_budget(exploration, groups, rows, table, budget)
    terms = Terms(value_expected, budget, chances.gamma)
    without_looks = replace(chances, look_share=0.0).of_table(table)
    return chances, figures_of(groups, rows, table, chances.of_table(table), without_looks, terms)


def _by_combination(table: AlternativeTable, each: Floats, groups: Groups) -> Floats:
    return np.asarray(np.bincount(table.combination, each, groups.combinations), dtype=np.float64)


def _within_budget(
    exploration: PricedExploration, groups: Groups, rows: Floats, table: AlternativeTable, budget: float
) -> Chances:
    alike, place = np.unique(np.stack([table.actions, table.code]), axis=1, return_inverse=True)
    count = np.zeros(alike.shape[1], dtype=np.int64)
    np.add.at(count, place.ravel(), table.count)
    gamma = gamma_within(gaps_of(alike[1]), alike[0], count, budget, exploration.largest_share)
    is_priced = table.is_look & np.isfinite(table.gap)
    worst = exploration.smallest_share * math.fsum((table.count * np.where(is_priced, table.gap, 0.0)).tolist())
    looks = exploration.smallest_share * (min(1.0, LOOK_BUDGETS * budget / worst) if worst > 0 else 1.0)
    chances = Chances(exploration, gamma, looks, np.ones(groups.combinations))

    def explored(scale: Floats) -> Floats:
        of_each = chances.of_table(table, scale) * table.count
        return _by_combination(table, of_each, groups)

    scales = fair_scales(groups, rows, explored, exploration.largest_group_ratio)
    return Chances(exploration, gamma, looks, groups.of_combination(scales))
