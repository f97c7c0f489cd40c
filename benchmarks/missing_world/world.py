"""Cohorts of that world: who is decided how, what becomes of it, when that is seen, and why it is not."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from decisionloop.contract import UseCase, load_use_case
from decisionloop.observe.late_arrivals import MissingAtAge

Floats = np.ndarray
MATURITY, WEEK = 28.0, 7.0
AS_OF = pd.Timestamp("2024-01-01", tz="UTC")
EXPLORED = 0.2
RELEASED_AFTER = 70.0
"""Days after a decision at which what was lost in a hole is delivered after all."""


@dataclass(frozen=True)
class Scenario:
    """Why outcomes are missing at maturity: chances by outcome (of a no, of a yes).

    ``late``: it comes within the six weeks after it was due. ``never``: it never comes. ``hole``: in one cohort of
    eight, so much of what would be seen is lost until it is released. ``is_due_early``: outcomes fall due at any time
    before maturity, and are late from then on. ``is_absent_zero``: by contract no news is a no.
    """

    late: tuple[float, float] = (0.0, 0.0)
    never: tuple[float, float] = (0.0, 0.0)
    hole: tuple[float, float] = (0.0, 0.0)
    is_due_early: bool = False
    is_absent_zero: bool = False


SCENARIOS = {
    "late negatives": Scenario(late=(0.35, 0.02)),
    "late positives": Scenario(late=(0.03, 0.40)),
    "holes released later": Scenario(late=(0.20, 0.05), hole=(0.6, 0.2)),
    "due times per row": Scenario(late=(0.5, 0.1), is_due_early=True),
    "absent means 0": Scenario(never=(1.0, 0.0), is_absent_zero=True),
    "late, and never": Scenario(late=(0.25, 0.05), never=(0.08, 0.02)),
}


@dataclass(frozen=True, eq=False)
class Cohort:
    """n decisions: what they were about, what was done, what came of it, and on which day that is seen (inf: never).

    ``chance`` (n,) is the true chance of a yes. ``lateness`` holds this cohort's own chances to be late, by outcome.
    """

    scenario: Scenario
    leaning: Floats
    action: Floats
    propensity: Floats
    chance: Floats
    outcome: Floats
    due: Floats
    seen: Floats
    lateness: Floats
    has_hole: bool

    @classmethod
    def draw(cls, scenario: Scenario, rng: np.random.Generator, n: int) -> Cohort:
        """A cohort of n decisions; cohorts differ in how many of their outcomes are late."""
        leaning = rng.normal(size=n)
        preferred = preferred_action(leaning)
        is_explored = rng.random(n) < EXPLORED
        action = np.where(is_explored, 1 - preferred, preferred)
        chance = chances(leaning)[np.arange(n), action]
        outcome = (rng.random(n) < chance).astype(np.int64)
        due = MATURITY * (rng.integers(1, 5, n) / 4 if scenario.is_due_early else np.ones(n))
        lateness = np.minimum(np.array(scenario.late) * np.exp(rng.normal(0, 0.1)), 0.95)
        has_hole = bool(rng.random() < 1 / 8) and scenario.hole != (0.0, 0.0)
        seen = due - 1.0
        is_late = rng.random(n) < lateness[outcome]
        seen = np.where(is_late, due + rng.uniform(0, 42, n), seen)
        seen = np.where(has_hole & (rng.random(n) < np.array(scenario.hole)[outcome]), RELEASED_AFTER, seen)
        seen = np.where(rng.random(n) < np.array(scenario.never)[outcome], np.inf, seen)
        propensity = np.where(is_explored, EXPLORED, 1 - EXPLORED)
        return cls(scenario, leaning, action, propensity, chance, outcome, due, seen, lateness, has_hole)

    @cached_property
    def is_missing(self) -> Floats:
        """True (n,) where the outcome has not been seen at maturity, and is not 0 by contract."""
        return (self.seen > MATURITY) & (not self.scenario.is_absent_zero)

    @property
    def frame(self) -> pd.DataFrame:
        """The features (n rows)."""
        return pd.DataFrame({"leaning": self.leaning})

    @property
    def log(self) -> pd.DataFrame:
        """The decisions as the ledger gives them back at maturity, each with its outcome if it has been seen."""
        known = np.where(self.seen > MATURITY, 0.0 if self.scenario.is_absent_zero else np.nan, self.outcome)
        return pd.DataFrame(
            {
                "entity_id": np.arange(len(known)).astype(str),
                "action": np.array(use_case().action_names, dtype=object)[self.action],
                "propensity": self.propensity,
                "role": "champion",
                "fallback_reason": None,
                "outcome_class": known,
                "outcome_amount": np.nan,
                "score": self.score,
                "as_of": AS_OF,
                "due_at": AS_OF + pd.to_timedelta(self.due, unit="D"),
            }
        )

    @property
    def score(self) -> Floats:
        """The score (n,) of the action taken: a model that sees the leaning and is a little wrong."""
        return 1 / (1 + np.exp(-0.8 * self.leaning))

    def later(self, watched: float) -> MissingAtAge:
        """As it stood at maturity, and what came of it in the ``watched`` days since."""
        missing, at = self.is_missing, self.seen[self.is_missing] - MATURITY
        came = at <= watched
        return MissingAtAge(
            decided=np.bincount(self.action, minlength=2).astype(float),
            action=self.action[missing],
            score=self.score[missing],
            due=self.due[missing] / MATURITY,
            days=np.where(came, at, np.nan),
            outcome=np.where(came, self.outcome[missing], np.nan),
            amount=np.full(int(missing.sum()), np.nan),
            watched=watched,
        )

    def true_shares(self) -> Floats:
        """(n, 4) chance that a missing outcome comes as no, as yes, for one who knows why each is missing.

        What never comes comes with chance 0; of the others the oracle knows the mechanism, and not the outcome.
        """
        scenario, p = self.scenario, self.chance
        late_by = 1 - (MATURITY - self.due) / 42  # of the late, those that are still missing at maturity
        chance = [self.lateness[y] * late_by for y in (0, 1)]
        if self.has_hole:
            is_hole = self.seen == RELEASED_AFTER
            chance = [np.where(is_hole, scenario.hole[y], one) for y, one in enumerate(chance)]
        no, yes = (1 - p) * chance[0], p * chance[1]
        total = np.where(np.isfinite(self.seen) & (no + yes > 0), no + yes, np.inf)
        nothing = np.zeros(len(p))
        return np.column_stack([no / total, yes / total, nothing, nothing])


@dataclass(frozen=True)
class Truth:
    """What the figures of a cohort are estimates of."""

    rate: float
    value: float
    gain: float

    @classmethod
    def of(cls, draws: int = 1_000_000) -> Truth:
        """From the chances of very many decisions; no outcome is drawn."""
        leaning = np.random.default_rng(0).normal(size=draws)
        p, rows = chances(leaning), np.arange(draws)
        preferred, rules = preferred_action(leaning), rules_action(leaning)
        money = 10 * p - np.array([0.0, 2.0])
        share = np.column_stack([np.full(draws, EXPLORED), np.full(draws, 1 - EXPLORED)])
        mixed = [(share[:, 1] * x[rows, preferred] + share[:, 0] * x[rows, 1 - preferred]).mean() for x in (p, money)]
        return cls(float(mixed[0]), float(mixed[1]), float(mixed[1] - money[rows, rules].mean()))


def chances(leaning: Floats) -> Floats:
    """(n, 2) chance of a yes under each action: the offer persuades those that lean neither way."""
    bare = 1 / (1 + np.exp(-leaning))
    return np.column_stack([bare, np.minimum(bare + 0.35 * np.exp(-(leaning**2)), 1.0)])


def preferred_action(leaning: Floats) -> Floats:
    """What the model prefers (n,): the offer, to those in the middle."""
    return (np.abs(leaning) < 0.75).astype(np.int64)


def rules_action(leaning: Floats) -> Floats:
    """What the rules do (n,): the offer, to those that lean towards buying."""
    return (leaning > 0.3).astype(np.int64)


@cache
def use_case() -> UseCase:
    """The contract of this world."""
    return load_use_case(Path(__file__).parent).use_case
