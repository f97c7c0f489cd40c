"""The simulated customer base: weeks, accounts, records and outcomes of one scenario and seed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

from decisionloop.errors import UsageError

from .customers import Customers, customers_in
from .draws import Draws
from .records import records_of
from .response import Outcomes, outcomes_of
from .scenarios import SCENARIOS, Conditions, Scenario

CYCLE_WEEKS = 4
"""Every account is due in every fourth week."""
WEEK = pd.Timedelta(days=7)


@dataclass(frozen=True)
class World:
    """``accounts`` customers, a fourth of them due in each of ``weeks`` weeks from ``start`` on (a time, UTC).

    What ``scenario`` changes comes in ``change_week``, counted from 0. Everything is a function of the seed, the
    scenario, the week and the account's number: nothing is stored, and weeks before 0 exist as well.
    """

    scenario: Scenario
    draws: Draws
    accounts: int
    weeks: int
    change_week: int
    start: pd.Timestamp

    def as_of(self, week: int) -> pd.Timestamp:
        """Time of the batch of ``week``."""
        return self.start + week * WEEK

    def week_of(self, as_of: pd.Timestamp) -> int:
        """The week that ``as_of`` is in."""
        return int((as_of - self.start) // WEEK)

    def conditions(self, week: int) -> Conditions:
        """What holds in ``week``."""
        return self.scenario.conditions(week, self.change_week)

    def due(self, week: int) -> np.ndarray:
        """Numbers (n,) of the accounts that are due in ``week``."""
        return np.arange(week % CYCLE_WEEKS, self.accounts, CYCLE_WEEKS)

    def customers(self, number: np.ndarray, week: int) -> Customers:
        """Who is behind the accounts ``number`` (n,) in ``week``."""
        return customers_in(self.draws, number, week, self.conditions(week))

    def records(self, number: np.ndarray, week: int) -> pd.DataFrame:
        """What is recorded of the accounts ``number`` (n,) in the night before the batch of ``week``; see `records`."""
        night = self.as_of(week).normalize()
        return records_of(self.draws, self.customers(number, week), week, night, self.conditions(week))

    def outcomes(
        self, number: np.ndarray, week: int, action: np.ndarray, had_offer: np.ndarray | bool = False
    ) -> Outcomes:
        """What becomes of the accounts ``number`` (n,) decided in ``week`` with ``action`` (n,), index into `ACTIONS`.

        ``had_offer`` bool (n,): did the account get an offer at the renewal before, and after the change? It matters
        for fatigue alone.
        """
        customers = self.customers(number, week)
        return outcomes_of(self.draws, customers, week, self.conditions(week), action, had_offer)


@lru_cache(maxsize=8)
def make_world(
    scenario: str = "stationary",
    seed: int = 0,
    accounts: int = 8_000,
    weeks: int = 52,
    change_week: int = 26,
    start: str = "2024-01-01T06:00Z",
) -> World:
    """The world of these options. Raises UsageError that names what is wrong with them."""
    if scenario not in SCENARIOS:
        raise UsageError(f"no scenario is called {scenario!r}. There are: {', '.join(SCENARIOS)}.")
    if accounts < CYCLE_WEEKS or weeks < 1:
        raise UsageError(f"{accounts} accounts over {weeks} weeks are nothing to decide. Give 4 and 1 at least.")
    return World(SCENARIOS[scenario], Draws(seed), accounts, weeks, change_week, pd.Timestamp(start).tz_convert("UTC"))
