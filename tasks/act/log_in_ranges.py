"""Logging a batch of many parts into SQLite: by ranges of ids instead of by parts.

Ids are hashes, so every part has ids all over the batch, and appending part by part rewrites the whole index for each
of them: the tenth part of a million rows takes four times as long as the first. Ranges of ids append at the index's
end. Each part is laid out in ranges in a scratch file, which is read again range by range.
"""

from __future__ import annotations

import functools
import shutil
import tempfile
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pyarrow as pa
from sqlalchemy import Connection

from decisionloop.ledger.decision_groups import GroupedDecisions, grouped, in_order_of_ids
from decisionloop.ledger.decisions import append_grouped
from decisionloop.metering import Meter
from decisionloop.workspace import Workspace, open_workspace
from tasks.act.choose import LoggedPart, choose_by_rules, counted, rows_of_part
from tasks.act.overtaken import append_unless_overtaken
from tasks.readback.parts import each_part
from tasks.readback.stages import scope_of
from tasks.step import step

SCRATCH_KEPT_SECONDS = 86_400


@step
def lay_out_part(
    use_case: str,
    batch_id: str,
    part: int,
    champion: str,
    rules: str,
    decided_at: datetime,
    is_killed: bool,
    scratch: str,
    ranges: int,
) -> LoggedPart:
    """Write one part's decisions into the folder ``scratch``, range by range."""
    workspace = open_workspace(use_case)
    with Meter("log", None, scope_of(workspace)) as meter:
        if is_killed:  # the switch may have gone on after the choice
            choose_by_rules(workspace, batch_id, part)
        rows = rows_of_part(workspace, batch_id, part, champion, rules, decided_at, is_killed)
        taken_apart = grouped(rows)
        _write(Path(scratch) / f"{part}.groups", [taken_apart.groups])
        _write(Path(scratch) / f"{part}.rows", taken_apart.ranges(ranges))
        meter.add(len(rows))
    return counted(rows, meter.cost)


def log_in_ranges(
    workspace: Workspace, batch_id: str, champion: str, rules: str, decided_at: datetime, is_killed: bool, parts: int
) -> list[LoggedPart]:
    """Append a batch of ``parts`` parts, one range of ids a transaction, and tell of its parts.

    Killed in between, it begins anew, and adds what is not there yet. Where the kill switch goes on in between, the
    ranges that are logged stand, and the rules decide the rest.
    """
    by_whom, above = (champion, rules, decided_at, is_killed), workspace.settings.home / "scratch"
    above.mkdir(parents=True, exist_ok=True)
    _sweep(above)
    # A folder of this run's own: one that stalled and wakes up must find its files, or none.
    with tempfile.TemporaryDirectory(prefix=f"{workspace.use_case.name}-", dir=above) as folder:
        scratch = Path(folder)
        laid_out = each_part(workspace, lay_out_part, batch_id, *by_whom, folder, parts)
        with Meter("log", None, scope_of(workspace)) as meter:
            groups = pa.concat_tables(_read(scratch / f"{part}.groups", 0) for part in range(parts))
            for number in range(parts):
                rows = pa.concat_tables(_read(scratch / f"{part}.rows", number) for part in range(parts))
                decisions = GroupedDecisions(groups, in_order_of_ids(rows))
                is_overtaken = not append_unless_overtaken(workspace, is_killed, functools.partial(_append, decisions))
                if is_overtaken:
                    break
    logged = [*laid_out, LoggedPart(0, 0, meter.cost, is_overtaken)]
    if is_overtaken:
        logged += log_in_ranges(workspace, batch_id, champion, rules, decided_at, True, parts)
    return logged


def _append(decisions: GroupedDecisions, connection: Connection) -> None:
    append_grouped(connection, decisions)


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
