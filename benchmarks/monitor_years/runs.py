"""Many years at a time, in two processes, and what they say of alarms: how many were false, how late the others."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np

from benchmarks.monitor_years.release import release
from benchmarks.monitor_years.year import Year, simulate

PROCESSES = 2
CONFIDENCE = 0.95


def simulate_years(scenario: str, seeds: Sequence[int], pool: ProcessPoolExecutor, weeks: int = 52) -> list[Year]:
    """One year of so many weeks a seed."""
    return list(pool.map(partial(simulate, scenario, weeks=weeks), seeds, chunksize=2))


def simulating() -> ProcessPoolExecutor:
    """Processes that have trained the release before their first year."""
    start = multiprocessing.get_context("spawn")  # trained models and numba's threads do not survive a fork
    return ProcessPoolExecutor(PROCESSES, mp_context=start, initializer=release)


@dataclass(frozen=True)
class Rate:
    """Incidents a year: the mean over the years, and its one-sided upper 95 % bound."""

    mean: float
    upper: float

    @classmethod
    def of(cls, incidents: Sequence[int], years: Sequence[float]) -> Rate:
        """From the incidents of each run and its length in years.

        The bound is the exact Poisson one or, where runs differ more than Poisson counts do, the one of their mean.
        """
        from scipy.stats import chi2, t

        n, total, length = len(incidents), sum(incidents), sum(years)
        poisson = float(chi2.ppf(CONFIDENCE, 2 * (total + 1)) / 2 / length)
        if n < 2:
            return cls(total / length, poisson)
        rates = np.asarray(incidents) / np.asarray(years)
        spread = float(rates.mean() + t.ppf(CONFIDENCE, n - 1) * rates.std(ddof=1) / np.sqrt(n))
        return cls(total / length, max(poisson, spread))


def false_alarms(years: Sequence[Year], is_change: bool, weeks: int = 52) -> Rate:
    """Incidents a year in which nothing has changed: whole years or, where there is a change, up to it."""
    counted = [[one for one in year.incidents if not is_change or one.week < year.change_week] for year in years]
    lengths = [(year.change_week if is_change else weeks) / 52 for year in years]
    return Rate.of([len(one) for one in counted], lengths)


def delays(years: Sequence[Year], families: Sequence[str]) -> list[float]:
    """Batches from the first affected one (1) to the first incident of these families; inf where there was none."""
    found = [(year, year.detected(families)) for year in years]
    return [np.inf if one is None else one.week - year.change_week + 1.0 for year, one in found]
