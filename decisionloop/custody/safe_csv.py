"""CSV that a spreadsheet opens without computing anything."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

FORMULA = r"^([=+\-@\t\r])"
"""A text that begins so would be computed by a spreadsheet that opens the file."""


def without_formulas(rows: pa.Table) -> pa.Table:
    """The rows with a ' before every text that a spreadsheet would compute."""
    for index, field in enumerate(rows.schema):
        if pa.types.is_string(field.type):
            safe = pc.replace_substring_regex(rows.column(index), FORMULA, r"'\1")
            rows = rows.set_column(index, field, safe)
    return rows


def write_csv(file: Path, rows: pa.Table) -> int:
    """Write rows into a new file; returns how many."""
    with pyarrow.csv.CSVWriter(file, rows.schema) as writer:
        writer.write_table(without_formulas(rows))
    return len(rows)
