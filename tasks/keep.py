"""What a step leaves behind: tables in the snapshot store, their records, and the state that a batch has reached."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from decisionloop.ledger.batch_parts import BatchPart, PartKind, append_part
from decisionloop.ledger.batches import Scalar, State, append_batch_event
from decisionloop.ledger.snapshot_log import Kind, Snapshot, record_snapshot
from decisionloop.ledger.stage_costs import append_stage_costs
from decisionloop.ledger.switch_lock import steady_switch
from decisionloop.metering import Scope, StageCost
from decisionloop.workspace import Workspace
from tasks.readback.batch_in_hand import BatchInHand

_SNAPSHOT_KIND: dict[PartKind, Kind] = {
    "due": "features",
    "features": "features",
    "ages": "features",
    "faults": "features",
    "scores": "scores",
    "predictions": "scores",
    "newcomers": "scores",
    "seen_money": "outcomes",
    "choice": "scores",
    "stand_in_choice": "scores",
    "rules_choice": "scores",
    "default_choice": "scores",
    "legacy": "features",
    "legacy_choice": "scores",
}


def keep_table(workspace: Workspace, table: pa.Table, kind: Kind) -> str:
    """Store a table by its content and record it; returns its digest."""
    kept = workspace.snapshots.put_table(table)
    record_snapshot(workspace.ledger, Snapshot(kept.digest, kind, kept.uri, kept.rows, kept.bytes))
    return kept.digest


def keep_part(workspace: Workspace, batch_id: str, kind: PartKind, part: int, table: pa.Table) -> BatchPart:
    """Store a part's table and record it for the batch's present attempt; what was recorded before stands."""
    digest = keep_table(workspace, table, _SNAPSHOT_KIND[kind])
    return append_part(workspace.ledger, batch_id, kind, part, digest, len(table))


def reached(
    hand: BatchInHand, state: State, detail: Mapping[str, Scalar], costs: Sequence[StageCost], is_once: bool = False
) -> None:
    """Say that a batch has reached a state and what it took, in one transaction; ``is_once`` as the ledger has it."""
    # The switch holds what is unsent in batches by their states: neither may change while the other looks.
    with steady_switch(hand.ledger, hand.use_case.name) as connection:
        append_batch_event(connection, hand.batch_id, state, detail, is_once=is_once)
        append_stage_costs(connection, hand.batch_id, hand.batch.attempt, costs, hand.use_case.serving_cost)


def scope_of(workspace: Workspace) -> Scope:
    """Where a step runs alone in its process, the threads that it starts are its own."""
    return "process" if workspace.settings.runner == "in_process" else "thread"
