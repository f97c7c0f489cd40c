"""Bounds of figures whose outcomes have not come, and the figures of single actions, in `benchmarks.missing_world`."""

from __future__ import annotations

from functools import cache, partial

import numpy as np

from benchmarks.declared.row import Row, misses
from benchmarks.missing_world.measured import told_of_last
from benchmarks.missing_world.world import (
    EXPLORED,
    SCENARIOS,
    Cohort,
    Scenario,
    Truth,
    chances,
    preferred_action,
    rules_action,
    use_case,
)
from decisionloop.observe.action_value import CONVERSION, LIFT, VALUE, Choices, action_figures
from decisionloop.observe.cohort import logged_decisions

COHORTS, RUNS = 13, 450
WAIT, OFFER = 0, 1


@cache
def _truth() -> Truth:
    return Truth.of()


def bounds_err(rng: np.random.Generator, scenario: str, figure: str, n: int) -> bool:
    """The range of a mature cohort of n, told with what twelve earlier ones have shown."""
    told = told_of_last(SCENARIOS[scenario], COHORTS, n, rng, _truth())
    return not next(one for one in told if one.figure == figure).is_covered


def action_figure_errs(rng: np.random.Generator, monitor: str, action: int, n: int) -> bool:
    """The 95 % interval of a figure of one action, where every outcome has come."""
    cohort, contract = Cohort.draw(Scenario(), rng, n), use_case()
    logged = logged_decisions(contract, cohort.log, cohort.frame, None)
    choices = Choices(rules_action(cohort.leaning), preferred_action(cohort.leaning))
    told = action_figures(contract, cohort.log, cohort.frame, logged, choices)
    part = f"action={contract.action_names[action]}"
    found = [one.estimate for one in told if (one.monitor, one.slice) == (monitor, part)]
    return any(misses(one, _of_action()[monitor][action]) for one in found)


@cache
def _of_action(draws: int = 1_000_000) -> dict[str, tuple[float, float]]:
    """What the figures of both actions are estimates of, from the chances of very many decisions."""
    leaning = np.random.default_rng(1).normal(size=draws)
    p, rows = chances(leaning), np.arange(draws)
    preferred, rules, money = preferred_action(leaning), rules_action(leaning), 10 * p - np.array([0.0, 2.0])
    earned = (1 - EXPLORED) * money[rows, preferred] + EXPLORED * money[rows, 1 - preferred]
    lift = earned - money[rows, rules]
    taken = [np.where(preferred == action, 1 - EXPLORED, EXPLORED) for action in (WAIT, OFFER)]

    def where_preferred(values: np.ndarray) -> tuple[float, float]:
        return float(values[preferred == WAIT].mean()), float(values[preferred == OFFER].mean())

    rates = [float(np.average(p[:, action], weights=taken[action])) for action in (WAIT, OFFER)]
    return {VALUE: where_preferred(earned), LIFT: where_preferred(lift), CONVERSION: (rates[0], rates[1])}


FIGURES = {"outcome_rate": "a rate", "value_policy": "money", "value_difference": "money over the rules"}
OF_ACTION = {VALUE: "money of an action", LIFT: "an action's lift over the rules", CONVERSION: "an action's conversion"}
ROWS = (
    *(
        Row(f"bounds of {word}", scenario, 0.05, partial(bounds_err, scenario=scenario, figure=of, n=600), RUNS)
        for scenario in SCENARIOS
        for of, word in FIGURES.items()
    ),
    *(
        Row(word, f"n {n:,}", 0.05, partial(action_figure_errs, monitor=monitor, action=OFFER, n=n), 1_500)
        for monitor, word in OF_ACTION.items()
        for n in (100, 2_000)
    ),
)
