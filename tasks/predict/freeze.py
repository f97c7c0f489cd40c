"""Steps that freeze a batch: who is due, cut into parts, and the point-in-time features of every part."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import pandas as pd
import pyarrow as pa

from decisionloop.ledger.batch_parts import append_part, parts_of
from decisionloop.ledger.batches import Scalar, open_batch
from decisionloop.ledger.use_cases import record_use_case
from decisionloop.metering import Meter, StageCost
from decisionloop.predict.features import build_frame, source_ages
from decisionloop.predict.text import as_text
from decisionloop.workspace import Workspace, open_workspace
from tasks.each_part import cut, each_part
from tasks.keep import keep_part, keep_table, reached, scope_of
from tasks.predict.register_rules import ensure_rules
from tasks.readback.batch_in_hand import open_batch_in_hand
from tasks.readback.tables import read_part
from tasks.step import step

FROZEN = {"frozen", "validated", "scored"}


@dataclass(frozen=True)
class FrozenPart:
    """A frozen part: its rows, the time of its newest source row, what it took."""

    rows: int
    newest: pd.Timestamp | None
    cost: StageCost


@step
def freeze_batch(use_case: str, as_of: datetime) -> str:
    """Open the batch and freeze what is known of everyone who is due, part by part; returns the batch id.

    A batch that was halted, or that has decided nothing yet when its contract or code changes, is begun anew.
    """
    workspace = open_workspace(use_case)
    contract = workspace.use_case
    record_use_case(workspace.ledger, use_case, contract.digest, contract.version, workspace.folder.text)
    ensure_rules(workspace, as_of)
    batch = open_batch(workspace.ledger, use_case, as_of, contract.digest, code_digest=workspace.code.digest)
    if batch.is_decided or (batch.state in FROZEN and parts_of(workspace.ledger, batch.batch_id, "due")):
        return batch.batch_id
    hand = open_batch_in_hand(use_case, batch.batch_id)
    _cut_into_parts(workspace, batch.batch_id, as_of)
    frozen = each_part(workspace, freeze_part, batch.batch_id)
    newest = max((part.newest for part in frozen if part.newest is not None), default=None)
    detail: dict[str, Scalar] = {
        "parts": len(frozen),
        "rows": sum(part.rows for part in frozen),
        "newest": None if newest is None else newest.isoformat(),
    }
    reached(hand, "frozen", detail, [part.cost for part in frozen])
    return batch.batch_id


@step
def freeze_part(use_case: str, batch_id: str, part: int) -> FrozenPart:
    """Freeze what is known of one part of everyone who is due."""
    hand = open_batch_in_hand(use_case, batch_id)
    hand.require_present_code("freezing")
    workspace, contract, moment = hand.workspace, hand.use_case, pd.Timestamp(hand.as_of)
    with Meter("freeze", None, scope_of(workspace)) as meter:
        entities = read_part(workspace, batch_id, "due", part).to_pandas()
        known = workspace.source.known(entities, moment)
        time_column = workspace.source.time_column
        frame = build_frame(contract, workspace.code.features, known, entities, moment, time_column)
        newest = known[time_column].max()
        table = pa.Table.from_pandas(frame, preserve_index=False)
        ages = pa.table({"age_days": source_ages(known, frame[contract.entity.key], time_column, moment)})
        kept = [
            keep_part(workspace, batch_id, "ages", part, ages),
            keep_part(workspace, batch_id, "features", part, table),
        ]
        meter.add(len(frame), sum(workspace.snapshots.bytes_of(one.digest) for one in kept))
    return FrozenPart(len(frame), None if pd.isna(newest) else newest, meter.cost)


def _cut_into_parts(workspace: Workspace, batch_id: str, as_of: datetime) -> None:
    """Leave behind who is due, part by part; a batch that was cut before keeps its parts."""
    if parts_of(workspace.ledger, batch_id, "due"):
        return
    contract = workspace.use_case
    due = workspace.source.due(pd.Timestamp(as_of), contract.schedule.covers_days)
    key = contract.entity.key
    ids = as_text(due[key]).sort_values(kind="stable", ignore_index=True)
    kept = [
        (keep_table(workspace, pa.table({key: pa.array(ids.iloc[rows], pa.string())}), "features"), rows)
        for rows in cut(ids, workspace.settings.partition_rows)
    ]
    with workspace.ledger.begin() as connection:  # all of them or none, for their number is the batch's
        for part, (digest, rows) in enumerate(kept):
            append_part(connection, batch_id, "due", part, digest, rows.stop - rows.start)
