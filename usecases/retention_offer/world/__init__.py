"""A customer base whose truth is known: functions of seed, scenario, week and account number."""

from __future__ import annotations

from .customers import Customers
from .response import ACTIONS, NONE, Outcomes
from .scenarios import SCENARIOS, USUAL, Conditions, Scenario
from .truth import best_action, expected_money, money_of_change
from .world import CYCLE_WEEKS, World, make_world

__all__ = [
    "ACTIONS",
    "CYCLE_WEEKS",
    "NONE",
    "SCENARIOS",
    "USUAL",
    "Conditions",
    "Customers",
    "Outcomes",
    "Scenario",
    "World",
    "best_action",
    "expected_money",
    "make_world",
    "money_of_change",
]
