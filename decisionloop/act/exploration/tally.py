"""Counting what has been seen: decisions with outcomes become the cells of `SeenMoney`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from decisionloop.act.economics import money_range, realised_values
from decisionloop.act.exploration.seen_money import Cell, SeenMoney, band_of
from decisionloop.contract import UseCase

Outcomes = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Decided:
    """n decisions whose propensities are right: no faults of single rows.

    ``action``, ``rules_action`` (n,) index in contract order; ``propensity`` (n,) of the action taken; ``reason`` (n,)
    the rules' words; ``outcome_class``, ``amount`` (n,) NaN where not seen; ``values`` (n, A) money that a model
    expected when it decided, None where none did.
    """

    action: npt.NDArray[np.int64]
    rules_action: npt.NDArray[np.int64]
    propensity: npt.NDArray[np.float64]
    reason: npt.NDArray[np.object_]
    outcome_class: npt.NDArray[np.float64]
    amount: npt.NDArray[np.float64]
    values: npt.NDArray[np.float64] | None = None


def seen_of(use_case: UseCase, frame: pd.DataFrame, decided: Decided, outcomes: Outcomes) -> SeenMoney:
    """What n decisions with the canonical features ``frame`` showed; what has not come is not seen.

    ``outcomes``: the pairs (class, amount) that money lies between.
    """
    rows = np.arange(len(frame))
    worst, best = (one[rows, decided.action] for one in money_range(use_case, frame, outcomes))
    money = realised_values(use_case, frame, decided.action, decided.outcome_class, decided.amount)
    reach = best - worst
    is_seen = np.array(use_case.revealing)[decided.action] & np.isfinite(money) & (reach > 0) & (decided.propensity > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        weight = 1 / decided.propensity
        expected = np.full(len(rows), np.nan) if decided.values is None else decided.values[rows, decided.action]
        band = band_of((expected - worst) / reach)
    told = pd.DataFrame(
        {
            "action": np.array(use_case.action_names, dtype=object)[decided.action],
            "is_rules": decided.action == decided.rules_action,
            "reason": decided.reason.astype(str),
            "band": band,
            "weight": weight,
            "square": weight**2,
            "gain": weight * (money - worst),
            "reach": weight * reach,
        }
    )[is_seen]
    sums = told.groupby(["action", "is_rules", "reason", "band"], sort=True).sum()
    cells = (
        Cell(str(a), bool(r), str(w), int(b), *map(float, row))
        for (a, r, w, b), row in zip(sums.index, sums.to_numpy(dtype=np.float64), strict=True)
    )
    return SeenMoney(tuple(cells), outcomes)
