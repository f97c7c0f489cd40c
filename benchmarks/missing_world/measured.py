"""What the product says of those cohorts, beside the truth and beside one who knows why each outcome is missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.missing_world.world import WEEK, Cohort, Scenario, Truth, preferred_action, rules_action, use_case
from decisionloop.observe.cohort import logged_decisions, money_figures
from decisionloop.observe.estimate import Estimate
from decisionloop.observe.late_arrivals import LateArrivals
from decisionloop.observe.missing_outcomes import MissingOutcomes, missing_outcomes
from decisionloop.observe.off_policy import one_hot
from decisionloop.observe.outcome_rate import outcome_rate

FIGURES = {"outcome_rate": "rate", "value_policy": "value", "value_difference": "gain"}
EARLIER = 24


@dataclass(frozen=True)
class Told:
    """One figure of one cohort: its range (the bounds where outcomes are missing), that of the oracle, and the truth;
    ``naive`` is the interval of the outcomes that had come."""

    figure: str
    ours: tuple[float, float]
    oracle: tuple[float, float]
    naive: tuple[float, float]
    truth: float

    @property
    def is_covered(self) -> bool:
        """Whether the truth lies in the range."""
        return self.ours[0] <= self.truth <= self.ours[1]

    @property
    def is_naively_covered(self) -> bool:
        """Whether the truth lies in the interval of the outcomes that had come."""
        return self.naive[0] <= self.truth <= self.naive[1]

    @property
    def relative_width(self) -> float:
        """The range's width as a multiple of the oracle's."""
        return (self.ours[1] - self.ours[0]) / (self.oracle[1] - self.oracle[0])


def told_of(scenario: Scenario, cohorts: int, decisions: int, seed: int, truth: Truth) -> Iterator[Told]:
    """Every figure of ``cohorts`` weekly cohorts, each measured at maturity with what the earlier ones have shown."""
    rng = np.random.default_rng(seed)
    drawn = [Cohort.draw(scenario, rng, decisions) for _ in range(cohorts)]
    for place, cohort in enumerate(drawn):
        earlier = drawn[max(0, place - EARLIER) : place]
        yield from _told(cohort, earlier, truth)


def told_of_last(
    scenario: Scenario, cohorts: int, decisions: int, rng: np.random.Generator, truth: Truth
) -> Iterator[Told]:
    """Every figure of the last of so many weekly cohorts, with what the earlier ones have shown."""
    *earlier, last = [Cohort.draw(scenario, rng, decisions) for _ in range(cohorts)]
    yield from _told(last, earlier[-EARLIER:], truth)


def _told(cohort: Cohort, earlier: Sequence[Cohort], truth: Truth) -> Iterator[Told]:
    contract = use_case()
    watched = [one.later(WEEK * age) for age, one in zip(range(len(earlier), 0, -1), earlier, strict=True)]
    late = LateArrivals.learn(watched, 2, contract.monitors.maximum_missing_labels)
    ours = missing_outcomes(contract, cohort.log, cohort.frame, late)
    told = [_figures(cohort, one) for one in (ours, _oracle(cohort, ours), None)]
    for monitor, name in FIGURES.items():
        yield Told(monitor, *(_range(one[monitor]) for one in told), getattr(truth, name))


def _figures(cohort: Cohort, missing: MissingOutcomes | None) -> dict[str, Estimate]:
    contract, log, none = use_case(), cohort.log, LateArrivals.nothing(2)
    rules, greedy = rules_action(cohort.leaning), preferred_action(cohort.leaning)
    logged = logged_decisions(contract, log, cohort.frame, None, missing)
    money = {one.monitor: one.estimate for one in money_figures(log, logged, rules, one_hot(greedy, 2))}
    outcome = log["outcome_class"].to_numpy()
    is_used = np.ones(len(log), dtype=bool) if missing else ~np.isnan(outcome)
    rows = (missing or missing_outcomes(contract, log, cohort.frame, none)).subset(is_used)
    return {**money, "outcome_rate": outcome_rate(outcome[is_used], rows)}


def _oracle(cohort: Cohort, ours: MissingOutcomes) -> MissingOutcomes:
    """The same cohort for one who knows why each outcome is missing: a cell for each decision, and nothing unsure."""
    n, share = len(cohort.outcome), cohort.true_shares()
    every, unsure = np.ones(2, dtype=bool), np.zeros((0, *share.shape))
    known = LateArrivals(share, unsure, np.zeros(0), every, every, np.empty((0, 2)))
    return MissingOutcomes(ours.is_missing, np.arange(n), np.ones(n), ours.money, ours.worst, ours.best, known)


def _range(estimate: Estimate) -> tuple[float, float]:
    bounds = estimate.bounds
    low, high = (estimate.low, estimate.high) if bounds is None else (bounds.low, bounds.high)
    return (-np.inf if low is None else low), (np.inf if high is None else high)
