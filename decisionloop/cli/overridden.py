"""What a status says of decisions that ended otherwise than was chosen, in the page's own words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decisionloop.report.record.overrides import OverrideLines
    from decisionloop.workspace import Workspace


@dataclass(frozen=True)
class OverrideStatus:
    """How often people did otherwise, as a script reads it, and the sentences of the page about it."""

    counts: OverrideLines
    sentences: tuple[str, ...]


def overrides_of(workspace: Workspace) -> OverrideStatus | None:
    """What is known of it; None where nobody did otherwise."""
    from decisionloop.report.read.gathered import use_case_lines
    from decisionloop.report.read.overrides import override_lines
    from decisionloop.report.words.overrides import override_sentences

    lines = override_lines(workspace.ledger, workspace.use_case.name)
    if lines is None:
        return None
    return OverrideStatus(lines, tuple(override_sentences(lines, use_case_lines(workspace.use_case))))
