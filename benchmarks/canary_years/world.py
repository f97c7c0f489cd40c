"""A world of lending: who falls due in a week, what a view of the risk says of them, what lending is really worth."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from decisionloop.contract import UseCase, load_use_case

SHOPS, PER_WEEK = 4_000, 1_000
"""A quarter of the shops falls due each week, and everyone again after four weeks, with the same risk."""
BEFORE, WEEKS, MATURITY = 16, 52, 4
"""Weeks of log before the trial, weeks of the year in which it is, weeks until outcomes are mature."""
MARGIN, LOSS, BASE, STEEP = 10.0, 40.0, -1.6, 1.6
SMALL_TRADE = "transport"
"""The trade of about one shop in twenty."""
_START = datetime(2024, 1, 1, 6, tzinfo=UTC)


@dataclass(frozen=True)
class View:
    """What a model sees of the risk: blurred by ``noise``, of which ``own`` is drawn anew and the rest is shared with
    the champion's blur."""

    noise: float
    own: float = 0.0


CHAMPION = View(0.8)


@dataclass(frozen=True, eq=False)
class Week:
    """The decisions of a week (n rows): the frame, the true chance of a default, and which shops they are."""

    number: int
    frame: pd.DataFrame
    chance: np.ndarray
    shops: np.ndarray
    defaulted: np.ndarray

    @property
    def as_of(self) -> datetime:
        """When it is decided."""
        return _START + timedelta(weeks=self.number)

    @cached_property
    def worth(self) -> np.ndarray:
        """True money of each action (n, 2)."""
        lending = MARGIN - (MARGIN + LOSS) * self.chance
        return np.column_stack([np.zeros(len(lending)), lending])


@dataclass(frozen=True, eq=False)
class World:
    """The shops of one run; everything else of a run follows from ``seed``."""

    seed: int

    @cached_property
    def _rng(self) -> np.random.Generator:
        return np.random.default_rng([self.seed, 0])

    @cached_property
    def risk(self) -> np.ndarray:
        """Standardised risk of every shop."""
        return self._rng.normal(size=SHOPS)

    @cached_property
    def people(self) -> pd.DataFrame:
        """What is known of every shop."""
        risk, chance = self.risk, np.random.default_rng([self.seed, 1])
        trades = np.array(["craft", "farm", "retail", SMALL_TRADE])
        return pd.DataFrame(
            {
                "shop_id": [f"s{self.seed}-{shop:05d}" for shop in range(SHOPS)],
                "debt": risk + chance.normal(0, 0.5, SHOPS),
                "trade": trades[chance.choice(4, SHOPS, p=[0.35, 0.35, 0.25, 0.05])],
                "owner_sex": np.where(chance.random(SHOPS) < 0.5, "f", "m"),
            }
        )

    def week(self, number: int) -> Week:
        """Who falls due in a week, and what would become of a loan to each; counted from the start of the log."""
        shops = np.arange(number % (SHOPS // PER_WEEK), SHOPS, SHOPS // PER_WEEK)
        chance = 1 / (1 + np.exp(-STEEP * self.risk[shops] - BASE))
        drawn = np.random.default_rng([self.seed, 2, number]).random(len(shops))
        frame = self.people.iloc[shops].reset_index(drop=True)
        return Week(number, frame, chance, shops, (drawn < chance).astype(np.float64))

    def said(self, view: View) -> np.ndarray:
        """The chance of a default that a view expects of every shop: calibrated, given what it sees."""
        shared, own = (np.random.default_rng([self.seed, 3 + which]).normal(size=SHOPS) for which in (0, 1))
        blur = view.noise * (np.sqrt(1 - view.own) * shared + np.sqrt(view.own) * own)
        known = 1 / (1 + view.noise**2)
        mean, spread = known * (self.risk + blur), np.sqrt(1 - known)
        # The mean of a logistic of a normal, to a thousandth (MacKay 1992).
        logit = STEEP * mean + BASE
        return np.asarray(1 / (1 + np.exp(-logit / np.sqrt(1 + np.pi / 8 * (STEEP * spread) ** 2))))


@cache
def use_case() -> UseCase:
    """The contract of this world."""
    return load_use_case(Path(__file__).parent).use_case
