"""Simulated years of the retention offer: how often the monitors cry wolf, and how soon they see what did change.

A year is 52 weekly batches of 2,000 customers. A delay of 1 batch: the first affected one, before anything acts. An
outcome takes four weeks to mature, so what shows in outcomes alone cannot be seen before the fifth.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

import numpy as np

from benchmarks.figures import Figure, Spread
from benchmarks.monitor_years.peeking import coverage
from benchmarks.monitor_years.runs import Rate, delays, false_alarms, simulate_years, simulating
from benchmarks.monitor_years.worlds import bench
from benchmarks.monitor_years.year import Year

SUDDEN = ("nan_fill", "vanished_category", "unit_change")
LABELS = ("late_labels", "label_holes")
DRIFTS = ("covariate_shift", "prior_shift", "concept_drift", "offer_fatigue", "emerging_bias", "slow_drift")
CHANGE_WEEK = 26
WATCHED_WEEKS = {"offer_fatigue": 20, "emerging_bias": 16, "slow_drift": 26}
"""From the change to the end of a run; 4 for what shows in features, 12 for what shows in outcomes."""
DETECTED, COVERED = 0.95, 0.95
TWO_MATURE_COHORTS = 6
"""Batches: the first affected cohort is mature in the fifth, the second in the sixth."""


def measure(is_quick: bool) -> Iterator[Figure]:
    """200 stationary years and 50 of each scenario (8, 4 seasonal ones and 1 when quick): half an hour of CPU."""
    null, gentle, changed = (8, 4, 1) if is_quick else (200, 50, 50)
    before: list[Year] = []
    yield _speed_of_the_world(1_000_000)
    with simulating() as pool:
        yield from _nothing_changes("stationary", null, pool)
        yield from _nothing_changes("seasonal", gentle, pool)
        for scenario in (*SUDDEN, *DRIFTS, *LABELS):
            watched = WATCHED_WEEKS.get(scenario, 4 if scenario in (*SUDDEN, "covariate_shift") else 12)
            years = simulate_years(scenario, range(changed), pool, CHANGE_WEEK + watched)
            before += years
            yield from _seen(scenario, years)
    rate = false_alarms(before, is_change=True)
    yield _budget(f"incidents a year before the change, {len(before)} half years", rate)
    runs = 100 if is_quick else 1_000
    for name, lift, are_independent in (
        ("A/A, paired", 0.0, True),
        ("A/B, paired", 0.3, True),
        ("A/A, people return", 0.0, False),
        ("A/B, people return", 0.3, False),
    ):
        share = coverage(runs, lift, are_independent, seed=11)
        yield Figure(f"lift covered at all 52 looks: {name}, {runs} runs", share, "share", goal=COVERED)


def _speed_of_the_world(customers: int) -> Figure:
    """What one batch of a large base takes to simulate, before the loop does anything with it."""
    world = bench().world("stationary", 0, accounts=4 * customers)
    start = time.process_time()
    number = world.due(3)
    world.records(number, 3)
    world.outcomes(number, 3, np.zeros(len(number), dtype=np.int64))
    return Figure(f"{customers:,} customers simulated, records and outcomes", time.process_time() - start, "CPU s")


def _nothing_changes(scenario: str, runs: int, pool: ProcessPoolExecutor) -> Iterator[Figure]:
    years = simulate_years(scenario, range(runs), pool)
    yield _budget(f"{scenario}: incidents a year, {runs} years", false_alarms(years, is_change=False))
    families = [incident.family for year in years for incident in year.incidents]
    note = ", ".join(f"{family} {families.count(family)}" for family in dict.fromkeys(families)) or "no incident at all"
    checks = float(np.mean([sum(year.checks.values()) for year in years]))
    yield Figure(f"{scenario}: checks a year", checks, "checks", note=note)


def _budget(name: str, rate: Rate) -> Figure:
    """The upper bound must keep the contract's budget; the mean stands beside it."""
    budget = bench().use_case.monitors.false_alarms_per_year
    return Figure(f"{name} (upper 95 %)", rate.upper, "a year", "mean", rate.mean, budget, "lower")


def _seen(scenario: str, years: list[Year]) -> Iterator[Figure]:
    late = delays(years, bench().families(scenario))
    runs = f"{len(years)} runs"
    share = float(np.mean(np.isfinite(late)))
    yield Figure(f"{scenario}: seen, {runs}", share, "share", goal=DETECTED)
    if share:
        yield Figure(f"{scenario}: delay", Spread.of(one for one in late if np.isfinite(one)), "batches")
    if scenario in SUDDEN:
        at_once = float(np.mean(np.array(late) <= 1))
        yield Figure(f"{scenario}: seen in the first affected batch", at_once, "share", goal=1.0)
    if scenario == "concept_drift":
        in_two = float(np.mean(np.array(delays(years, ("performance",))) <= TWO_MATURE_COHORTS))
        yield Figure(f"{scenario}: seen within two mature cohorts", in_two, "share", goal=DETECTED)
    if scenario in LABELS:
        wrong = sum(year.detected(("performance", "feedback")) is not None for year in years)
        yield Figure(
            f"{scenario}: years with an alarm about performance", float(wrong), "years", goal=0, better="lower"
        )
