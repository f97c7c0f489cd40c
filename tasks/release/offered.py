"""The steps that say what a person may choose now, and what is known of it, for a form that is made at run time."""

from __future__ import annotations

import json
from dataclasses import dataclass

from decisionloop.errors import UsageError
from decisionloop.ledger.approvals import ApprovalRequest, waiting_for_people
from decisionloop.ledger.releases import RULES, ReleaseStage, current_stages, roster_of
from decisionloop.ledger.schema import utc_now
from decisionloop.ledger.verdicts import verdicts
from decisionloop.release.requests import choices_of_rollback, right_choices
from decisionloop.release.stages import TransitionRefused
from decisionloop.workspace import Workspace, open_workspace
from tasks.step import step

MARKS = {True: "passed", False: "failed", None: "no answer"}


@dataclass(frozen=True)
class Offered:
    """What can be chosen, what is chosen unless one says otherwise, and the report that stands above the form."""

    choices: tuple[str, ...]
    usual: str
    markdown: str


@step
def offer_rollback(use_case: str) -> Offered:
    """What a rollback can go to now. Raises TransitionRefused where there is nothing."""
    ledger = open_workspace(use_case).ledger
    roster, stages = roster_of(ledger, use_case), {one.release_id: one for one in current_stages(ledger, use_case)}
    choices = choices_of_rollback(roster)
    if not choices:
        raise TransitionRefused(f"{roster.champion} decides, and nobody else can. {right_choices(roster)}")
    before = roster.previous
    usual = RULES if before is None or before == roster.baseline else before
    known = [(one, stages[str(roster.baseline) if one == RULES else one]) for one in choices]
    told = "\n".join(f"- `{one}`: {_where(stage)}" for one, stage in known)
    decides = f"**{roster.champion} decides {use_case} now.** Who shall decide from the next decision on?"
    return Offered(choices, usual if usual in choices else choices[0], f"{decides}\n\n{told}")


@step
def offer_approval(use_case: str) -> Offered:
    """Which releases wait for an answer, each with what the gate says of it. Raises UsageError where none does."""
    workspace = open_workspace(use_case)
    waiting = waiting_for_people(workspace.ledger, use_case, utc_now())
    if not waiting:
        raise UsageError(f"nothing of {use_case} waits for an approval.")
    names = tuple(dict.fromkeys(one.release_id for one in waiting))
    return Offered(names, names[0], "\n\n".join(_report(workspace, one) for one in waiting))


def _where(stage: ReleaseStage) -> str:
    if stage.release.kind == RULES:
        return "the rules, which anybody may go back to"
    made = f"{stage.release.kind.replace('_', ' ')} of {stage.release.created_at:%Y-%m-%d}"
    return f"{made}; {stage.stage.replace('_', ' ')} since {stage.event.as_of:%Y-%m-%d}: {stage.event.reason}"


def _report(workspace: Workspace, request: ApprovalRequest) -> str:
    told = verdicts(workspace.ledger, request.use_case, request.release_id)
    checks = json.loads(told[-1].reasons) if told else []
    lines = [f"- {one['name']} ({MARKS[one['is_passed']]}): {one['reason']}" for one in checks]
    return "\n\n".join([f"**{request.as_text()}**", *(["\n".join(lines)] if lines else [])])
