"""Adverse impact of a batch that has been chosen and not yet left: alarms, and the plug."""

from __future__ import annotations

from dataclasses import replace
from uuid import NAMESPACE_URL, uuid5

import numpy as np

from decisionloop.act.action_names import actions_by_index
from decisionloop.ledger.batches import Batch
from decisionloop.ledger.flags import stop_model
from decisionloop.ledger.releases import RULES, Release
from decisionloop.ledger.storage.facts import canonical_json
from decisionloop.monitor.alarm.finding import Finding
from decisionloop.monitor.compare.windows import Watched, Window, windows_of
from decisionloop.monitor.impact.causes import SAMPLE
from decisionloop.monitor.impact.group_tally import GroupTally
from decisionloop.monitor.impact.plug import PlugDecision
from decisionloop.monitor.watching.watch_batch import watch_impact
from decisionloop.workspace import Workspace
from tasks.readback.sample import sample_of
from tasks.readback.tables import read_part
from tasks.tell.announcements import announce
from tasks.watch.alarms import Occasion, raise_alarms
from tasks.watch.impact_causes import explained_impact
from tasks.watch.outputs import Chosen
from tasks.watch.windows import earlier_groups, entities_of

GUARD = "monitor of adverse impact"


def watch_groups(workspace: Workspace, batch: Batch, champion: Release, chosen: Chosen) -> bool:
    """Judge the groups and raise the alarms; True where the plug was pulled and the rules must choose.

    A person turns the kill switch off again: nothing here ever does.
    """
    batch_id = batch.batch_id
    windows = _windows(workspace, batch, chosen.decided_by or champion.release_id, chosen.groups)
    watched = watch_impact(workspace.use_case, windows, champion.release_id, champion.kind != RULES)
    findings, decision = watched.findings, watched.plug
    if not chosen.decided_by and any(finding.is_alarm for finding in findings):
        findings = _explained(workspace, batch_id, champion, findings)
    if decision is not None:
        findings = tuple(_with_plug(finding, decision) if finding.is_alarm else finding for finding in findings)
    raise_alarms(workspace, findings, Occasion(batch.as_of, batch_id, chosen.rows))
    if decision is None or not decision.is_pulled:
        return False
    # The event first: a run that was killed behind the flag finds the switch on, and says nothing.
    event_id = uuid5(NAMESPACE_URL, canonical_json(["plug.pulled", batch_id]))
    announce("plug.pulled", workspace.use_case.name, batch_id, {"reason": decision.reason}, event_id)
    stop_model(workspace.ledger, workspace.use_case.name, decision.reason, GUARD)
    return True


def _windows(workspace: Workspace, batch: Batch, decided_by: str, groups: GroupTally) -> tuple[Window[GroupTally], ...]:
    """The batch at hand, and with the earlier ones that the same one decided."""
    entities = entities_of(workspace, batch.batch_id)
    if entities is None:
        return (Window(1, groups),)
    return windows_of(Watched(groups, entities), earlier_groups(workspace, batch, decided_by))


def _with_plug(finding: Finding, decision: PlugDecision) -> Finding:
    """The alarm with what became of the plug, so that whoever reads it knows who decides now."""
    done = "The kill switch is on" if decision.is_pulled else "The kill switch was left off"
    return replace(finding, suggestion=f"{finding.suggestion} {done}: {decision.reason}")


def _explained(
    workspace: Workspace, batch_id: str, champion: Release, findings: tuple[Finding, ...]
) -> tuple[Finding, ...]:
    """The findings with the features that carry the gap, from a sample of the batch."""
    sample = sample_of(workspace, batch_id, SAMPLE, "impact")
    chosen = [
        actions_by_index(workspace.use_case, read_part(workspace, batch_id, "choice", part, ["action"])["action"])[rows]
        for part, rows in sample.rows.items()
    ]
    return explained_impact(workspace, champion.release_id, sample.frame, np.concatenate(chosen), findings)
