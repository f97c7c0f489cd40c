"""The simulated customer base as a source: nothing is read, everything is drawn when it is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from decisionloop.contract import UseCase
from decisionloop.sources.base import OUTCOME_COLUMNS, TrueChange
from decisionloop.sources.replay import still_open

from .world import ACTIONS, CYCLE_WEEKS, NONE, World, make_world, money_of_change

COLUMNS = (*OUTCOME_COLUMNS, "happened_at")
DIGITS = 7
ACCOUNTS = 10**DIGITS


def source(use_case: UseCase, folder: Path) -> Simulation:
    """The world that ``source.options`` describes: scenario, seed, accounts, weeks, change_week, start."""
    return Simulation(use_case, make_world(**use_case.source.options))


@dataclass
class Simulation:
    """The source; ``world`` holds the truth, which the loop never sees."""

    use_case: UseCase
    world: World
    time_column: str = "recorded_at"

    def due(self, as_of: pd.Timestamp, covers_days: float) -> pd.DataFrame:
        """A fourth of all accounts, in turn."""
        return pd.DataFrame({self.use_case.entity.key: ids_of(self.world.due(self.world.week_of(as_of)))})

    def known(self, entities: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
        """The latest nightly extract of ``entities``."""
        ids = entities[self.use_case.entity.key]
        records = self.world.records(ids.astype(np.int64).to_numpy(), self.world.week_of(as_of))
        return pd.concat([ids.reset_index(drop=True), records], axis=1)

    def newest_time(self, as_of: pd.Timestamp) -> pd.Timestamp | None:
        """The last night."""
        return self.world.as_of(self.world.week_of(as_of)).normalize()

    def outcomes(self, as_of: pd.Timestamp, decided: pd.DataFrame) -> pd.DataFrame:
        """Outcomes recorded by ``as_of``, each shown until the loop has taken it in."""
        moments, number, week, action = self._decisions(decided)
        before = had_offer(number, week, action, self.world.change_week)
        is_open = decided["decision_id"].isin(still_open(decided)["decision_id"]).to_numpy()
        parts = []
        for one in np.unique(week[is_open]):
            rows = np.flatnonzero(is_open & (week == one))
            seen = self.world.outcomes(number[rows], int(one), action[rows], before[rows])
            observed_at = moments.iloc[rows] + pd.to_timedelta(np.round(seen.delay_days * 86_400), unit="s")
            # It happens within the four weeks, however long the books take.
            cycle_end = moments.iloc[rows] + pd.Timedelta(days=CYCLE_WEEKS * 7)
            happened_at = observed_at.where(observed_at <= cycle_end, cycle_end)
            part = decided.iloc[rows][["entity_id", "decision_id"]].assign(
                decision_time=moments.iloc[rows],
                outcome_class=seen.kept,
                amount=seen.spend,
                observed_at=observed_at,
                happened_at=happened_at,
            )
            parts.append(part[seen.is_recorded & (observed_at <= as_of).to_numpy()])
        if not parts:
            return _nothing()
        return pd.concat(parts, ignore_index=True)[list(COLUMNS)]

    def potential_outcomes(self, decided: pd.DataFrame, action: str) -> pd.DataFrame:
        """What would have become of each of ``decided`` by ``action``: class and amount. The loop never sees it."""
        _, number, week, taken = self._decisions(decided)
        before = had_offer(number, week, taken, self.world.change_week)
        told = pd.DataFrame({name: np.zeros(len(decided)) for name in ("outcome_class", "amount")})
        for one in np.unique(week):
            rows = np.flatnonzero(week == one)
            chosen = np.full(len(rows), ACTIONS.index(action))
            seen = self.world.outcomes(number[rows], int(one), chosen, before[rows])
            told.loc[rows, "outcome_class"], told.loc[rows, "amount"] = seen.kept, seen.spend
        return told

    def calendar(self) -> tuple[pd.Timestamp, ...]:
        """Every week of the replay."""
        return tuple(self.world.as_of(week) for week in range(self.world.weeks))

    def _decisions(self, decided: pd.DataFrame) -> tuple[pd.Series, np.ndarray, np.ndarray, np.ndarray]:
        """Of ``decided`` (n rows): when, the account's number, the week, and which of `ACTIONS`; each (n,)."""
        moments = pd.to_datetime(decided["as_of"], utc=True)
        number = decided["entity_id"].astype(np.int64).to_numpy()
        week = ((moments - self.world.start) // pd.Timedelta(days=7)).to_numpy(dtype=np.int64)
        return moments, number, week, pd.Index(ACTIONS).get_indexer(decided["action"])

    def true_changes(self) -> tuple[TrueChange, ...]:
        """What the scenario changes, when, and what that costs; () where an alarm could only be false."""
        world, scenario = self.world, self.world.scenario
        if not scenario.is_change or world.change_week >= world.weeks:
            return ()
        money = money_of_change(self.use_case, world)
        at = world.as_of(world.change_week)
        return (TrueChange(scenario.name, at, scenario.families, money, scenario.description),)


def had_offer(number: np.ndarray, week: np.ndarray, action: np.ndarray, since_week: int) -> np.ndarray:
    """For each of n decisions whether its account got an offer at the renewal before, in ``since_week`` or later."""
    is_offer = (action != NONE) & (week >= since_week)
    offered = week[is_offer] * ACCOUNTS + number[is_offer]
    return np.isin((week - CYCLE_WEEKS) * ACCOUNTS + number, offered)


def ids_of(number: np.ndarray) -> pd.Series:
    """Account numbers (n,) as ids of one length, so that their order as text is that of the numbers."""
    return pd.Series(number).astype("str").str.zfill(DIGITS)


def _nothing() -> pd.DataFrame:
    times = dict.fromkeys(("decision_time", "observed_at", "happened_at"), "datetime64[us, UTC]")
    numbers = dict.fromkeys(("outcome_class", "amount"), "float64")
    return pd.DataFrame({name: pd.Series(dtype={**times, **numbers}.get(name, "str")) for name in COLUMNS})
