"""From references to frames: tables of the snapshot store, and what accepted batches looked like."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from decisionloop.ledger.batch_parts import PartKind, find_part
from decisionloop.ledger.batches import accepted_batches, latest_details
from decisionloop.workspace import Workspace

if TYPE_CHECKING:
    from datetime import datetime

    from expectations.reference import BatchReference

REFERENCE_BATCHES = 8
"""How many accepted batches make the reference of data quality."""


def read_table(workspace: Workspace, digest: str, columns: Sequence[str] | None = None) -> pa.Table:
    """A stored table, or some of its columns; raises IntegrityError when its bytes have changed."""
    return workspace.snapshots.get_table(digest, columns)


def read_part(
    workspace: Workspace, batch_id: str, kind: PartKind, part: int, columns: list[str] | None = None
) -> pa.Table:
    """A part's table, or some columns of it; raises IntegrityError when its bytes are not what was recorded."""
    found = find_part(workspace.ledger, batch_id, kind, part)
    assert found is not None  # the steps before left it
    return read_table(workspace, found.digest, columns)


def reference_before(workspace: Workspace, as_of: datetime) -> BatchReference | None:
    """What the last accepted batches before ``as_of`` looked like; None before the first."""
    from expectations.reference import BatchReference, merge

    earlier = accepted_batches(workspace.ledger, workspace.use_case.name, as_of, REFERENCE_BATCHES)
    details = latest_details(workspace.ledger, [batch.batch_id for batch in earlier], "validated")
    return merge([BatchReference.model_validate_json(str(detail["reference"])) for detail in details])
