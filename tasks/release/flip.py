"""The step that lets a release decide: one transaction of the ledger, and what follows from it."""

from __future__ import annotations

from decisionloop.endings import Ending, Told
from decisionloop.ledger.letting_decide import let_decide
from decisionloop.ledger.releases import ReleaseEvent
from decisionloop.release.requests import Promote
from tasks.learn.release_stages import end_other_trial
from tasks.release.deployment import Deployment, passed
from tasks.release.evidence_for import Planned
from tasks.step import step
from tasks.tell.announcements import announce

WATCHED = (
    "every turn watches it: a batch that it cannot score takes its say, and in its first days (canary.baking_days) an "
    "alarm about a champion does; `decisionloop stop` or `rollback` do at once."
)


@step
def flip(asked: Deployment, planned: Planned) -> str:
    """Let the release decide as planned, from the next batch on; returns what happened in a sentence."""
    if planned.request is None or planned.grounds is None:
        passed("flip", "nothing to do.")
        return planned.words
    if asked.is_dry_run:
        passed("flip", "not done: this is a dry run.")
        return f"Would be done: {planned.words}"
    workspace = asked.workspace
    if isinstance(planned.request, Promote):
        end_other_trial(workspace, asked.release_id, planned.grounds.as_of)
    approval = workspace.use_case.approval
    happened = let_decide(workspace.ledger, asked.use_case, planned.request, planned.grounds, approval, True)
    for one in happened:
        _announce(one)
    passed("flip", "; ".join(_said(one) for one in happened) or "it was done already.")
    passed("watch", WATCHED)
    ending: Ending = "Promoted" if isinstance(planned.request, Promote) else "On trial"
    return Told(f"{asked.release_id}: {planned.words}", ending)


def _announce(one: ReleaseEvent) -> None:
    names = {"champion": "release.promoted", "canary": "release.canary"}
    if one.stage in names:
        announce(names[one.stage], one.use_case, one.release_id, {"share": one.share, "reason": one.reason})


def _said(one: ReleaseEvent) -> str:
    return f"{one.release_id}: {one.stage_before} → {one.stage}{'' if one.share is None else f' ({one.share:.0%})'}"
