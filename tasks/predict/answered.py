"""Who was decided one at a time and is in no batch yet: a batch leaves them out as it does those of other batches."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pandas as pd

from decisionloop.ledger.due_occurrences import span_of
from decisionloop.ledger.stream import Segment, answered_segments
from decisionloop.ledger.watching_periods import gathering
from decisionloop.predict.due import HeldBatch, Span
from decisionloop.stream.deciders import Signed
from decisionloop.stream.periods import online_of, watching_period
from decisionloop.stream.record import decisions_of_record
from decisionloop.workspace import Workspace

NOT_SEALED = "what was decided one at a time"
"""What stands for a batch where there is none yet."""


def answered_one_at_a_time(workspace: Workspace, span: Span) -> tuple[HeldBatch, ...]:
    """Those who were decided one at a time, in no batch yet, for a time that overlaps a span.

    One for each watching period, as they will be once they are sealed: who was answered weeks later was not answered
    for this span.
    """
    use_case, ledger = workspace.use_case, workspace.ledger
    segments = answered_segments(ledger, use_case.name, span.after)
    if not segments:
        return ()
    online = online_of(use_case)
    with ledger.connect() as connection:
        begun = {watching_period(online, one.first): one.first.as_of for one in gathering(connection, use_case.name)}
    held = []
    by_period = sorted(segments, key=lambda one: watching_period(online, one))
    for period, group in itertools.groupby(by_period, lambda one: watching_period(online, one)):
        of_period = list(group)
        first = min(begun.get(period, of_period[0].as_of), of_period[0].as_of)
        own = Span(span_of(first, use_case.schedule.covers_days).after, of_period[-1].as_of)
        if own.overlaps(span):
            held.append(HeldBatch(NOT_SEALED, own, _who_asked(workspace, period.deciders, of_period)))
    return tuple(held)


def _who_asked(workspace: Workspace, deciders: str, segments: Sequence[Segment]) -> pd.Series:
    """Ids of those who were decided in some segments, read under the contract that their deciders had."""
    own = workspace.under(Signed.from_json(deciders).contract_digest).use_case
    said = [decisions_of_record(own, one.as_of, one.record)["entity_id"] for one in segments]
    return pd.concat(said, ignore_index=True)
