"""Since when the world is another one, as far as an open incident says so and enough of it has matured."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from decisionloop.contract.monitoring import MonitorFamily
from decisionloop.learn.logged_batches import LoggedBatches
from decisionloop.learn.training_set import is_revealed
from decisionloop.ledger.alarms import alarms_of
from decisionloop.ledger.batches import time_of_cohort
from decisionloop.ledger.incidents import Incident, incidents
from decisionloop.workspace import Workspace

OF_THE_WORLD: tuple[MonitorFamily, ...] = ("inputs", "labels", "performance", "value")
"""Families whose incidents are about what comes in and what comes of it, and not about what the loop itself does."""


OF_OUTCOMES: tuple[MonitorFamily, ...] = ("labels", "performance", "value")
"""Those of them that say that the same people come to something else; moved inputs alone say that others come."""


def changed_since(
    workspace: Workspace, as_of: datetime, batches: LoggedBatches, families: Collection[MonitorFamily] = OF_THE_WORLD
) -> datetime | None:
    """As-of of the first cohort of the latest change since which enough of ``batches`` can teach or judge.

    Enough is what the contract asks of a training (`monitors.minimum_outcomes`). None: no such change is open.
    """
    name = workspace.use_case.name
    revealed = is_revealed(workspace.use_case, batches.log)
    for since in sorted(_changes(workspace, name, as_of, families), reverse=True):
        is_later = (batches.log["as_of"] >= since).to_numpy()
        if (revealed & is_later).sum() >= workspace.use_case.monitors.minimum_outcomes and not is_later.all():
            return since
    return None


def changes_known(workspace: Workspace, as_of: datetime) -> set[datetime]:
    """The first cohort of every incident about the world, open or closed: what is closed is usual by now, and goes on.

    An incident of inputs that a person closed as a fault of the data is among them.
    """
    return _first_cohorts(workspace, incidents(workspace.ledger, workspace.use_case.name), as_of, OF_THE_WORLD)


def _changes(workspace: Workspace, name: str, as_of: datetime, families: Collection[MonitorFamily]) -> set[datetime]:
    """The first cohort of every incident of these families that is open."""
    found = [one for one in incidents(workspace.ledger, name) if one.is_open]
    return _first_cohorts(workspace, found, as_of, families)


def _first_cohorts(
    workspace: Workspace, found: Sequence[Incident], as_of: datetime, families: Collection[MonitorFamily]
) -> set[datetime]:
    name = workspace.use_case.name
    return {
        min(time_of_cohort(alarm.cohort) for alarm in alarms_of(workspace.ledger, name, one.incident_id))
        for one in found
        if one.family in families and one.first_alarm_as_of <= as_of
    }
