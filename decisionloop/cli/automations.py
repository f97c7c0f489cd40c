"""The automations that belong to no deployment: a run of which nothing is heard any more has crashed.

prefect.yaml knows triggers of deployments alone. Where a worker, or the machine that it is on, is killed with its runs,
nobody tells Prefect: they would be running for ever, and keep the places of the runs that are to come.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from decisionloop.endings import ENDINGS

if TYPE_CHECKING:
    from prefect.events.schemas.automations import AutomationCore

SILENT = "decisionloop: a run without heartbeat has crashed"
"""Its name at the server: whoever deploys again changes this one, and makes no second."""
SILENT_FOR = timedelta(minutes=10)
"""Three heartbeats that have not come, by Prefect's own default of 180 s: one may be lost, a busy machine be late with
one, and other people's flows on the same server say no more often that they live."""
STOPPED_BY_ITSELF = (*ENDINGS, "Cancelled", "Crashed", "Paused", "Suspended", "AwaitingRetry")
"""States in which no run sends a heartbeat, and none need be missed: Prefect names its events by a state's own name."""
MESSAGE = "Nothing was heard of it for {seconds:.0f} s: its process, or the machine that it ran on, has gone."


def crash_silent_runs(silent_for: timedelta = SILENT_FOR) -> None:
    """Make the automation at the server that PREFECT_API_URL names, or change the one that is there."""
    from prefect.client.orchestration import get_client

    wanted = _silent_runs(silent_for)
    with get_client(sync_client=True) as client:
        known = client.read_automations_by_name(SILENT)
        if not known:
            client.create_automation(wanted)
            return
        # One that a person has switched off stays off.
        client.update_automation(known[0].id, wanted.model_copy(update={"enabled": known[0].enabled}))


def _silent_runs(silent_for: timedelta) -> AutomationCore:
    from prefect.client.schemas.objects import StateType
    from prefect.events import EventTrigger
    from prefect.events.actions import ChangeFlowRunState
    from prefect.events.schemas.automations import AutomationCore, Posture

    heartbeat = "prefect.flow-run.heartbeat"
    told = MESSAGE.format(seconds=silent_for.total_seconds())
    crash = ChangeFlowRunState(name="Crashed", state=StateType.CRASHED, message=told, force=False)
    return AutomationCore(
        name=SILENT,
        description="The next run of the same takes up what it has left: what is in the ledger is not done twice.",
        trigger=EventTrigger(
            match={"prefect.resource.id": "prefect.flow-run.*"},
            for_each={"prefect.resource.id"},
            after={heartbeat},
            expect={heartbeat, *(f"prefect.flow-run.{state}" for state in STOPPED_BY_ITSELF)},
            posture=Posture.Proactive,
            threshold=1,
            within=silent_for,
        ),
        actions=[crash],
    )
