"""From a table of the contract to its rows, wherever they are."""

from __future__ import annotations

from pathlib import Path

from decisionloop.contract.data_source import Table
from decisionloop.sources.layout import Layout, Rows


def open_rows(table: Table, folder: Path, layout: Layout) -> Rows:
    """The rows of ``table``; relative paths start at ``folder``. Nothing is read yet."""
    if table.path:
        from decisionloop.sources.files import FileRows

        return FileRows(table.path, folder, layout)
    from decisionloop.sources.database import DatabaseRows

    return DatabaseRows(table.url, table.table, folder, layout)
