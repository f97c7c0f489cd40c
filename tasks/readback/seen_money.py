"""What had been seen when a batch was decided, as it was frozen with it: cohort by cohort."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

import pyarrow as pa

from decisionloop.act.exploration.seen_money import NOTHING_SEEN, Cell, SeenMoney, together
from decisionloop.ledger.batch_parts import find_part
from decisionloop.ledger.batches import batch_id_of
from decisionloop.workspace import Workspace
from tasks.readback.tables import read_table


@dataclass(frozen=True)
class SeenCohort:
    """What one cohort showed; ``outcomes`` and ``events``: how many were known when it was counted, ``made_by``: under
    which contract and code."""

    cohort: str
    outcomes: int
    events: int
    made_by: str
    seen: SeenMoney


def seen_money_of(workspace: Workspace, batch_id: str) -> SeenMoney:
    """What was frozen with a batch when it was decided; nothing where nothing was."""
    found = find_part(workspace.ledger, batch_id, "seen_money", 0)
    if found is None:
        return NOTHING_SEEN
    return together(one.seen for one in cohorts_of(read_table(workspace, found.digest)))


def seen_money_by_batch(workspace: Workspace, as_ofs: Iterable[datetime]) -> Mapping[datetime, SeenMoney]:
    """What was frozen with each of the batches of these times."""
    return {at: seen_money_of(workspace, batch_id_of(workspace.use_case.name, at)) for at in as_ofs}


def table_of(cohorts: tuple[SeenCohort, ...]) -> pa.Table:
    """The cohorts as a table, a row each; :func:`cohorts_of` reads it."""
    return pa.table(
        {
            "cohort": pa.array([one.cohort for one in cohorts], pa.string()),
            "outcomes": pa.array([one.outcomes for one in cohorts], pa.int64()),
            "events": pa.array([one.events for one in cohorts], pa.int64()),
            "made_by": pa.array([one.made_by for one in cohorts], pa.string()),
            "cells": pa.array([json.dumps([asdict(cell) for cell in one.seen.cells]) for one in cohorts], pa.string()),
            "between": pa.array([json.dumps(one.seen.outcomes) for one in cohorts], pa.string()),
        }
    )


def cohorts_of(table: pa.Table) -> tuple[SeenCohort, ...]:
    """The cohorts that :func:`table_of` laid out."""
    return tuple(
        SeenCohort(
            row["cohort"],
            row["outcomes"],
            row["events"],
            row["made_by"],
            SeenMoney(
                tuple(Cell(**cell) for cell in json.loads(row["cells"])),
                tuple((float(class_), float(amount)) for class_, amount in json.loads(row["between"])),
            ),
        )
        for row in table.to_pylist()
    )
