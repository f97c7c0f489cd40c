"""The automations that belong to no deployment: runs of which nothing is heard have crashed, and late ones are told.

prefect.yaml knows triggers of deployments alone. Where a worker, or the machine that it is on, is killed with its runs,
nobody tells Prefect: they would be running for ever, and keep the places of the runs that are to come. And where no
worker runs at all no run of ours can tell anybody: the server itself does, through the channels of the contracts.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from decisionloop.endings import ENDINGS

if TYPE_CHECKING:
    from uuid import UUID

    from prefect.client.orchestration import SyncPrefectClient
    from prefect.events.schemas.automations import AutomationCore

SILENT = "decisionloop: a run without heartbeat has crashed"
"""Its name at the server: whoever deploys again changes this one, and makes no second."""
SILENT_FOR = timedelta(minutes=10)
"""Three heartbeats that have not come, by Prefect's own default of 180 s: one may be lost, a busy machine be late with
one, and other people's flows on the same server say no more often that they live."""
LATE = "decisionloop: a run is late"
LATE_FOR = timedelta(minutes=10)
"""A run is late for Prefect after 15 s; a busy worker takes it within this time."""
AWAITED = ("loop", "observe", "learn", "retrain", "deploy_release", "approve", "stop", "rollback")
"""Flows on which somebody waits. What runs every few minutes would tell too often, an alarm would tell of itself."""
STOPPED_BY_ITSELF = (*ENDINGS, "Cancelled", "Crashed", "Paused", "Suspended", "AwaitingRetry")
"""States in which no run sends a heartbeat, and none need be missed: Prefect names its events by a state's own name."""
MESSAGE = "Nothing was heard of it for {seconds:.0f} s: its process, or the machine that it ran on, has gone."


def crash_silent_runs(silent_for: timedelta = SILENT_FOR) -> None:
    """Make the automation at the server that PREFECT_API_URL names, or change the one that is there."""
    _make(_silent_runs(silent_for))


def tell_of_late_runs(channels: Sequence[str], late_for: timedelta = LATE_FOR) -> tuple[str, ...]:
    """Make the automation that tells people of a run that does not begin; returns the channels that are not there.

    ``channels``: notification blocks as contracts name them (type/name), through which the server itself tells. Without
    any it starts the deployment `alarm`, which tells as soon as a worker is there.
    """
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        found = {one: _block(client, one) for one in dict.fromkeys(channels)}
        alarm = client.read_deployment_by_name("alarm/alarm").id
    _make(_late_runs([one for one in found.values() if one is not None], alarm, late_for))
    return tuple(name for name, one in found.items() if one is None)


def _block(client: SyncPrefectClient, name: str) -> UUID | None:
    from prefect.exceptions import ObjectNotFound

    kind, _, own = name.partition("/")
    try:
        return client.read_block_document_by_name(own, kind).id
    except ObjectNotFound:
        return None


def _make(wanted: AutomationCore) -> None:
    """Make an automation, or change the one of that name. One that a person has switched off stays off."""
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        known = client.read_automations_by_name(wanted.name)
        if not known:
            client.create_automation(wanted)
            return
        client.update_automation(known[0].id, wanted.model_copy(update={"enabled": known[0].enabled}))


def _late_runs(blocks: Sequence[UUID], alarm: UUID, late_for: timedelta) -> AutomationCore:
    from prefect.events import EventTrigger
    from prefect.events.actions import RunDeployment, SendNotification
    from prefect.events.schemas.automations import AutomationCore, Posture

    minutes = f"{late_for.total_seconds() / 60:.0f}"
    told = f"The run {{{{ event.resource.name }}}} was due {minutes} minutes ago and has not begun."
    look = "Look whether a worker runs and has a free place: `decisionloop serve`, or `prefect work-pool ls`."
    tell = [SendNotification(block_document_id=one, subject="A run is late", body=f"{told} {look}") for one in blocks]
    start = RunDeployment(
        source="selected",
        deployment_id=alarm,
        job_variables=None,
        parameters={"message": told, "kind": "worker", "remedy": look, "event": "{{ event.id | string }}"},
    )
    late = "prefect.flow-run.Late"
    begun = ("Pending", "Running", *STOPPED_BY_ITSELF)
    return AutomationCore(
        name=LATE,
        description="Nobody has taken the run: most often no worker runs, or all its places are taken.",
        trigger=EventTrigger(
            match={"prefect.resource.id": "prefect.flow-run.*"},
            match_related={"prefect.resource.role": "flow", "prefect.resource.name": list(AWAITED)},
            # Of a deployment once: whatever else of it is late has the same reason.
            for_each={"related:deployment:prefect.resource.id"},
            after={late},
            expect={f"prefect.flow-run.{state}" for state in begun},
            posture=Posture.Proactive,
            threshold=1,
            within=late_for,
        ),
        actions=[*tell] or [start],
    )


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
