"""What a batch would do, compared with the last batches of the same release."""

from __future__ import annotations

from dataclasses import dataclass

from decisionloop.ledger.batches import Batch, accepted_batches, cohort_name, latest_detail, latest_details
from decisionloop.ledger.measurements import append_measurements
from decisionloop.ledger.releases import Release
from decisionloop.monitor.alarm.finding import Finding, Stakes
from decisionloop.monitor.alarm.terms import Terms
from decisionloop.monitor.compare.output_profile import ActionProfile
from decisionloop.monitor.impact.group_tally import GroupTally
from decisionloop.monitor.watching.watch_batch import RECENT_BATCHES, OutputsBefore, watch_outputs
from decisionloop.report.words.monitoring_markdown import monitoring_markdown
from decisionloop.workspace import Workspace
from tasks.readback.policy_inputs import score_profile, score_reference
from tasks.tell.announcements import publish
from tasks.watch.alarms import Occasion, raise_alarms
from tasks.watch.measurement import measurement_of


@dataclass(frozen=True)
class Chosen:
    """What was chosen for a batch: actions by slice, and favourable actions by protected group.

    ``decided_by``: who chose, where that is no release of ours; "": the release that decides.
    """

    actions: ActionProfile
    groups: GroupTally
    decided_by: str = ""

    @property
    def rows(self) -> int:
        """Decisions of the batch."""
        return self.actions.rows


def watch_actions(workspace: Workspace, batch: Batch, champion: Release, chosen: Chosen) -> tuple[Finding, ...]:
    """Measure and judge the scores and actions of a batch, raise the alarms and show them; returns the findings."""
    batch_id, use_case = batch.batch_id, workspace.use_case
    scored = latest_detail(workspace.ledger, batch_id, "scored")
    worth = scored.get("worth")
    terms = Terms.of(use_case, Stakes(worth=None if worth is None else float(worth)), champion.release_id)
    before = _outputs_before(workspace, batch, champion, chosen.decided_by or champion.release_id)
    scores = None if chosen.decided_by else score_profile(str(scored["score_profile"]))
    watched = watch_outputs(terms, chosen.actions, scores, before)
    cohort = cohort_name(batch.as_of)
    shares = [measurement_of(use_case.name, cohort, batch.as_of, share) for share in watched.figures]
    append_measurements(workspace.ledger, shares)
    raise_alarms(workspace, watched.findings, Occasion(batch.as_of, batch_id, chosen.rows))
    story = monitoring_markdown(use_case, watched.findings, "Scores and actions of the batch")
    publish(f"outputs-{batch_id}", story, f"What the scores of {batch_id} look like beside those of before.")
    return watched.findings


def _outputs_before(workspace: Workspace, batch: Batch, champion: Release, decided_by: str) -> OutputsBefore:
    """Actions of the last batches that the same one decided, and the release's reference of scores."""
    earlier = accepted_batches(workspace.ledger, workspace.use_case.name, batch.as_of, RECENT_BATCHES)
    details = latest_details(workspace.ledger, [one.batch_id for one in earlier], "decided")
    profiles = [
        ActionProfile.from_json(str(detail["actions"]))
        for detail in details
        if detail.get("actions") is not None and detail.get("decided_by") == decided_by
    ]
    # Under another contract other actions could be chosen: that says nothing of these.
    recent = tuple(one for one in profiles if one.actions == workspace.use_case.action_names)
    return OutputsBefore(recent, score_reference(champion))
