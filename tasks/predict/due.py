"""Who is due in a batch and is left to decide: those who were decided before are counted, and left out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pandas as pd
import pyarrow as pa

from decisionloop.contract import UseCase
from decisionloop.errors import UsageError
from decisionloop.ledger.batch_parts import append_part, parts_of
from decisionloop.ledger.batches import Batch, Scalar, append_batch_event, find_batch, latest_detail, open_again
from decisionloop.ledger.due_occurrences import DecidedSpan, decided_at, decided_spans, entities_of, span_of
from decisionloop.ledger.storage.facts import canonical_json
from decisionloop.ledger.withdrawing import withdraw_of
from decisionloop.predict.due import DueSplit, HeldBatch, Span, split_due
from decisionloop.predict.ordering import is_strictly_increasing
from decisionloop.predict.text import as_text
from decisionloop.workspace import Workspace
from tasks.each_part import cut
from tasks.keep import keep_table
from tasks.predict.answered import answered_one_at_a_time
from tasks.readback.tables import read_table
from tasks.tell.announcements import announce


@dataclass(frozen=True, eq=False)
class Due:
    """Whom a batch is to decide: ``ids``, sorted; ``late`` of them fell due before its own ``covers_days``.

    ``due`` counts those who fell due in these, and ``decided_in`` those of them who were decided before, by batch.
    ``span``: when they all fell due.
    """

    ids: pd.Series
    due: int
    decided_in: tuple[tuple[str, int], ...]
    late: int
    span: Span

    @property
    def decided_before(self) -> int:
        """How many were decided before."""
        return sum(count for _, count in self.decided_in)

    def detail(self) -> dict[str, Scalar]:
        """What the batch's events say of it."""
        return {
            "due": self.due,
            "decided_before": self.decided_before,
            "decided_in": canonical_json(dict(self.decided_in)),
            "late": self.late,
            "covers_from": self.span.after.isoformat(),
        }


@dataclass(frozen=True, eq=False)
class LatePeople:
    """Ids of those whom earlier batches should have decided; nobody else is undecided ``since`` then."""

    ids: pd.Series
    since: datetime


def cut_due(workspace: Workspace, batch: Batch, find_late: Callable[[], LatePeople | None] = lambda: None) -> bool:
    """Leave behind, part by part, whom a batch is to decide; returns whether it is anybody.

    Where everybody was decided before, or nobody is due and `data_quality.rows` begins at 0, the batch is covered, and
    what it had logged before it was killed is withdrawn: nothing of it has left. One that was cut before keeps its
    parts, unless another batch has decided some of its people since. Then it begins anew, with those who are left.

    ``find_late`` finds who is to be decided in it as well, from before its own ``covers_days``.
    """
    ledger, batch_id = workspace.ledger, batch.batch_id
    is_cut = bool(parts_of(ledger, batch_id, "due"))
    if is_cut and batch.state != "covered" and not decided_elsewhere(workspace, batch):
        return True
    told = _who_is_due(workspace, batch, find_late())
    may_be_empty = workspace.use_case.data_quality.rows[0] == 0
    if told.ids.empty and (told.decided_before or may_be_empty):
        withdrawn = withdraw_of(ledger, batch_id, entities_of(ledger, batch_id))
        detail = told.detail() | ({"answered_meanwhile": withdrawn} if withdrawn else {})
        if append_batch_event(ledger, batch_id, "covered", detail):
            announce("batch.covered", workspace.use_case.name, batch_id, detail)
        return False
    if is_cut or batch.state == "covered":
        because = "others have decided some of its people, or more people are due"
        open_again(ledger, batch, because, workspace.use_case.digest, workspace.code.digest)
    _keep(workspace, batch_id, told)
    return True


def detail_of_due(workspace: Workspace, batch: Batch) -> dict[str, Scalar]:
    """What is to be said of those who are due in a batch that was cut."""
    told = dict(latest_detail(workspace.ledger, batch.batch_id, "due"))
    rows = sum(part.rows for part in parts_of(workspace.ledger, batch.batch_id, "due"))
    plain = Due(pd.Series(dtype="str"), rows, (), 0, span_of(batch.as_of, workspace.use_case.schedule.covers_days))
    return plain.detail() | told


def with_expected_rows(workspace: Workspace, batch_id: str) -> UseCase:
    """The contract, with `data_quality.rows` less who was decided before and more who is late.

    The bounds are of all who fell due in the batch's own `covers_days`: whether the source told of everybody.
    """
    use_case = workspace.use_case
    told = latest_detail(workspace.ledger, batch_id, "frozen")
    others = int(told.get("late") or 0) - int(told.get("decided_before") or 0)
    if not others:
        return use_case
    fewest, most = (max(0, bound + others) for bound in use_case.data_quality.rows)
    quality = use_case.data_quality.model_copy(update={"rows": (fewest, most)})
    return use_case.model_copy(update={"data_quality": quality})


def undecided_of(
    workspace: Workspace,
    due: pd.Series,
    span: Span,
    others: Iterable[DecidedSpan] | None = None,
    answered: Iterable[HeldBatch] = (),
) -> DueSplit:
    """Split those who fell due in a span by the batches (default: all) that have decided them, and by who was
    ``answered`` one at a time and is in no batch yet."""
    spans = spans_decided(workspace, since=span.after) if others is None else others
    held = [_held(workspace, one) for one in spans if one.span.overlaps(span)]
    held += [one for one in answered if one.span.overlaps(span)]
    return split_due(due, span, held, lambda part: due_in(workspace, part))


