"""What a status says beside another system: agreement, and money where it can be told, in the page's own words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decisionloop.workspace import Workspace

MODE = "observe: another system decides; nothing is sent, explored or held out"


def observing_lines(workspace: Workspace) -> tuple[str, ...]:
    """The sentences of the page about another system; () where none was observed."""
    from decisionloop.report.read.gathered import gather, use_case_lines
    from decisionloop.report.read.legacy import legacy_lines
    from decisionloop.report.words.legacy import legacy_sentences

    read = gather(workspace.ledger, workspace.use_case.name)
    lines = legacy_lines(workspace.ledger, workspace.use_case.name, read.measured, read.names)
    return () if lines is None else tuple(legacy_sentences(lines, use_case_lines(workspace.use_case)))
