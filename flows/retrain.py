"""Retrain: started by the schedule, a person or an alarm; ends in a judged candidate, or in a clear no."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from prefect import flow

from decisionloop.endings import joined
from decisionloop.errors import NothingToLearn
from flows.ending import says
from flows.naming import as_of_run, run_name
from tasks.learn.first_look import judge_candidates
from tasks.learn.newcomers import review_newcomers, score_newcomers
from tasks.learn.train import train_candidate
from tasks.learn.training_set import build_training_set
from tasks.learn.triggers import check_triggers
from tasks.observed import observed
from tasks.tell.failed_runs import tell_of_failed_run
from tasks.watch.shadows import audit_shadows


@flow(name="retrain", flow_run_name=run_name, on_failure=[tell_of_failed_run])
@says(is_answer=True)
@observed
def retrain(
    use_case: str,
    as_of: datetime | None = None,
    reason: str = "",
    is_forced: bool = False,
    candidates: list[Literal["scorecard", "gradient_boosting"]] | None = None,
    event: dict[str, object] | None = None,
    allow_future: bool = False,
) -> str:
    """Retrain if there is a reason to; returns what happened in a sentence.

    1. Ask the triggers: a first model, an open incident that a retraining can answer, the schedule, or a person who
       insists. End here with the reason if the answer is to wait or no.
    2. Build the training set from the ledger and its snapshots alone, weighted for the loop's own choices.
    3. Train each kind of candidate and let the gate judge it, deciding everywhere and within its support; the best that
       passes goes into shadow.
    4. Score it on the newest batch at once, audit it there, and let it decide for a few where enough speaks for it.

    Args:
        use_case: Name of the use case.
        as_of: Train on what was known then; empty: the hour at which the run was due.
        reason: Why you start this. It is kept with the answer.
        is_forced: Insist: no trigger, cooldown or cost stands in the way, only a lack of outcomes. Needs a reason.
        candidates: Which kinds of model to train; empty: those of the contract.
        event: Filled by an automation: the name and the measurement of the alarm that it answers.
        allow_future: The as-of may be still to come.
    """
    at = as_of_run(as_of, allow_future)
    trigger = check_triggers(use_case, at, reason, is_forced, candidates, event)
    if not trigger.is_triggered:
        return trigger.words
    training_set_id = build_training_set(use_case, at)
    try:
        trained = [train_candidate(use_case, training_set_id, kind) for kind in trigger.candidates]
    except NothingToLearn as nothing:
        if is_forced:
            raise
        return joined([trigger.reason, f"Nothing was trained: {nothing}"])
    verdict = judge_candidates(use_case, at, training_set_id, [one for kind in trained for one in kind])
    newcomers = score_newcomers(use_case, at)
    audit_shadows(use_case, at)
    on_trial = review_newcomers(use_case, at, newcomers)
    return joined([trigger.reason, verdict, on_trial])
