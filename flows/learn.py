"""Learn: challengers are reviewed, and outcomes become candidates, only as far as money says so."""

from __future__ import annotations

from datetime import datetime

from prefect import flow

from decisionloop.endings import joined
from flows.ending import says
from flows.naming import as_of_run, run_name
from flows.retrain import retrain
from tasks.learn.baking import watch_new_champion
from tasks.learn.comparisons import review_challengers
from tasks.learn.harm import stop_harm
from tasks.observed import observed
from tasks.release.follow import follow_releases
from tasks.release.stop_losses import stop_losses
from tasks.tell.failed_runs import tell_of_failed_run
from tasks.watch.shadows import audit_shadows


@flow(name="learn", flow_run_name=run_name, on_failure=[tell_of_failed_run])
@says()
@observed
def learn(use_case: str, as_of: datetime | None = None, allow_future: bool = False) -> str:
    """Review challengers, and retrain when a trigger says so; returns what happened in a sentence.

    1. Audit whoever is scored beside the champion, on each batch once; stop one on trial that surely does harm.
    2. Let whoever decided before decide again where something speaks against a new champion; stop one that has surely
       earned less than what it replaced: the rules decide then.
    3. Let MLflow's aliases follow releases that have moved.
    4. Look at every challenger anew on what has matured: promote it, send it away, or go on.
    5. Retrain, if one of the triggers (first model, more outcomes, open incidents, decayed AUC, schedule) says so.

    Args:
        use_case: Name of the use case.
        as_of: What the run is as of (UTC where it names no zone); empty: the hour at which it was due.
        allow_future: The as-of may be still to come.
    """
    at = as_of_run(as_of, allow_future)
    audit_shadows(use_case, at)
    stopped = [stop_harm(use_case, at), watch_new_champion(use_case, at), stop_losses(use_case, at)]
    follow_releases(use_case)
    review = review_challengers(use_case, at)
    # Within this run: one of its own for every turn in which nothing is to be trained would only be in the way.
    return joined([*stopped, review, retrain.fn(use_case, at, allow_future=True)])
