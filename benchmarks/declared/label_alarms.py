"""Alarms about labels: cohorts whose outcomes come as usual but for just what is tolerated, or as just promised."""

from __future__ import annotations

from functools import cache, partial

import numpy as np

from benchmarks.declared.row import Row
from benchmarks.monitor_years.worlds import bench
from decisionloop.contract import UseCase
from decisionloop.monitor.alarm.budget import AlarmBudget
from decisionloop.monitor.labels import PROMISE, judge_labels, label_checks
from decisionloop.observe.label_curve import CohortArrivals, LabelCurve

ERROR, USUAL, PROMISED = 0.05, 0.9, 0.8


@cache
def contract() -> UseCase:
    """The bundled contract, with that promise."""
    use_case = bench().use_case
    monitors = use_case.monitors.model_copy(update={"minimum_arrived": PROMISED})
    return use_case.model_copy(update={"monitors": monitors})


def is_label_alarm(decided: int, arrived: int, curve: LabelCurve, is_of_promise: bool) -> bool:
    """Whether a cohort alarms that has just matured; each check may err with `ERROR`."""
    use_case = contract()
    budget = AlarmBudget({"labels": ERROR * label_checks(use_case)}, 1.0)
    found = judge_labels(use_case, decided, arrived, use_case.outcome.maturity_days, curve, budget)
    return any(one.is_alarm for one in found if (one.against == PROMISE) == is_of_promise)


def usual_errs(rng: np.random.Generator, n: int, cohorts: int, apart: float = 0.0) -> bool:
    """A cohort that misses just the tolerated share more; cohorts differ by a deviation of ``apart``."""
    shares = np.clip(USUAL + apart * rng.normal(size=cohorts + 1), 0.0, 1.0)
    before = [CohortArrivals(n, (int(rng.binomial(n, share)),)) for share in shares[:-1]]
    now = rng.binomial(n, shares[-1] - contract().monitors.maximum_missing_labels)
    return is_label_alarm(n, int(now), LabelCurve(tuple(before)), is_of_promise=False)


def promise_errs(rng: np.random.Generator, n: int) -> bool:
    """A cohort whose outcomes come with just the promised chance."""
    return is_label_alarm(n, int(rng.binomial(n, PROMISED)), LabelCurve(), is_of_promise=True)


USUALLY, PROMISE_KEPT = "alarm: labels missing beyond the usual", "alarm: fewer labels than promised"
ROWS = (
    Row(USUALLY, "10 cohorts of 500, alike", ERROR, partial(usual_errs, n=500, cohorts=10)),
    Row(USUALLY, "10 cohorts of 500, 2 points apart", ERROR, partial(usual_errs, n=500, cohorts=10, apart=0.02)),
    Row(USUALLY, "3 cohorts of 2,000, alike", ERROR, partial(usual_errs, n=2_000, cohorts=3)),
    Row(USUALLY, "24 cohorts of 2,000, 2 points apart", ERROR, partial(usual_errs, n=2_000, cohorts=24, apart=0.02)),
    Row(PROMISE_KEPT, "n 40", ERROR, partial(promise_errs, n=40)),
    Row(PROMISE_KEPT, "n 5,000", ERROR, partial(promise_errs, n=5_000)),
)
