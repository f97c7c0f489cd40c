"""What every cohort has shown, as the table that is frozen with whatever is priced by it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

import pyarrow as pa

from decisionloop.act.exploration.seen_money import Cell, SeenMoney


@dataclass(frozen=True)
class SeenCohort:
    """What one cohort showed; ``outcomes`` and ``events``: how many were known when it was counted, ``made_by``: under
    which contract and code."""

    cohort: str
    outcomes: int
    events: int
    made_by: str
    seen: SeenMoney


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
