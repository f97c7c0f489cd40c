"""``decisionloop story``: the page for people who are not statisticians."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from decisionloop.settings import Settings

if TYPE_CHECKING:
    from decisionloop.report.record.story import Story


def write_story(use_case: str, to: Path | None, settings: Settings | None = None) -> Path:
    """Assemble the story from the ledger and write it whole; returns the page's path."""
    return write_and_tell(use_case, to, settings)[0]


def write_and_tell(use_case: str, to: Path | None, settings: Settings | None = None) -> tuple[Path, Story]:
    """The same, and the story itself for whoever wants to say more of it."""
    from decisionloop.report.assemble import assemble_story
    from decisionloop.report.page import render_story
    from decisionloop.report.read.capture import capture_of_replay
    from decisionloop.report.read.replay_truth import truth_of_replay
    from decisionloop.workspace import open_workspace

    workspace = open_workspace(use_case, settings)
    path = to or workspace.settings.home / "reports" / f"{use_case}.html"
    truth, captured = truth_of_replay(workspace), capture_of_replay(workspace)
    story = assemble_story(workspace.ledger, workspace.use_case, truth, workspace.snapshots, captured=captured)
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = path.with_suffix(".part")
    whole.write_text(render_story(story), encoding="utf-8")
    whole.replace(path)
    return path, story
