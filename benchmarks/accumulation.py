"""What accumulates: small groups, small steady changes and late losses, seen over windows of batches.

Each world is watched week by week by the functions that the loop calls, under the bundled contract's own budget. Beside
a delay stands how many years of it were seen when every batch was judged alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from benchmarks.declared.monitors import (
    BATCHES,
    CELLS,
    impact_weeks,
    is_impact_alarm,
    number_weeks,
    value_weeks,
)
from benchmarks.figures import Figure
from benchmarks.monitor_years.worlds import bench
from decisionloop.monitor.alarm.finding import Stakes
from decisionloop.monitor.alarm.terms import Terms
from decisionloop.monitor.lifts import RulesLifts
from decisionloop.monitor.value import judge_value
from decisionloop.monitor.watching.watch_batch import FeaturesBefore, watch_features

SEEN = 0.95
SeenAt = Callable[[np.random.Generator, bool], float]
"""The week of a year in which a change is seen, inf where it is not; True: every batch is judged alone."""


def measure(is_quick: bool) -> Iterator[Figure]:
    """40 years of each world (5 when quick)."""
    years = 5 if is_quick else 40
    yield from _delay("adverse impact, a ratio of 0.7, 300 a group and week", years, _impact(300, 0.7))
    yield from _delay("adverse impact, a ratio of 0.6, 40 a group and week", years, _impact(40, 0.6))
    yield from _delay("inputs, 15 % moved for good, 600 rows a week", years, _inputs(0.15, "input_shift"))
    yield from _delay("inputs, 8 % moved for good, 600 rows a week, a notice", years, _inputs(0.08, "input_change"))
    yield from _delay("value, 0.5 a decision lost after 26 good weeks, 1,000 a week", years, _value)


def _delay(name: str, years: int, seen_at: SeenAt) -> Iterator[Figure]:
    weeks, alone = (
        np.array([seen_at(np.random.default_rng(seed), is_alone) for seed in range(years)])
        for is_alone in (False, True)
    )
    beside = ("batches alone", float(np.isfinite(alone).mean()))
    yield Figure(f"{name}: seen within a year, {years} years", float(np.isfinite(weeks).mean()), "share", *beside, SEEN)
    yield Figure(f"{name}: median week", float(np.median(weeks)), "weeks")


def _first(is_seen: Callable[[int], bool]) -> float:
    return next((week + 1.0 for week in range(BATCHES) if is_seen(week)), np.inf)


def _impact(n: int, ratio: float) -> SeenAt:
    budget = Terms.of(bench().use_case).budget

    def seen_at(rng: np.random.Generator, is_alone: bool) -> float:
        weeks = impact_weeks(rng, n, ratio)
        return _first(lambda week: is_impact_alarm(weeks[week if is_alone else 0 : week + 1], budget))

    return seen_at


def _inputs(moved: float, monitor: str) -> SeenAt:
    """``moved`` of the values go from the lower half of a feature to its upper half."""
    use_case, half = bench().use_case, CELLS // 2
    number = next(one for one in use_case.features if one.type == "number")
    use_case = use_case.model_copy(update={"features": (number,)})
    shares = np.append(np.repeat([(0.5 - moved) / half, (0.5 + moved) / half], half), 0.0)

    def seen_at(rng: np.random.Generator, is_alone: bool) -> float:
        reference, weeks = number_weeks(rng, shares, 600, BATCHES, number)

        def is_seen(week: int) -> bool:
            before = FeaturesBefore(reference, together=tuple(weeks[week if is_alone else 0 : week + 1]))
            found = watch_features(use_case, weeks[week].counts, before, Stakes()).findings
            return any(one.is_sure for one in found if one.monitor == monitor)

        return _first(is_seen)

    return seen_at


def _value(rng: np.random.Generator, is_alone: bool) -> float:
    """Here alone means: since the release began."""
    terms, good = Terms.of(bench().use_case), 26
    cohorts = value_weeks(rng, np.repeat([0.5, -0.5], [good, BATCHES]), 1_000)
    monitor = "value_against_rules" if is_alone else "value_lately_against_rules"

    def is_seen(week: int) -> bool:
        lifts = RulesLifts(tuple(cohorts[: good + week + 1]))
        return any(one.is_alarm for one in judge_value(terms, [lifts]) if one.monitor == monitor)

    return _first(is_seen)
