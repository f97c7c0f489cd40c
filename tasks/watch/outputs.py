"""What a batch would do, compared with the last batches of the same release and between protected groups."""

from __future__ import annotations

from dataclasses import dataclass, replace

from decisionloop.ledger.batches import Batch, accepted_batches, cohort_name, latest_detail, latest_details
from decisionloop.ledger.measurements import append_measurements
from decisionloop.ledger.releases import Release
from decisionloop.monitor.alarm.budget import budget_of
from decisionloop.monitor.alarm.finding import Finding, Stakes
from decisionloop.monitor.compare.output_profile import ActionProfile
from decisionloop.monitor.impact.group_tally import GroupTally
from decisionloop.monitor.impact.judging import judge_impact
from decisionloop.monitor.outputs import ReleaseScores, action_shares, judge_outputs
from decisionloop.report.words.monitoring_markdown import monitoring_markdown
from decisionloop.workspace import Workspace
from tasks.readback.situation import score_profile, score_reference
from tasks.readback.tables import REFERENCE_BATCHES
from tasks.tell.announcements import publish
from tasks.watch.alarms import raise_alarms
from tasks.watch.measurement import measurement_of


@dataclass(frozen=True)
class Chosen:
    """What was chosen for a batch: actions by slice, and favourable actions by protected group."""

    actions: ActionProfile
    groups: GroupTally

    @property
    def rows(self) -> int:
        """Decisions of the batch."""
        return self.actions.rows


def watch_actions(workspace: Workspace, batch: Batch, champion: Release, chosen: Chosen) -> tuple[Finding, ...]:
    """Measure and judge the scores and actions of a batch, raise the alarms and show them; returns the findings."""
    name, batch_id = workspace.use_case.name, batch.batch_id
    shares = [replace(share, is_mature=False) for share in action_shares(chosen.actions, champion.release_id)]
    cohort = cohort_name(batch.as_of)
    append_measurements(workspace.ledger, [measurement_of(name, cohort, batch.as_of, share) for share in shares])
    findings = judge_actions(workspace, batch, champion, chosen)
    raise_alarms(workspace, findings, batch.as_of, batch_id, chosen.rows)
    publish(f"outputs-{batch_id}", monitoring_markdown(workspace.use_case, findings, "Scores and actions of the batch"))
    return findings


def judge_actions(workspace: Workspace, batch: Batch, champion: Release, chosen: Chosen) -> tuple[Finding, ...]:
    """Every check of a batch's scores and actions, before any of them leaves."""
    scored = latest_detail(workspace.ledger, batch.batch_id, "scored")
    profile, reference = score_profile(str(scored["score_profile"])), score_reference(champion)
    worth = scored.get("worth")
    return judge_outputs(
        workspace.use_case,
        chosen.actions,
        _recent_actions(workspace, batch, champion.release_id),
        None if profile is None or reference is None else ReleaseScores(profile, reference),
        budget_of(workspace.use_case),
        Stakes(worth=None if worth is None else float(worth)),
        champion.release_id,
    )


def judge_groups(workspace: Workspace, champion: Release, chosen: Chosen) -> tuple[Finding, ...]:
    """Whether a protected group would get the favourable action too rarely."""
    return judge_impact(workspace.use_case, chosen.groups, budget_of(workspace.use_case), champion.release_id)


def _recent_actions(workspace: Workspace, batch: Batch, release_id: str) -> list[ActionProfile]:
    """Actions of the last batches that this release decided, oldest first."""
    earlier = accepted_batches(workspace.ledger, workspace.use_case.name, batch.as_of)[-REFERENCE_BATCHES:]
    details = latest_details(workspace.ledger, [one.batch_id for one in earlier], "decided")
    return [
        ActionProfile.from_json(str(detail["actions"]))
        for detail in details
        if detail.get("actions") is not None and detail.get("decided_by") == release_id
    ]
