"""``decisionloop story``: the page for people who are not statisticians."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from decisionloop.errors import UsageError
from decisionloop.settings import Settings

if TYPE_CHECKING:
    from decisionloop.report.record.story import Story


def write_story(use_case: str, to: Path | None, settings: Settings | None = None) -> Path:
    """Assemble the story from the ledger and write it whole; returns the page's path."""
    return write_and_tell(use_case, to, settings)[0]


def write_and_tell(use_case: str, to: Path | None, settings: Settings | None = None) -> tuple[Path, Story]:
    """The same, and the story itself for whoever wants to say more of it."""
    from decisionloop.ledger.batches import batches
    from decisionloop.report.assemble import assemble_story
    from decisionloop.report.page import render_story
    from decisionloop.report.read.as_decided import NOT_TOLD, as_decided
    from decisionloop.report.read.bad_release import bad_release_of
    from decisionloop.report.read.capture import capture_of_replay
    from decisionloop.report.read.experiment import experiment_of
    from decisionloop.report.read.gathered import names_of_releases
    from decisionloop.report.read.replay_truth import rows_of_replay, truth_by_period
    from decisionloop.report.read.what_next import what_next
    from decisionloop.workspace import open_workspace

    workspace = open_workspace(use_case, settings)
    path = page_path(use_case, to, workspace.settings.home)
    then = as_decided(workspace)
    rows, captured = (None, None) if then is None else (rows_of_replay(then), capture_of_replay(then))
    truth = None if rows is None else truth_by_period(rows)
    calendar = () if then is None or then.is_live else then.source.calendar()
    story = assemble_story(workspace.ledger, workspace.use_case, truth, workspace.snapshots, captured=captured)
    found = batches(workspace.ledger, use_case)
    names = names_of_releases(workspace.ledger, use_case, found)
    if calendar:
        story = replace(story, next=what_next(workspace.use_case, found, (), calendar[-1].to_pydatetime()))
    if then is None:
        story = replace(story, caveats=(*story.caveats, NOT_TOLD))
    else:
        experiment = experiment_of(then.use_case, rows)
        story = replace(story, bad_release=bad_release_of(then, names), experiment=experiment)
    write_whole(path, render_story(story))
    return path, story


def page_path(use_case: str, to: Path | None, home: Path) -> Path:
    """Where the page goes: a folder means into it, under the page's usual name."""
    usual = f"{use_case}.html"
    if to is None:
        return home / "reports" / usual
    return to / usual if to.is_dir() else to


def write_whole(path: Path, text: str, option: str = "--to") -> None:
    """The whole text under this name, or nothing. Raises UsageError, naming ``option``, where it cannot be written."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise UsageError(
            f"the page cannot be written to {path}: {error.strerror}. Name a file or folder of yours with {option}."
        ) from error
