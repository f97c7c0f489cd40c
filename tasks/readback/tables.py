"""From references to frames and back: what a step reads from and leaves in the snapshot store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import pyarrow as pa

from decisionloop.errors import UsageError
from decisionloop.ledger.batches import Batch, accepted_batches, find_batch, latest_details
from decisionloop.ledger.snapshot_log import Kind, record_snapshot
from decisionloop.workspace import Workspace

if TYPE_CHECKING:
    from expectations.reference import BatchReference

REFERENCE_BATCHES = 8
"""How many accepted batches make the reference of data quality."""


def batch_of(workspace: Workspace, batch_id: str) -> Batch:
    """The batch of that id. Raises UsageError where there is none."""
    found = find_batch(workspace.ledger, batch_id)
    if found is None:
        raise UsageError(f"no batch {batch_id} in the ledger. Run the predict flow first.")
    return found


def keep_table(workspace: Workspace, table: pa.Table, kind: Kind) -> str:
    """Store a table by its content and record it; returns its digest."""
    kept = workspace.snapshots.put_table(table)
    record_snapshot(workspace.ledger, kept.digest, kind, kept.uri, kept.rows, kept.bytes)
    return kept.digest


def read_table(workspace: Workspace, digest: str, columns: Sequence[str] | None = None) -> pa.Table:
    """A stored table, or some of its columns; raises IntegrityError when its bytes have changed."""
    return workspace.snapshots.get_table(digest, columns)


def reference_before(workspace: Workspace, as_of: datetime) -> BatchReference | None:
    """What the last accepted batches before ``as_of`` looked like; None before the first."""
    from expectations.reference import BatchReference, merge

    earlier = accepted_batches(workspace.ledger, workspace.use_case.name, as_of)[-REFERENCE_BATCHES:]
    details = latest_details(workspace.ledger, [batch.batch_id for batch in earlier], "validated")
    return merge([BatchReference.model_validate_json(str(detail["reference"])) for detail in details])
