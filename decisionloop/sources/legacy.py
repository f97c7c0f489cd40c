"""What another system decided, read from a table of the contract."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from decisionloop.contract import UseCaseFolder
from decisionloop.contract.data_source import Table, TablesSource
from decisionloop.errors import SourceError
from decisionloop.predict.text import as_text
from decisionloop.sources.base import LegacySource, Source
from decisionloop.sources.layout import Layout, Rows
from decisionloop.sources.rows import open_rows


@dataclass(frozen=True)
class LegacyRows:
    """The rows of the other system's decisions, and their columns; ``propensity`` "" where nobody knows it."""

    key: str
    rows: Rows
    action: str
    propensity: str

    def of(self, entities: pd.DataFrame, as_of: pd.Timestamp, covers_days: float) -> pd.DataFrame:
        """As `base.LegacySource.legacy_decisions` says."""
        layout = self.rows.layout
        found = self.rows.between(as_of - pd.Timedelta(days=covers_days), as_of, as_text(entities[self.key]))
        columns = {
            self.key: found[layout.entity].astype("str"),
            "action": as_text(found[self.action]).str.strip(),
            "decided_at": found[layout.time],
        }
        if self.propensity:
            columns["propensity"] = as_text(found[self.propensity])
        told = pd.DataFrame(columns)
        told["action"] = told["action"].where(told["action"] != "")
        return told.sort_values([self.key, "decided_at"], kind="stable", ignore_index=True)


def open_legacy_rows(folder: UseCaseFolder, table: Table, action: str, propensity: str) -> LegacyRows:
    """Open a table of decisions; nothing is read yet."""
    key, said = folder.use_case.entity.key, tuple(name for name in (action, propensity) if name)
    may_be = folder.use_case.data_quality.maximum_row_fault_share
    layout = Layout(key, table.time, text=(*said, *table.text), is_unique=False, unreadable_share=may_be)
    return LegacyRows(key, open_rows(table, folder.folder, layout), action, propensity)


def open_legacy_of_tables(folder: UseCaseFolder, spec: TablesSource) -> LegacyRows | None:
    """What `source.legacy` names; None where it names nothing."""
    if spec.legacy is None:
        return None
    table = spec.legacy.table or spec.due or spec.history
    return open_legacy_rows(folder, table, spec.legacy.action, spec.legacy.propensity)


def said_in_history(spec: TablesSource) -> frozenset[str]:
    """Columns of the history that say what was decided, where it is the very table that says so."""
    if spec.legacy is None:
        return frozenset()
    table, history = spec.legacy.table or spec.due or spec.history, spec.history
    if (table.path, table.url, table.table) != (history.path, history.url, history.table):
        return frozenset()
    return frozenset(name for name in (spec.legacy.action, spec.legacy.propensity) if name)


def legacy_decisions(source: Source, entities: pd.DataFrame, as_of: pd.Timestamp, covers_days: float) -> pd.DataFrame:
    """What another system decided about ``entities``. Raises SourceError where the source cannot say."""
    if not isinstance(source, LegacySource):
        raise SourceError(f"the source of mode: observe is a {type(source).__name__}, which has no legacy_decisions.")
    return source.legacy_decisions(entities, as_of, covers_days)
