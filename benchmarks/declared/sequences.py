"""The lift that is looked at every week: wrong at any of 52 looks."""

from __future__ import annotations

from functools import partial

import numpy as np

from benchmarks.declared.row import Row, misses
from decisionloop.observe.bounded_mean import bounded_mean
from decisionloop.observe.confidence_sequence import ConfidenceSequence, lift_sequence
from decisionloop.observe.entity_lift import EntityMoney, entity_lift

LOOKS = 52


def _ever_wrong(sequence: ConfidenceSequence | None, truth: float) -> bool:
    return sequence is not None and any(misses(told, truth) for told in sequence.estimates)


def _paired_errs(rng: np.random.Generator, chance: float, loss: float, n: int = 250) -> bool:
    money = np.where(rng.random((LOOKS, n)) < chance, -loss, 1.0)
    cohorts = [bounded_mean(cohort, -loss, 1.0) for cohort in money]
    return _ever_wrong(lift_sequence(cohorts, are_independent=True), 1 - chance * (1 + loss))


def _returning_errs(rng: np.random.Generator, lasting: float) -> bool:
    """1,800 people of the policy and 200 held out return every fourth week."""
    person = (rng.lognormal(0, 1, 2_000) - np.exp(0.5)) / 2.16
    held, cohorts = np.arange(2_000) >= 1_800, []
    before = np.sqrt(lasting) * person + np.sqrt(1 - lasting) * rng.normal(size=2_000)
    for week in range(LOOKS):
        rows = np.arange(week % 4, 2_000, 4)
        shock = (np.where(rng.random(rows.size) < 0.03, -20.0, 1.0) - 0.37) / 3.6
        money = np.sqrt(lasting) * person[rows] + np.sqrt(1 - lasting) * shock + 0.1 * ~held[rows]
        cohorts.append(EntityMoney(rows, money, held[rows], before[rows]))
    return _ever_wrong(entity_lift(cohorts), 0.1)


RULES, HOLDOUT = "lift over the rules, any of 52 looks", "lift over the holdout, any of 52 looks"
ROWS = (
    Row(RULES, "loss 20 in 3 %", 0.05, partial(_paired_errs, chance=0.03, loss=20), 600),
    Row(RULES, "loss 200 in 0.2 %", 0.05, partial(_paired_errs, chance=0.002, loss=200), 600),
    Row(RULES, "loss 1,000 in 0.05 %", 0.05, partial(_paired_errs, chance=0.0005, loss=1000), 600),
    Row(HOLDOUT, "people return, nothing lasts", 0.05, partial(_returning_errs, lasting=0.0), 600),
    Row(HOLDOUT, "people return, 30 % lasts", 0.05, partial(_returning_errs, lasting=0.3), 600),
    Row(HOLDOUT, "people return, 90 % lasts", 0.05, partial(_returning_errs, lasting=0.9), 600),
)
