"""Steps that freeze a batch: who is due, cut into parts, and the point-in-time features of every part."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd
import pyarrow as pa

from decisionloop.act.legacy import legacy_actions
from decisionloop.errors import UsageError
from decisionloop.ledger.batch_parts import BatchPart, parts_of
from decisionloop.ledger.batches import Scalar, batch_id_of, batch_state, find_batch, open_batch
from decisionloop.ledger.due_occurrences import span_of
from decisionloop.metering import Meter, StageCost
from decisionloop.observe.maturity import due_days
from decisionloop.predict.features import source_ages
from decisionloop.predict.frame_by_row import FrameByRow, build_by_row
from decisionloop.predict.rules import apply_rules
from decisionloop.sources.base import TimedSource
from decisionloop.sources.legacy import legacy_decisions
from decisionloop.workspace import Workspace, open_workspace
from tasks.each_part import each_part
from tasks.keep import keep_part, reached, scope_of
from tasks.predict.due import cut_due, detail_of_due
from tasks.predict.missed import late_people
from tasks.predict.register_rules import put_in_force
from tasks.readback.batch_in_hand import BatchInHand, open_batch_in_hand, own_workspace
from tasks.readback.maturity import DUE_DAYS
from tasks.readback.tables import read_part
from tasks.release.changed_contract import changed_since_in_force
from tasks.step import step

FROZEN = {"frozen", "validated", "scored"}
UNDATED, CODE_FAILED_FOR, SPOILT = "undated", "code_failed", "spoilt"
"""Names in the detail of the state `frozen`, and the column of the part `ages` that says what a row lacks."""
TRIED_ROWS = 100
"""Of those who are due: on so many a changed contract and its code are tried before they are in force."""


@dataclass(frozen=True)
class FrozenPart:
    """A frozen part: its rows, the time of its newest source row, what it took.

    ``due_days``: after how many days the last of its outcomes falls due; None where one maturity holds for all.
    ``failed``: what the code of the features said where it fails for some of its entities, "" where for none.
    """

    rows: int
    newest: pd.Timestamp | None
    cost: StageCost
    due_days: float | None = None
    failed: str = ""


def _refuse_what_others_decide(workspace: Workspace, as_of: datetime) -> None:
    """A batch that another system has decided (mode observe), or that is kept no longer: to decide it acts twice."""
    known = find_batch(workspace.ledger, batch_id_of(workspace.use_case.name, as_of))
    if known is not None and known.state == "expired":
        raise UsageError(f"{known.batch_id} was decided, and is kept no longer (`retention`): nobody decides it again.")
    if known is None or known.is_decided or workspace.use_case.is_observing:
        return
    if own_workspace(workspace, known).use_case.is_observing:
        raise UsageError(
            f"{known.batch_id} was begun in mode observe, and another system has decided it. The first batch that "
            "mode decide may decide is one that was not begun; to finish this one go back to the contract before."
        )


def _require_that_it_works(workspace: Workspace, as_of: datetime) -> None:
    """Try a changed contract, and its code, on some of those who are due: what is refused must not have taken hold.

    Raises what `build_frame` and `apply_rules` do.
    """
    if changed_since_in_force(workspace) is None:
        return
    contract, source, moment = workspace.use_case, workspace.source, pd.Timestamp(as_of)
    entities = source.due(moment, contract.schedule.covers_days).head(TRIED_ROWS)
    if not entities.empty:
        known = source.known(entities, moment)
        frame = build_by_row(contract, workspace.code.features, known, entities, moment, source.time_column).frame
        apply_rules(contract, workspace.code, frame)


@step
def freeze_batch(use_case: str, as_of: datetime, with_late: bool = False) -> str:
    """Freeze what is known, as of ``as_of``, of everyone who is due and was not decided before; returns the batch id.

    ``with_late``: those as well whom an earlier batch should have decided and none did. A batch that was halted, or
    that has decided nothing yet when its contract or code changes, is begun anew. Raises UsageError where it was begun
    beside another system, which has decided it, and the present contract decides itself.
    """
    workspace = open_workspace(use_case)
    contract = workspace.use_case
    _refuse_what_others_decide(workspace, as_of)
    _require_that_it_works(workspace, as_of)
    put_in_force(workspace, as_of)
    batch = open_batch(workspace.ledger, use_case, as_of, contract.digest, code_digest=workspace.code.digest)
    if batch.is_decided or batch.state == "halted":  # halted for good: else it had been opened again
        return batch.batch_id
    is_anybody_left = cut_due(workspace, batch, lambda: late_people(workspace, batch.as_of) if with_late else None)
    is_frozen = batch_state(workspace.ledger, batch.batch_id) in FROZEN
    # Before there were parts a batch was frozen as a whole: what is left of such a one is frozen anew.
    if not is_anybody_left or (is_frozen and parts_of(workspace.ledger, batch.batch_id, "features")):
        return batch.batch_id
    hand = open_batch_in_hand(use_case, batch.batch_id)
    frozen = each_part(workspace, freeze_part, batch.batch_id)
    newest = max((part.newest for part in frozen if part.newest is not None), default=None)
    detail: dict[str, Scalar] = {
        **detail_of_due(workspace, batch),
        "parts": len(frozen),
        "rows": sum(part.rows for part in frozen),
        "newest": None if newest is None else newest.isoformat(),
    }
    if contract.outcome.due:
        detail[DUE_DAYS] = max((part.due_days for part in frozen if part.due_days is not None), default=None)
    if failed := next((part.failed for part in frozen if part.failed), ""):
        detail[CODE_FAILED_FOR] = failed
    if isinstance(workspace.source, TimedSource) and (undated := workspace.source.undated_due()):
        detail[UNDATED] = undated
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
        built = build_by_row(contract, workspace.code.features, known, entities, moment, time_column)
        frame = built.frame
        newest = known[time_column].max()
        table = pa.Table.from_pandas(frame, preserve_index=False)
        ages = _of_source(built, source_ages(known, frame[contract.entity.key], time_column, moment))
        said = [_keep_legacy(hand, part, entities, frame)] if contract.is_observing else []
        kept = [
            *said,
            keep_part(workspace, batch_id, "ages", part, ages),
            keep_part(workspace, batch_id, "features", part, table),
        ]
        meter.add(len(frame), sum(workspace.snapshots.bytes_of(one.digest) for one in kept))
    after = float(due_days(contract, frame).max()) if contract.outcome.due and len(frame) else None
    failed = "" if built.failed is None else str(built.failed.without_quotes().faults[0])
    return FrozenPart(len(frame), None if pd.isna(newest) else newest, meter.cost, after, failed)


def _of_source(built: FrameByRow, age_days: np.ndarray) -> pa.Table:
    """What is kept of a part's source beside its features: ages, and which rows cannot be told whole where any."""
    columns = {"age_days": age_days}
    if (built.faults != "").any():
        columns[SPOILT] = built.faults
    return pa.table(columns)


def _keep_legacy(hand: BatchInHand, part: int, entities: pd.DataFrame, frame: pd.DataFrame) -> BatchPart:
    """Keep what another system decided about the rows of ``frame``, and why that cannot be told of some of them."""
    contract, workspace = hand.use_case, hand.workspace
    span = span_of(hand.as_of, contract.schedule.covers_days, detail_of_due(workspace, hand.batch))
    said = legacy_decisions(workspace.source, entities, pd.Timestamp(hand.as_of), span.days)
    done = legacy_actions(contract, frame[contract.entity.key].to_numpy(dtype=object), said)
    table = pa.table(
        {
            "action": pa.array(done.written, pa.string()),
            "propensity": pa.array(done.propensity, from_pandas=True),
            "fault": pa.array(done.fault, pa.string()),
        }
    )
    return keep_part(workspace, hand.batch_id, "legacy", part, table)