def due_in(workspace: Workspace, span: Span) -> pd.Series:
    """Ids of those who fell due in a span, as text."""
    return _ids(workspace, span.until, span.days)


def decided_elsewhere(workspace: Workspace, batch: Batch) -> tuple[str, ...]:
    """Other batches that have decided some of a batch's people since it was cut."""
    parts = parts_of(workspace.ledger, batch.batch_id, "due")
    if not parts:
        return ()
    detail = detail_of_due(workspace, batch)
    span = span_of(batch.as_of, workspace.use_case.schedule.covers_days, detail)
    newer = [
        one
        for one in spans_decided(workspace, batch.batch_id, span.after)
        if one.span.overlaps(span) and _held_since(workspace, one) > parts[0].at
    ]
    if not newer:
        return ()
    due = entities_due(workspace, batch.batch_id)
    return tuple(batch_id for batch_id, _ in undecided_of(workspace, due, span, newer).decided_in)


def refuse_decided_elsewhere(workspace: Workspace, batch_id: str) -> None:
    """Raises UsageError where another batch has decided some of a batch's people since it was cut."""
    batch = find_batch(workspace.ledger, batch_id)
    others = decided_elsewhere(workspace, batch) if batch is not None else ()
    if others:
        raise decided_in_others(batch_id, others)


def decided_in_others(batch_id: str, others: Iterable[str]) -> UsageError:
    """What to say of a batch that others have overtaken since it was prepared."""
    return UsageError(
        f"some of those who are due in {batch_id} have been decided in {', '.join(others)} since it was prepared. "
        "Run it again: it will decide the rest."
    )


def _who_is_due(workspace: Workspace, batch: Batch, late: LatePeople | None) -> Due:
    covers_days = workspace.use_case.schedule.covers_days
    span = span_of(batch.as_of, covers_days)
    due = _ids(workspace, batch.as_of, covers_days)
    answered = answered_one_at_a_time(workspace, span)  # first: what is sealed meanwhile is in both
    split = undecided_of(workspace, due, span, spans_decided(workspace, batch.batch_id, span.after), answered)
    added = split.left.iloc[:0]
    if late is not None:
        added, span = late.ids[~late.ids.isin(split.left)], Span(min(late.since, span.after), span.until)
    return Due(_sorted(split.left, added), len(due), split.decided_in, len(added), span)


def _sorted(left: pd.Series, added: pd.Series) -> pd.Series:
    """Ids of both, sorted. Of many the list is the largest thing that is held at once: it is not copied for nothing."""
    if added.empty and is_strictly_increasing(left):
        return left.reset_index(drop=True)
    return pd.concat([left, added]).sort_values(kind="stable", ignore_index=True)


def _keep(workspace: Workspace, batch_id: str, told: Due) -> None:
    key = workspace.use_case.entity.key
    kept = [
        (keep_table(workspace, pa.table({key: pa.array(told.ids.iloc[rows], pa.string())}), "features"), rows)
        for rows in cut(told.ids, workspace.settings.partition_rows)
    ]
    with workspace.ledger.begin() as connection:  # all of them or none, for their number is the batch's
        if told.decided_before or told.late:
            append_batch_event(connection, batch_id, "due", told.detail())
        for part, (digest, rows) in enumerate(kept):
            append_part(connection, batch_id, "due", part, digest, rows.stop - rows.start)
    if told.decided_before or told.late:
        announce("batch.overlaps", workspace.use_case.name, batch_id, told.detail())


def spans_decided(workspace: Workspace, but: str = "", since: datetime | None = None) -> Sequence[DecidedSpan]:
    """What every batch has decided for good, ``but`` one; what was over by ``since`` may be left out."""
    use_case = workspace.use_case
    every = decided_spans(workspace.ledger, use_case.name, use_case.schedule.covers_days, since)
    return [one for one in every if one.batch.batch_id != but]


def _held(workspace: Workspace, one: DecidedSpan) -> HeldBatch:
    batch_id = one.batch.batch_id
    entities = entities_due(workspace, batch_id)
    if entities.empty:
        entities = pd.Series(entities_of(workspace.ledger, batch_id), dtype="str")
    return HeldBatch(batch_id, one.span, entities)


def _held_since(workspace: Workspace, one: DecidedSpan) -> datetime:
    """When a batch was decided; one that is still at it may have begun at any time, so it counts as the newest."""
    return decided_at(workspace.ledger, one.batch.batch_id) or datetime.max.replace(tzinfo=UTC)


def entities_due(workspace: Workspace, batch_id: str) -> pd.Series:
    """Ids of those whom the last attempt at a batch is to decide; empty before it was cut."""
    parts = parts_of(workspace.ledger, batch_id, "due")
    if not parts:
        return pd.Series(dtype="str")
    return pd.concat([_entities(workspace, part.digest) for part in parts], ignore_index=True)


def _entities(workspace: Workspace, digest: str) -> pd.Series:
    # The one column that there is: the contract may have called it otherwise.
    return read_table(workspace, digest).column(0).to_pandas().astype("str")


def _ids(workspace: Workspace, until: datetime, days: float) -> pd.Series:
    due = workspace.source.due(pd.Timestamp(until), days)
    return as_text(due[workspace.use_case.entity.key])
