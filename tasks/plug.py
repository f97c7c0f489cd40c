"""Adverse impact of a batch that has been chosen and not yet left: alarms, and the plug."""

from __future__ import annotations

import numpy as np

from decisionloop.ledger.flags import KILL_SWITCH, set_flag
from decisionloop.ledger.releases import RULES, Release
from decisionloop.monitor.finding import Finding
from decisionloop.monitor.plug import pull_plug
from decisionloop.workspace import Workspace
from tasks.announce import announce
from tasks.impact_causes import SAMPLE, with_causes
from tasks.output_watch import Chosen, judge_groups
from tasks.parts import read_part
from tasks.raise_alarms import raise_alarms
from tasks.references import batch_of
from tasks.sample import sample_of

GUARD = "monitor of adverse impact"


def watch_groups(workspace: Workspace, batch_id: str, champion: Release, chosen: Chosen) -> bool:
    """Judge the groups and raise the alarms; True where the plug was pulled and the rules must choose.

    A person turns the kill switch off again: nothing here ever does.
    """
    batch = batch_of(workspace, batch_id)
    findings = judge_groups(workspace, champion, chosen)
    if any(finding.is_alarm for finding in findings):
        findings = _explained(workspace, batch_id, champion, findings)
    raise_alarms(workspace, findings, batch.as_of, batch_id, chosen.rows)
    if champion.kind == RULES:  # there is nothing to fall back to
        return False
    decision = pull_plug(workspace.use_case, findings, chosen.groups)
    if not decision.is_pulled:
        return False
    set_flag(workspace.ledger, workspace.use_case.name, KILL_SWITCH, "on", decision.reason, GUARD)
    announce("plug.pulled", workspace.use_case.name, batch_id, {"reason": decision.reason})
    return True


def _explained(
    workspace: Workspace, batch_id: str, champion: Release, findings: tuple[Finding, ...]
) -> tuple[Finding, ...]:
    """The findings with the features that carry the gap, from a sample of the batch."""
    sample = sample_of(workspace, batch_id, SAMPLE, "impact")
    chosen = [
        read_part(workspace, batch_id, "choice", part, ["action"])["action"].to_numpy()[rows]
        for part, rows in sample.rows.items()
    ]
    return with_causes(workspace, champion, sample.frame, np.concatenate(chosen).astype(np.int64), findings)
