"""Learn: outcomes become candidates, and candidates become releases only when money says so."""

from __future__ import annotations

from datetime import datetime

from prefect import flow

from flows.naming import as_of_run, run_name
from tasks.learn.retraining import (
    build_training_set,
    check_triggers,
    judge_candidates,
    review_challengers,
    train_candidate,
)


@flow(name="learn", flow_run_name=run_name)
def learn(use_case: str, as_of: datetime | None = None, allow_future: bool = False) -> str:
    """Review challengers, and retrain when a trigger says so; returns what happened in a sentence.

    ``as_of`` is by default the hour at which the run was due.

    1. Give every challenger that has been in shadow long enough its second look: promote, keep or retire it.
    2. Ask the triggers (first model, open incidents, decayed AUC, schedule) whether to retrain; end if not.
    3. Build the training set from the ledger and its snapshots alone, weighted for the loop's own choices.
    4. Train each kind of candidate and let the gate judge it; the best that passes goes into shadow.
    """
    at = as_of_run(as_of, allow_future)
    review = review_challengers(use_case, at)
    trigger = check_triggers(use_case, at)
    if not trigger.is_triggered:
        return f"{review} {trigger.reason}"
    training_set_id = build_training_set(use_case, at)
    candidates = [train_candidate(use_case, training_set_id, kind) for kind in trigger.candidates]
    verdict = judge_candidates(use_case, at, training_set_id, candidates)
    return f"{review} {trigger.reason} {verdict}"
