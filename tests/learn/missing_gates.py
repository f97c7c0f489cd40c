"""Comparisons in a world whose outcomes go missing for a reason, and in which the truth about challengers is known.

A waiting customer costs and brings nothing; an offer costs 4 and brings 10 with the chance of its kind. The rules make
no offers; the challenger makes one to everybody of the upper half, whose chance of buying is ``chance``: so it earns
half of 10 chance - 4 a decision.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from decisionloop.contract import UseCase, load_use_case
from decisionloop.learn.comparison import opened, rows_of
from decisionloop.learn.logged_batches import LoggedBatches
from decisionloop.learn.missing_in_log import missing_in_log
from decisionloop.learn.money_at_look import MoneyAtLook, money_at_look
from decisionloop.learn.seen_outcomes import Policies
from decisionloop.observe.off_policy import one_hot

COHORTS, N, EXPLORED = 10, 250, 0.3
STAKE = 0.05
WEEK = pd.Timedelta(weeks=1)
START = pd.Timestamp("2024-01-01", tz="UTC")
MATURITY = pd.Timedelta(days=28)
OPENED = START + 4 * WEEK

WhenSeen = Callable[[np.random.Generator, np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""Of (chance, action, outcome, kind) the weeks after maturity in which each outcome is seen: 0 in time, inf never."""


@cache
def contract(world: Path) -> UseCase:
    """The contract of `benchmarks.missing_world`, in which an offer costs 4 and who waits brings nothing."""
    use_case = load_use_case(world).use_case
    value = {"wait": "0", "offer": "margin * outcome - price"}
    economics = use_case.economics.model_copy(update={"value": value, "constants": {"margin": 10.0, "price": 4.0}})
    return use_case.model_copy(update={"economics": economics})


@dataclass(frozen=True, eq=False)
class Drawn:
    """A log of COHORTS weekly cohorts as a later day knows it, and the two policies on it."""

    use_case: UseCase
    log: pd.DataFrame
    weeks_late: np.ndarray
    kind: np.ndarray

    @classmethod
    def of(cls, use_case: UseCase, seed: int, chance: float, when_seen: WhenSeen) -> Drawn:
        rng, n = np.random.default_rng(seed), COHORTS * N
        kind = rng.random(n)
        is_explored = rng.random(n) < EXPLORED
        action = is_explored.astype(np.int64)  # the rules wait
        outcome = (rng.random(n) < np.where(kind > 0.5, chance, 0.2)).astype(float)
        as_of = pd.Series(START + np.repeat(np.arange(COHORTS), N) * WEEK)
        log = pd.DataFrame(
            {
                "decision_id": [f"d{i}" for i in range(n)],
                "entity_id": [f"c{i}" for i in range(n)],
                "as_of": as_of,
                "role": "exploration",
                "action": np.array(use_case.action_names, dtype=object)[action],
                "propensity": np.where(is_explored, EXPLORED, 1 - EXPLORED),
                "fallback_reason": None,
                "outcome_class": outcome,
                "outcome_amount": np.nan,
                "outcome_revision": 1.0,
            }
        )
        return cls(use_case, log, when_seen(rng, action, outcome, kind), kind)

    def known(self, at: pd.Timestamp, is_naive: bool = False) -> tuple[LoggedBatches, Policies]:
        """What is mature and known ``at`` a time; naive: as though nobody knew that outcomes are missing."""
        seen = self.log["as_of"] + MATURITY + pd.to_timedelta(7 * np.minimum(self.weeks_late, 1e3), "D")
        known = self.log["outcome_class"].where(seen <= at)
        log = self.log.assign(observed_at=seen.where(seen <= at), outcome_class=known)
        is_mature = (log["as_of"] + MATURITY <= at).to_numpy()
        log, kind = log[is_mature].reset_index(drop=True), self.kind[is_mature]
        frame = pd.DataFrame({"leaning": kind})
        missing = None if is_naive else missing_in_log(self.use_case, log, frame, at.to_pydatetime())
        values = np.column_stack([np.zeros(len(log)), np.full(len(log), 1.0)])
        rules, ours = (one_hot(one, 2) for one in (np.zeros(len(log), dtype=int), (kind > 0.5).astype(int)))
        return LoggedBatches(log, frame, np.zeros(len(log), dtype=np.int64)), Policies(ours, rules, values, (), missing)


def looks(drawn: Drawn, weeks: tuple[int, ...] = (4, 9), is_naive: bool = False) -> MoneyAtLook:
    """The look at which a gain is proven, else the last, of those so many ``weeks`` after it was opened."""
    first = OPENED + MATURITY - WEEK
    before, policies = drawn.known(first, is_naive)
    comparison = opened(first.isoformat(), STAKE, rows_of(drawn.use_case, before.log, before.frame, policies))
    for week in weeks:
        batches, policies = drawn.known(first + week * WEEK, is_naive)
        is_new = (batches.log["as_of"] >= OPENED).to_numpy()
        since, both = batches.rows(is_new), policies.rows(is_new)
        told = money_at_look(drawn.use_case, since, both, comparison, 0.0, 1 - 2 * STAKE)
        if told.progress is not None and told.progress.capital >= told.progress.required:
            break
    return told


def promoted(drawn: Drawn, is_naive: bool = False) -> bool:
    """Whether any of the looks proves the gain."""
    told = looks(drawn, is_naive=is_naive)
    return told.money.low is not None and told.money.low > 0
