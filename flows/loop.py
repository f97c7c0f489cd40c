"""The loop: predict → act → observe → learn, once."""

from __future__ import annotations

from datetime import datetime

from prefect import flow

from flows.act import act
from flows.catch_up import catch_up
from flows.ending import says
from flows.learn import learn
from flows.naming import as_of_turn, run_name
from flows.observe import observe
from flows.predict import predict
from tasks.observed import observed
from tasks.seal.chain import chain_what_is_new
from tasks.seal.seal import seal_stream
from tasks.tell.expired_flags import tell_of_expired_flags
from tasks.tell.failed_runs import tell_of_failed_run
from tasks.tell.first_cause import result_unless_failed, with_ledger
from tasks.tell.notices import deliver_notices
from tasks.tell.sign_of_life import is_of_the_schedule, keep_sign_of_life


@flow(name="loop", flow_run_name=run_name, on_failure=[tell_of_failed_run])
@says("{}: the turn is complete.")
@observed
def loop(
    use_case: str, as_of: datetime | None = None, allow_future: bool = False, is_catching_up: bool | None = None
) -> str:
    """Run one turn of the loop as of ``as_of`` (default: the last due time of its schedule); returns the batch id.

    1. Seal what was decided one at a time: nobody is decided again by a batch.
    2. Catch up on runs that were missed and, where somebody asks for it, on batches that were halted.
    3. Predict and act on everyone who is due. A halted batch acts on nobody.
    4. Observe and learn from earlier decisions, whatever became of this batch.
    5. Tell people what they have not been told, also of a kill switch that has ended by itself. The run fails at its
       end with the first cause, if there was one.
    6. Chain what was written down, for whoever audits it.

    A ledger that is away is waited for once; where it does not come back the turn ends there, for no step can do
    anything without it. A turn that was interrupted is completed by running it again: what is in the ledger is not
    done twice.

    Args:
        use_case: Name of the use case.
        as_of: What the turn is as of (UTC where it names no zone); empty: the last due time of its schedule.
        allow_future: The as-of may be still to come.
        is_catching_up: Decide also what earlier turns should have. Empty: where no as_of is given, and no batch that
            was halted.
    """
    at = as_of_turn(use_case, as_of, allow_future)
    with_late = as_of is None if is_catching_up is None else is_catching_up
    sealed = with_ledger(seal_stream(use_case, return_state=True))
    asked = (use_case, at, allow_future, bool(is_catching_up))
    caught_up = with_ledger(catch_up(*asked, return_state=True)) if with_late else None
    predicted = with_ledger(predict(use_case, at, allow_future, with_late, return_state=True))
    is_scored = predicted.is_completed()
    acted = with_ledger(act(use_case, predicted.result(), return_state=True)) if is_scored else None
    observed = with_ledger(observe(use_case, at, allow_future, return_state=True))
    learnt = with_ledger(learn(use_case, at, allow_future, return_state=True))
    ended = with_ledger(tell_of_expired_flags(use_case, return_state=True))
    deliver_notices(use_case)
    chained = with_ledger(chain_what_is_new(use_case, return_state=True))
    keep_sign_of_life(use_case, "loop", is_of_the_schedule())
    return result_unless_failed(predicted, sealed, caught_up, predicted, acted, observed, learnt, ended, chained)
