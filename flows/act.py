"""Act: one action for everyone in the batch, chosen for money under guardrails, leaving exactly once."""

from __future__ import annotations

from prefect import flow

from flows.ending import says
from flows.naming import run_name
from tasks.act.decide import decide_batch
from tasks.act.dispatch import dispatch_batch, dispatch_released
from tasks.observed import observed
from tasks.runner import PartRunner
from tasks.tell.failed_runs import tell_of_failed_run


@flow(name="act", flow_run_name=run_name, on_failure=[tell_of_failed_run], task_runner=PartRunner())
@says("{} actions were sent.")
@observed
def act(use_case: str, batch_id: str) -> int:
    """Decide one scored batch and send its actions; returns how many of them were sent.

    1. Choose the actions: guardrails first, then expected money, exploration, holdout; log every decision with
       its exact propensity, and queue its action, in one transaction.
    2. Send what is queued to the actuator and log each delivery; what the kill switch holds stays behind.
    3. Send what people have released of earlier batches.

    Args:
        use_case: Name of the use case.
        batch_id: The batch, as `predict` has returned it and `decisionloop status` names it.
    """
    decide_batch(use_case, batch_id)
    sent = dispatch_batch(use_case, batch_id)
    dispatch_released(use_case)
    return sent
