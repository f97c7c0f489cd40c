"""Logging a batch of many parts into SQLite: by ranges of ids instead of by parts.

Ids are hashes, so every part has ids all over the batch, and appending part by part rewrites the whole index for each
of them: the tenth part of a million rows takes four times as long as the first. Ranges of ids append at the index's
end. Each part is laid out in ranges in a scratch file, which is read again range by range.
"""

from __future__ import annotations

import functools
import operator
import shutil
import tempfile
import time
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pyarrow as pa
from sqlalchemy import Connection

from decisionloop.ledger.decision_groups import GroupedDecisions, grouped, in_order_of_ids
from decisionloop.ledger.decisions import LaidOutDecisions, append_laid_out_decisions, lay_out_decisions
from decisionloop.metering import Meter, StageCost
from tasks.act.log_decisions import LoggedPart, counted, rows_of_part
from tasks.act.log_unless_overtaken import append_unless_overtaken
from tasks.act.signature import Signature
from tasks.each_part import each_part
from tasks.keep import scope_of
from tasks.readback.batch_in_hand import BatchInHand, open_batch_in_hand
from tasks.step import step

SCRATCH_KEPT_SECONDS = 86_400


@step
def lay_out_part(
    use_case: str, batch_id: str, part: int, signature: Signature, scratch: str, ranges: int
) -> LoggedPart:
    """Write one part's decisions into the folder ``scratch``, range by range."""
    hand = open_batch_in_hand(use_case, batch_id)
    with Meter("log", None, scope_of(hand.workspace)) as meter:
        rows = rows_of_part(hand, part, signature)
        taken_apart = grouped(rows)
        _write(Path(scratch) / f"{part}.groups", [taken_apart.groups])
        _write(Path(scratch) / f"{part}.rows", taken_apart.ranges(ranges))
        meter.add(len(rows))
    return counted(rows, meter.cost)


def log_in_ranges(hand: BatchInHand, signature: Signature) -> list[LoggedPart]:
    """Append a batch of many parts, one range of ids a transaction, and tell of its parts.

    Killed in between, it begins anew, and adds what is not there yet. Where the kill switch goes on in between, the
    ranges that are logged stand, and the rest is left to be logged anew.
    """
    workspace, parts = hand.workspace, len(hand.parts)
    above = workspace.settings.home / "scratch"
    above.mkdir(parents=True, exist_ok=True)
    _sweep(above)
    # A folder of this run's own: one that stalled and wakes up must find its files, or none.
    with tempfile.TemporaryDirectory(prefix=f"{workspace.use_case.name}-", dir=above) as folder:
        scratch = Path(folder)
        laid_out = each_part(workspace, lay_out_part, hand.batch_id, signature, folder, parts)
        with Meter("log") as meter, closing(_ranges(scratch, parts)) as ranges:
            costs = []
            for decisions, cost in ranges:
                costs.append(cost)
                append = functools.partial(_append, decisions)
                is_overtaken = not append_unless_overtaken(hand, signature, append)
                if is_overtaken:
                    break
    return [*laid_out, LoggedPart(0, 0, functools.reduce(operator.add, costs, meter.cost), is_overtaken)]


def _append(decisions: LaidOutDecisions, connection: Connection) -> None:
    append_laid_out_decisions(connection, decisions)
    decisions.rows.file.unlink()  # it is attached, and is gone with that


def _ranges(scratch: Path, parts: int) -> Generator[tuple[LaidOutDecisions, StageCost], None, None]:
    """Range by range; while SQLite takes one in, the next is put in order and written into its file."""
    groups = pa.concat_tables(_read(scratch / f"{part}.groups", 0) for part in range(parts))

    def laid_out(number: int) -> tuple[LaidOutDecisions, StageCost]:
        with Meter("log") as meter:
            rows = pa.concat_tables(_read(scratch / f"{part}.rows", number) for part in range(parts))
            decisions = GroupedDecisions(groups, in_order_of_ids(rows))
            ready = lay_out_decisions(decisions, scratch / f"{number}.db")
        return ready, meter.cost

    with ThreadPoolExecutor(1) as ahead:
        coming = ahead.submit(laid_out, 0)
        for number in range(parts):
            ready = coming.result()
            if number + 1 < parts:
                coming = ahead.submit(laid_out, number + 1)
            yield ready


def _sweep(above: Path) -> None:
    """Remove what runs left behind that were killed more than a day ago."""
    for left in above.iterdir():
        if time.time() - left.stat().st_mtime > SCRATCH_KEPT_SECONDS:
            shutil.rmtree(left, ignore_errors=True)


def _write(file: Path, tables: Sequence[pa.Table]) -> None:
    """One record batch a table, so that each can be read without the others. Lost with the machine, it is made anew."""
    with pa.OSFile(str(file), "wb") as sink, pa.ipc.new_file(sink, tables[0].schema) as writer:
        for table in tables:
            whole = table.combine_chunks().to_batches()
            writer.write_batch(whole[0] if whole else pa.RecordBatch.from_pylist([], schema=table.schema))


def _read(file: Path, number: int) -> pa.Table:
    with pa.memory_map(str(file)) as source:
        return pa.Table.from_batches([pa.ipc.open_file(source).get_batch(number)])
