"""What a status says of decisions that ended otherwise than was chosen, in the page's own words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decisionloop.report.record.overrides import OverrideLines
    from decisionloop.workspace import Workspace


def overrides_of(workspace: Workspace) -> OverrideLines | None:
    """How often people did otherwise, as a script reads it; None where nobody did."""
    from decisionloop.report.read.overrides import override_lines

    return override_lines(workspace.ledger, workspace.use_case.name)


def overridden_lines(workspace: Workspace, lines: OverrideLines | None) -> tuple[str, ...]:
    """The sentences of the page about it; () where nobody did."""
    from decisionloop.report.assemble import use_case_lines
    from decisionloop.report.words.overrides import override_sentences

    return () if lines is None else tuple(override_sentences(lines, use_case_lines(workspace.use_case)))
