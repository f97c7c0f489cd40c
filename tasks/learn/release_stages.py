"""What follows from a verdict: aliases in MLflow, stages in the ledger, an event for everybody.

The stage comes after the alias: a killed run is repeated until the ledger names the stage, and not after.
"""

from __future__ import annotations

from datetime import datetime

from decisionloop.ledger.releases import RULES, Release, Stage, StageChange, append_release_event, champion, find_stage
from decisionloop.workspace import Workspace
from tasks.tell.announcements import announce

CANDIDATES: tuple[Stage, ...] = ("candidate",)


def enter_shadow(workspace: Workspace, release: Release, reason: str, as_of: datetime) -> None:
    """Make a candidate the challenger: scored beside the champion from the next batch on, changing nothing."""
    workspace.registry.set_alias(release.use_case, "challenger", str(release.mlflow_version))
    change = StageChange(release.release_id, "shadow", reason, "gate", as_of)
    append_release_event(workspace.ledger, change, only_from=CANDIDATES)
    announce("release.shadow", release.use_case, release.release_id, {"reason": reason})


def promote(workspace: Workspace, release: Release, reason: str, as_of: datetime) -> None:
    """Make a challenger the champion. A model that decided until now retires; rules stay as the baseline."""
    before = champion(workspace.ledger, release.use_case)
    workspace.registry.set_alias(release.use_case, "champion", str(release.mlflow_version))
    _leave_challengers(workspace, release)
    with workspace.ledger.begin() as connection:
        append_release_event(connection, StageChange(release.release_id, "champion", reason, "gate", as_of))
        if before is not None and before.release.kind != RULES:
            why = f"{release.release_id} decides"
            append_release_event(connection, StageChange(before.release_id, "retired", why, "gate", as_of))
    announce("release.promoted", release.use_case, release.release_id, {"reason": reason})


def refuse(workspace: Workspace, release: Release, reason: str, as_of: datetime) -> None:
    """Send a candidate or challenger away for good."""
    stage = find_stage(workspace.ledger, release.release_id)
    if stage is not None and stage.stage == "shadow":
        _leave_challengers(workspace, release)
    change = StageChange(release.release_id, "refused", reason, "gate", as_of)
    append_release_event(workspace.ledger, change, only_from=("candidate", "shadow"))
    announce("release.refused", release.use_case, release.release_id, {"reason": reason})


def _leave_challengers(workspace: Workspace, release: Release) -> None:
    """Take the alias `challenger` from a release, unless another challenger has it by now."""
    if workspace.registry.aliases(release.use_case).get("challenger") == release.mlflow_version:
        workspace.registry.clear_alias(release.use_case, "challenger")
