"""The failures of a mature cohort: each with its cause, and the slices in which money was surely lost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from decisionloop.observe.decided_cohort import DecidedCohort
from decisionloop.observe.failures import causes_of, circumstances_of, failure_limit, large_failures, money_surprise
from decisionloop.observe.support import Support
from decisionloop.observe.weak_slices import WeakSlice, find_weak_slices


@dataclass(frozen=True, eq=False)
class KnownOfFailures:
    """What was known before a cohort of n decisions failed.

    support      what the deciding release learnt from; None: unknown
    weak_slices  predicates of slices found in earlier cohorts
    age_days     (n,) age of the source rows; None: unknown
    limit        the loss from which a failure of this release is large; None: this cohort is to say it
    """

    support: Support | None = None
    weak_slices: tuple[str, ...] = ()
    age_days: np.ndarray | None = None
    limit: float | None = None


@dataclass(frozen=True, eq=False)
class FailureTriage:
    """``failures``: decision_id, cause, surprise (money, below 0). ``limit``: the loss from which one is large,
    infinite where nothing came worse than expected. ``outcomes``: decisions whose surprise is known.
    """

    failures: pd.DataFrame
    limit: float
    outcomes: int
    weak_slices: tuple[WeakSlice, ...]


def triage(cohort: DecidedCohort, known: KnownOfFailures) -> FailureTriage:
    """Give each large failure of a model's cohort one cause, and name the slices that surely lost money.

    The first cohort of a release says from which loss on a failure is large, so that later ones can be worse. Raises
    UsageError where ``known`` is not of this cohort.
    """
    use_case, values = cohort.use_case, cohort.predictions.values
    surprise = money_surprise(use_case, cohort.money, values, cohort.taken)
    circumstances = circumstances_of(cohort, known.support, known.weak_slices, known.age_days)
    cause = causes_of(use_case, circumstances, cohort.worth)
    limit = failure_limit(surprise, cohort.worth) if known.limit is None else known.limit
    failures = large_failures(cohort.log["decision_id"], surprise, cause, limit)
    weak = tuple(find_weak_slices(use_case, cohort.frame, surprise))
    return FailureTriage(failures, limit, int((~np.isnan(surprise)).sum()), weak)
