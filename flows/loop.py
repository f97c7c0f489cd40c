"""The loop: predict → act → observe → learn, once."""

from __future__ import annotations

from datetime import datetime

from prefect import flow

from flows.act import act
from flows.learn import learn
from flows.naming import run_name, this_hour
from flows.observe import observe
from flows.predict import predict
from tasks.tell.first_cause import result_unless_failed
from tasks.tell.notices import deliver_notices


@flow(name="loop", flow_run_name=run_name)
def loop(use_case: str, as_of: datetime | None = None) -> str:
    """Run one turn of the loop as of ``as_of`` (default: the hour at which it was due); returns the batch id.

    1. Predict and act on everyone who is due. A halted batch acts on nobody.
    2. Observe and learn from earlier decisions, whatever became of this batch.
    3. Tell people what they have not been told. The run fails at its end with the first cause, if there was one.

    A turn that was interrupted is completed by running it again: what is in the ledger is not done twice.
    """
    at = as_of or this_hour()
    predicted = predict(use_case, at, return_state=True)
    acted = act(use_case, predicted.result(), return_state=True) if predicted.is_completed() else predicted
    observed = observe(use_case, at, return_state=True)
    learnt = learn(use_case, at, return_state=True)
    deliver_notices(use_case)
    return result_unless_failed(predicted, acted, observed, learnt)
