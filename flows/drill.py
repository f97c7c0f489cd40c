"""Drill: kill switch and rollback are exercised before anybody needs them."""

from __future__ import annotations

from prefect import flow

from flows.ending import says
from flows.naming import run_name
from tasks.drill.drill import exercise_ways_back, require_worked, tell_of_drill
from tasks.observed import observed
from tasks.tell.failed_runs import tell_of_failed_run
from tasks.tell.notices import deliver_notices


@flow(name="drill", flow_run_name=run_name, on_failure=[tell_of_failed_run])
@says()
@observed
def drill(use_case: str) -> str:
    """Exercise kill switch and rollback on a made-up use case, and measure them; returns how it went in a sentence.

    1. In a process, a folder and a ledger of its own, beside the real one: let a model decide, engage the kill switch
       while a batch is under way, lift it, and roll the model back. Nobody's decisions and no outbox are touched.
    2. Keep in the real ledger how long the rules, and the release before, took to decide.
    3. Tell people where a way back did not work, or has become slow. The run fails where one did not work.

    Args:
        use_case: The use case whose people are told, and whose ledger's engine is exercised.
    """
    done = exercise_ways_back(use_case)
    told = tell_of_drill(use_case, done)
    deliver_notices(use_case)
    require_worked(done)
    return told
