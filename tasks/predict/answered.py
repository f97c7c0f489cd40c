"""Who was decided one at a time and is in no batch yet: a batch leaves them out as it does those of other batches."""

from __future__ import annotations

from datetime import datetime

import pandas as pd

from decisionloop.ledger.due_occurrences import span_of
from decisionloop.ledger.stream import answered_segments
from decisionloop.predict.due import HeldBatch, Span
from decisionloop.stream.record import decisions_of_record
from decisionloop.workspace import Workspace

NOT_SEALED = "what was decided one at a time"
"""What stands for a batch where there is none yet."""


def answered_one_at_a_time(workspace: Workspace, span: Span, since: datetime | None = None) -> tuple[HeldBatch, ...]:
    """Those who were decided one at a time, in no batch yet, and were due in a span: one that holds them all, or none.

    ``since``: also who came into a batch since then.
    """
    use_case = workspace.use_case
    segments = answered_segments(workspace.ledger, use_case.name, span.after, since)
    if not segments:
        return ()
    said = [decisions_of_record(use_case, one.as_of, one.record)["entity_id"] for one in segments]
    begin = span_of(segments[0].as_of, use_case.schedule.covers_days).after
    return (HeldBatch(NOT_SEALED, Span(begin, segments[-1].as_of), pd.concat(said, ignore_index=True)),)
