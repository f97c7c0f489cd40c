"""``decisionloop shadow``: the last audit of whoever is scored beside the champion, or of a release that was."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from decisionloop.errors import UsageError

if TYPE_CHECKING:
    from decisionloop.ledger.releases import ReleaseStage
    from decisionloop.ledger.storage.engine import Ledger
    from decisionloop.monitor.shadow.record import ShadowAudit
    from decisionloop.workspace import Workspace


def show_shadow(use_case: str, release_id: str, is_json: bool) -> None:
    """Print the newest audit of each release beside the champion, or of the one that is named.

    Raises UsageError for a release that the ledger does not know.
    """
    from decisionloop.ledger.shadow_audits import last_audit
    from decisionloop.workspace import open_workspace

    workspace = open_workspace(use_case)
    found = {one: last_audit(workspace.ledger, one) for one in _meant(workspace, release_id)}
    if is_json:
        typer.echo(json.dumps({"use_case": use_case, "audits": [_plain(one) for one in found.values() if one]}))
    else:
        typer.echo("\n\n".join(_as_text(workspace, *one) for one in found.items()) or _nobody(use_case))


def audited_lines(ledger: Ledger, beside: Sequence[ReleaseStage]) -> tuple[str, ...]:
    """The last audit of everyone beside the champion, in a line each."""
    from decisionloop.ledger.shadow_audits import last_audit
    from decisionloop.report.words.shadow import shadow_in_brief

    found = [last_audit(ledger, one.release_id) for one in beside]
    return tuple(f"{one.release_id}, {shadow_in_brief(one)}" for one in found if one is not None)


def on_trial_line(stages: Sequence[ReleaseStage]) -> str:
    """Who decides for a share of the entities beside the champion, "" where nobody does."""
    return ", ".join(f"{one.release_id}, for {one.event.share or 0:.0%} of the entities" for one in stages)


def _meant(workspace: Workspace, release_id: str) -> list[str]:
    from decisionloop.ledger.releases import baseline, challengers, find_stage

    name = workspace.use_case.name
    if not release_id:
        rules = baseline(workspace.ledger, name) if workspace.use_case.is_observing else None
        beside = [one.release_id for one in challengers(workspace.ledger, name)]
        return beside if rules is None else [rules.release_id, *beside]
    found = find_stage(workspace.ledger, release_id)
    if found is None or found.release.use_case != name:
        raise UsageError(f"{name} has no release {release_id}. `decisionloop history {name}` names them all.")
    return [release_id]


def _as_text(workspace: Workspace, release_id: str, audit: ShadowAudit | None) -> str:
    from decisionloop.report.words.shadow import lines_of

    if audit is None:
        return f"{release_id}: {_none_yet(workspace, release_id)}"
    return "\n".join(lines_of(audit, workspace.use_case))


def _none_yet(workspace: Workspace, release_id: str) -> str:
    """Why a release has no audit, and whether it will have one."""
    from decisionloop.ledger.releases import challengers, find_stage

    stage, name = find_stage(workspace.ledger, release_id), workspace.use_case.name
    if stage is None or release_id in {one.release_id for one in challengers(workspace.ledger, name)}:
        return "no audit yet. The next turn makes one of each batch that it has scored."
    return f"no audit: it is {stage.stage}, and only who is scored beside the champion is audited."


def _plain(audit: ShadowAudit) -> object:
    """The record as it is in the ledger."""
    from decisionloop.ledger.storage.facts import canonical_json

    return json.loads(canonical_json(audit))


def _nobody(use_case: str) -> str:
    return f"{use_case}: nobody is scored beside the champion."
