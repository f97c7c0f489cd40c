"""Observe: what became of earlier decisions, and what they were worth."""

from __future__ import annotations

from datetime import datetime

from prefect import flow

from flows.ending import says
from flows.naming import as_of_run, run_name
from tasks.observe.cohorts import measure_cohorts
from tasks.observe.estimated_performance import estimate_performance
from tasks.observe.outcomes import read_outcomes
from tasks.observed import observed
from tasks.predict.missed import watch_missed
from tasks.tell.failed_runs import tell_of_failed_run
from tasks.tell.notices import deliver_notices
from tasks.watch.labels import watch_labels
from tasks.watch.refused_outcomes import watch_refused_outcomes
from tasks.watch.several_rows import watch_several_rows
from tasks.watch.skew import check_skew


@flow(name="observe", flow_run_name=run_name, on_failure=[tell_of_failed_run])
@says("{} cohorts were measured.")
@observed
def observe(use_case: str, as_of: datetime | None = None, allow_future: bool = False) -> int:
    """Take in the outcomes seen by ``as_of``, measure and judge what has matured; returns the cohorts measured.

    1. Read outcomes, match them to decisions, keep late and contradictory ones as revisions, and
       say where many are refused, or of one decision.
    2. Ask whether outcomes are late or missing, before anybody is judged by them.
    3. Measure each mature cohort, judge model, feedback loop and money, and write down why predictions failed.
    4. Estimate the performance of the cohorts that are not mature yet.
    5. Compute a sample of served features from source again.
    6. Look for people who fell due and were never decided.
    7. Tell people what they have not been told.

    Args:
        use_case: Name of the use case.
        as_of: What the run is as of (UTC where it names no zone); empty: the hour at which it was due.
        allow_future: The as-of may be still to come.
    """
    at = as_of_run(as_of, allow_future)
    read_outcomes(use_case, at)
    watch_refused_outcomes(use_case, at)
    watch_several_rows(use_case, at)
    watch_labels(use_case, at)
    measured = measure_cohorts(use_case, at)
    estimate_performance(use_case, at)
    check_skew(use_case, at)
    watch_missed(use_case, at)
    deliver_notices(use_case)
    return measured
