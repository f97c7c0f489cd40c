"""What a change truly costs, by simulation: the best policy of the stationary world goes on deciding as before."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from decisionloop.act.economics import action_values
from decisionloop.contract import UseCase
from decisionloop.predict.predictions import Predictions

from .customers import PLANS, Customers
from .response import NONE, expected_spend, kept_probability
from .scenarios import SCENARIOS, USUAL, Conditions
from .world import World

USUAL_LOGINS = 2.0
"""What the best policy takes for the logins of customers that nobody may track."""


def expected_money(
    use_case: UseCase, customers: Customers, conditions: Conditions, had_offer: np.ndarray | bool = False
) -> np.ndarray:
    """True expected money of every action (n, 3), in the contract's currency."""
    chance = kept_probability(customers, conditions, had_offer)
    amount = np.zeros((*chance.shape, 2))
    amount[:, :, 1] = expected_spend(customers)[:, None]
    return action_values(use_case, pd.DataFrame(index=range(len(customers))), Predictions(chance, amount))


def best_action(use_case: UseCase, customers: Customers, records: pd.DataFrame) -> np.ndarray:
    """Index (n,) of the action that would earn most if the world were stationary and the records right."""
    return np.asarray(expected_money(use_case, as_recorded(customers, records), USUAL).argmax(axis=1))


def as_recorded(customers: Customers, records: pd.DataFrame) -> Customers:
    """The customers as their ``records`` (n rows) show them."""
    return replace(
        customers,
        spend=records["monthly_spend"].to_numpy(dtype=np.float64),
        logins=records["logins_28d"].fillna(4 * USUAL_LOGINS).to_numpy(dtype=np.float64) / 4,
        usage_change=records["usage_change"].fillna(0.0).to_numpy(dtype=np.float64),
        plan=records["plan"].map(PLANS.index).to_numpy(dtype=np.int64),
    )


def money_of_change(use_case: UseCase, world: World) -> float:
    """Money lost per decision while the change lasts, beside the stationary world of the same seed.

    Both worlds are decided by `best_action`, without budget or exploration; what is counted is expected money.
    """
    stationary = replace(world, scenario=SCENARIOS["stationary"])
    return _money_since(use_case, stationary, world) - _money_since(use_case, world, world)


def _money_since(use_case: UseCase, world: World, changed: World) -> float:
    """Mean expected money per decision of ``world`` in the weeks in which ``changed`` is not as usual."""
    duration = changed.scenario.duration_weeks or changed.weeks
    weeks = range(changed.change_week, min(changed.weeks, changed.change_week + duration))
    had_offer = np.zeros(world.accounts, dtype=bool)
    money = []
    for week in weeks:
        number = world.due(week)
        customers = world.customers(number, week)
        action = best_action(use_case, customers, world.records(number, week))
        values = expected_money(use_case, customers, world.conditions(week), had_offer[number])
        money.append(values[np.arange(len(number)), action].mean())
        had_offer[number] = action != NONE
    return float(np.mean(money)) if money else 0.0
