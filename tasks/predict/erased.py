"""People who were erased while the source still names them: nobody may know who they are, so they are counted alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from decisionloop.ledger.due_occurrences import DecidedSpan, decided_spans
from decisionloop.ledger.missed_due import LOOK_BACK
from decisionloop.ledger.personal_data import decisions_about
from decisionloop.predict.due import Span
from decisionloop.workspace import Workspace
from tasks.predict.due import due_in


def batches_still_due(workspace: Workspace, entity: str) -> tuple[str, ...]:
    """The last batches (as many as are looked back on) that have decided an entity and among whose people the source
    still names it.

    Raises what the source does where it cannot be read.
    """
    if not workspace.is_live:
        return ()
    name, covers_days = workspace.use_case.name, workspace.use_case.schedule.covers_days
    own = {one.batch_id for one in decisions_about(workspace.ledger, name, entity)}
    mine = [one for one in decided_spans(workspace.ledger, name, covers_days) if one.batch.batch_id in own]
    return tuple(one.batch.batch_id for one in mine[-LOOK_BACK:] if (due_in(workspace, one.span) == entity).any())


def erased_in(span: Span, decided: Sequence[DecidedSpan], erased: Mapping[str, int]) -> int:
    """How many of those who fell due in a span are such people, for all that is known."""
    return sum(erased.get(one.batch.batch_id, 0) for one in decided if one.span.overlaps(span))
