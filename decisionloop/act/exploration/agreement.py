"""Exploring agreed on over all parts of a batch, and what it means for the rows of one part."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

import numpy as np
import pandas as pd

from decisionloop.act.constraints import BatchTotals, limits_of
from decisionloop.act.exploration.alternatives import Alternatives, AlternativeTable, together
from decisionloop.act.exploration.budget import Chances, agree_on_chances
from decisionloop.act.exploration.figures import ExploringFigures
from decisionloop.act.exploration.gaps import SeenValues, gaps, seen_values
from decisionloop.act.exploration.groups import Groups
from decisionloop.act.exploration.inverse_gap import gap_codes
from decisionloop.act.propensities import Exploring, FlatShare, OwnChances
from decisionloop.act.situation import Situation
from decisionloop.act.turn import Turn
from decisionloop.contract import UseCase

Situations = Callable[[], Iterable[tuple[pd.DataFrame, Situation]]]
"""The parts of a batch in their order, each a canonical frame and what is known of its rows; asked for repeatedly."""


@dataclass(frozen=True, eq=False)
class AgreedExploring:
    """What the parts of a batch agree on before anybody explores.

    ``price``: of each limit of the policy, without exploring; an alternative that uses more of it loses that too.
    """

    chances: Chances
    price: tuple[float, ...]
    totals: BatchTotals
    figures: ExploringFigures

    def of(self, use_case: UseCase, frame: pd.DataFrame, turn: Turn, situation: Situation) -> Exploring:
        """How the rows of one part explore."""
        exploration = use_case.policy.exploration
        if exploration.kind == "uniform":
            return FlatShare(exploration.share)
        return OwnChances(self.chances.of(_priced(use_case, frame, turn, situation, self.totals, self.price)[0]))


def exploring_turn(use_case: UseCase, frame: pd.DataFrame, as_of: datetime, situation: Situation) -> Turn:
    """The turn of the rows of a part, which explore as was agreed on; not at all where nothing was."""
    turn = Turn.of(use_case, frame, as_of, situation)
    return (
        turn
        if situation.exploring is None
        else turn.exploring(situation.exploring.of(use_case, frame, turn, situation))
    )


def agree_on_exploring(
    use_case: UseCase, as_of: datetime, totals: BatchTotals, parts: Situations, price: tuple[float, ...]
) -> AgreedExploring | None:
    """Agree over all parts of a batch on how they explore; None where the contract explores nothing.

    ``price``: what one more unit of each limit of the policy would earn, () where no plan was needed.
    """
    if not use_case.is_explored or not totals.rows:
        return None
    groups = Groups.of(use_case)
    tables: list[AlternativeTable] = []
    rows, values, hopes = np.zeros(groups.combinations), [], []
    for frame, situation in parts():
        turn = Turn.of(use_case, frame, as_of, situation)
        alternatives, value, hope = _priced(use_case, frame, turn, situation, totals, price)
        tables.append(alternatives.counted())
        rows += np.bincount(alternatives.combination, minlength=groups.combinations)
        values.append(value)
        hopes.append(hope)
    table = together(tables, len(use_case.actions))
    # Who does nothing for everybody would have a share of nothing, and never learn of anything better.
    expected = _exact_sum(values) or _exact_sum(hopes)
    chances, figures = agree_on_chances(use_case.policy.exploration, groups, rows, table, expected)
    return AgreedExploring(chances, price, totals, figures)


def flat_share(use_case: UseCase, totals: BatchTotals) -> AgreedExploring | None:
    """How a flat share is explored, without agreeing: it is the same for all rows. Its figures are of nobody.

    None where the contract explores nothing.
    """
    if not use_case.is_explored or not totals.rows:
        return None
    chances = Chances(use_case.policy.exploration, 0.0, 0.0, np.ones(Groups.of(use_case).combinations))
    return AgreedExploring(chances, (), totals, ExploringFigures(0, 0.0, 0.0, 0.0, None, 0.0, ()))


def _exact_sum(parts: Sequence[np.ndarray]) -> float:
    """Exact, so that no order of rows changes it."""
    return math.fsum(chain.from_iterable(part.tolist() for part in parts))


def _priced(
    use_case: UseCase,
    frame: pd.DataFrame,
    turn: Turn,
    situation: Situation,
    totals: BatchTotals,
    price: tuple[float, ...],
) -> tuple[Alternatives, np.ndarray, np.ndarray]:
    """The alternatives of a part with their gaps, the money (n,) that each of its rows is expected to move, and the
    most (n,) that it may bring, by what was seen."""
    values = None if situation.is_ruled else situation.values
    said = _said(situation)
    reason = np.full(len(frame), "", dtype=object) if situation.reason is None else situation.reason
    seen = seen_values(use_case, frame, situation.seen, reason, situation.rules_action, said)
    charge = np.zeros(turn.offer.allowed.shape)
    if any(price):
        for one, limit in zip(price, limits_of(use_case, frame, totals), strict=True):
            charge += one * limit.coefficient
    greedy = turn.rules if values is None else turn.offer.best(values - charge)
    is_open = turn.offer.alternatives(greedy)
    alternatives = Alternatives(
        is_open,
        gap_codes(gaps(seen, greedy, said, charge)),
        seen.is_unseen,
        1 + is_open.sum(axis=1, dtype=np.int64),
        Groups.of(use_case).combination(frame),
    )
    is_free, expected = turn.offer.is_free, _expected(turn, seen, said, greedy, situation)
    return alternatives, np.where(is_free, expected, 0.0), np.where(is_free, _hoped(turn, seen, said), 0.0)


def _said(situation: Situation) -> np.ndarray | None:
    """Money (n, A) by the model that decides, NaN where it says nothing: outside its support the log alone speaks."""
    if situation.is_ruled:
        return None
    return situation.values if situation.supported is None else np.where(situation.supported, situation.values, np.nan)


def _expected(
    turn: Turn, seen: SeenValues, values: np.ndarray | None, greedy: np.ndarray, situation: Situation
) -> np.ndarray:
    """The money (n,) of what is preferred, without its sign; before anything was seen, the best that is possible, or
    where nothing can bring any, the most that what is preferred may cost.

    While the rules are stopped it is that of what they would do: doing nothing moves no money, and a budget of nothing
    would never let them be tried again.
    """
    if situation.are_rules_stopped and values is None:
        greedy = situation.rules_action
    if values is None and situation.seen.is_nothing:
        best = np.where(turn.offer.allowed, seen.best, -np.inf).max(axis=1)
        money = np.where(best > 0, best, seen.cautious[np.arange(len(greedy)), greedy])
    else:
        told = seen.hopeful if values is None else np.where(np.isnan(values), seen.hopeful, values)
        money = told[np.arange(len(greedy)), greedy]
    return np.abs(np.where(np.isfinite(money), money, 0.0))


def _hoped(turn: Turn, seen: SeenValues, values: np.ndarray | None) -> np.ndarray:
    """The most (n,) that an allowed action may bring, by what was seen of it or a model says; 0 where all may lose."""
    told = seen.hopeful if values is None else np.where(np.isnan(values), seen.hopeful, values)
    return np.where(turn.offer.allowed & np.isfinite(told), np.maximum(told, 0.0), 0.0).max(axis=1, initial=0.0)
