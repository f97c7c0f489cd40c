"""Live tables, in files or behind a database: history, who is due, and outcomes as they arrive."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from decisionloop.contract import UseCase, UseCaseFolder
from decisionloop.contract.data_source import OutcomeColumns, Table, TablesSource
from decisionloop.contract.problem import FeatureType
from decisionloop.observe.matching import nothing_where_no
from decisionloop.observe.running_totals import COPY
from decisionloop.predict.text import as_text
from decisionloop.predict.unreadable import is_unreadable
from decisionloop.sources.base import HAPPENED, OUTCOME_COLUMNS
from decisionloop.sources.columns import are_copies, executed_in, outcome_numbers, times_told
from decisionloop.sources.history import History, HistoryBacked
from decisionloop.sources.layout import Layout, Rows
from decisionloop.sources.legacy import LegacyRows, open_legacy_of_tables, said_in_history
from decisionloop.sources.rows import open_rows


@dataclass
class LiveTables(HistoryBacked):
    """The ``tables`` source. Outcomes are handed over whatever the loop decided: the world shows what it shows."""

    use_case: UseCase
    history: History
    outcome_rows: Rows
    outcome_columns: OutcomeColumns
    legacy: LegacyRows | None = None

    def calendar(self) -> tuple[pd.Timestamp, ...]:
        """Nothing: live tables have no recorded end."""
        return ()

    def legacy_decisions(self, entities: pd.DataFrame, as_of: pd.Timestamp, covers_days: float) -> pd.DataFrame:
        """What another system decided about ``entities``."""
        assert self.legacy is not None  # a contract that observes names it
        return self.legacy.of(entities, as_of, covers_days)

    def outcomes(self, as_of: pd.Timestamp, decided: pd.DataFrame) -> pd.DataFrame:
        """Everything that had arrived, and was seen, by ``as_of``; and rows with a time that nobody can read.

        Nobody knows when such a row was seen: the intake refuses it.
        """
        columns, where = self.outcome_columns, self.outcome_rows.where
        rows = self.outcome_rows.between(None, as_of)
        seen_at, is_bad = times_told(rows[columns.outcome_time], where)
        is_bad |= is_unreadable(rows, self.outcome_rows.layout.time)
        kept = (seen_at <= as_of) | is_bad
        rows, seen_at, is_bad = rows[kept], seen_at[kept], is_bad[kept]
        decision_time = pd.Series(pd.NaT, index=rows.index, dtype="datetime64[us, UTC]")
        if columns.decision_time:
            decision_time, is_none = times_told(rows[columns.decision_time], where)
            is_bad |= is_none
        happened_at, is_none = happened_told(self.use_case, rows, where)
        is_bad |= is_none
        keys = OutcomeKeys(
            entity_id=rows[self.outcome_rows.layout.entity],
            decision_time=decision_time,
            decision_id=as_text(rows[columns.decision_id]) if columns.decision_id else None,
            observed_at=seen_at.mask(is_bad),
            happened_at=happened_at,
            is_copy=are_copies(rows) if self.use_case.outcome.are_rows_added else None,
        )
        return outcome_frame(self.use_case, rows, where, keys, are_some_bad=True)


def open_live_tables(folder: UseCaseFolder, spec: TablesSource) -> LiveTables:
    """Open the tables that the contract names; nothing is read yet."""
    use_case, columns = folder.use_case, spec.outcome_columns
    given = (columns.decision_time, columns.outcome_time)
    layout = Layout(
        columns.entity or use_case.entity.key,
        spec.outcomes.time,
        (*outcome_column_names(use_case), *happened_column(use_case), *(name for name in given if name)),
        (*((columns.decision_id,) if columns.decision_id else ()), *executed_columns(use_case), *spec.outcomes.text),
        is_time_required=False,  # a row without a time has not been seen yet
        is_unique=False,  # repeats and contradictions are the intake's to count
        is_only_named=not use_case.outcome.are_rows_added,  # of parts one asks whether rows are the same in all
        unreadable_share=1.0,  # as is what nobody can read
    )
    hidden = (columns.outcome_time, columns.decision_id)
    history = open_history(folder, spec.history, spec.due, spec.outcomes, tuple(name for name in hidden if name))
    legacy = open_legacy_of_tables(folder, spec)
    if legacy is not None:  # features do not know what was decided
        history = replace(history, hidden=history.hidden | said_in_history(spec))
    return LiveTables(use_case, history, open_rows(spec.outcomes, folder.folder, layout), columns, legacy)


def open_history(
    folder: UseCaseFolder, history: Table, due: Table | None, outcomes: Table, hidden: tuple[str, ...]
) -> History:
    """History and due times. Where outcomes are in the same table, what they say is hidden from features."""
    use_case, key = folder.use_case, folder.use_case.entity.key
    may_be = use_case.data_quality.maximum_row_fault_share
    layout = Layout(key, history.time, text=history.text, types=types_of(use_case), unreadable_share=may_be)
    rows = open_rows(history, folder.folder, layout)
    due_layout = Layout(key, due.time, text=due.text, unreadable_share=may_be) if due else layout
    due_rows = open_rows(due, folder.folder, due_layout) if due else rows
    is_shared = (history.path, history.url, history.table) == (outcomes.path, outcomes.url, outcomes.table)
    said = (*outcome_column_names(use_case), *happened_column(use_case), *executed_columns(use_case))
    secret = frozenset((*said, *hidden)) - {key, history.time}
    return History(key, rows, due_rows, secret if is_shared else frozenset())


def types_of(use_case: UseCase) -> dict[str, FeatureType]:
    """What the contract says of columns: the types of the features, and groups, which are categories."""
    groups: dict[str, FeatureType] = {attribute.name: "category" for attribute in use_case.protected}
    return groups | {feature.name: feature.type for feature in use_case.features}


def outcome_column_names(use_case: UseCase) -> tuple[str, ...]:
    """Columns of the source that hold the outcome's class and amount."""
    outcome = use_case.outcome
    return tuple(part.column for part in (outcome.class_, outcome.amount) if part)


def happened_column(use_case: UseCase) -> tuple[str, ...]:
    """The column of the source that says when an outcome happened, if the contract names one."""
    return () if use_case.outcome.happened_at is None else (use_case.outcome.happened_at,)


def executed_columns(use_case: UseCase) -> tuple[str, ...]:
    """The columns of the source that say what was executed, by whom and why, as far as the contract names any."""
    return () if use_case.outcome.executed is None else use_case.outcome.executed.columns


def happened_told(use_case: UseCase, rows: pd.DataFrame, where: str) -> tuple[pd.Series | None, pd.Series]:
    """When each outcome of ``rows`` happened, NaT where it does not say, and which say what nobody can read (bool).

    None and nobody where the contract names no column. Raises SourceError where of several none can be read.
    """
    for name in happened_column(use_case):
        return times_told(rows[name], where)
    return None, pd.Series(False, index=rows.index)


@dataclass(frozen=True, eq=False)
class OutcomeKeys:
    """Whose outcomes rows are, of which decision, when they were seen and happened; each aligned with the rows.

    ``decision_time`` is NaT, and ``decision_id`` and ``happened_at`` None, where the source knows none;
    ``is_copy`` None where rows are not added up.
    """

    entity_id: pd.Series
    decision_time: pd.Series
    decision_id: pd.Series | None
    observed_at: pd.Series
    happened_at: pd.Series | None = None
    is_copy: pd.Series | None = None


def outcome_frame(
    use_case: UseCase, rows: pd.DataFrame, where: str, keys: OutcomeKeys, are_some_bad: bool = False
) -> pd.DataFrame:
    """The canonical outcomes of ``rows`` with their keys, sorted by time and entity."""
    nobody = pd.Series(None, index=rows.index, dtype="str")
    frame = pd.DataFrame(
        {
            "entity_id": keys.entity_id.astype("str"),
            "decision_time": keys.decision_time,
            "decision_id": nobody if keys.decision_id is None else keys.decision_id.astype("str"),
            "observed_at": keys.observed_at,
        }
    ).join(outcome_values(use_case, rows, where, are_some_bad))
    columns = list(OUTCOME_COLUMNS)
    if keys.happened_at is not None:
        frame, columns = frame.assign(**{HAPPENED: keys.happened_at}), [*columns, HAPPENED]
    if keys.is_copy is not None:
        frame, columns = frame.assign(**{COPY: keys.is_copy}), [*columns, COPY]
    executed = executed_in(use_case.outcome, rows)
    frame, columns = frame.assign(**executed), [*columns, *executed]
    return frame[columns].sort_values(["observed_at", "entity_id"], kind="stable", ignore_index=True)


def outcome_values(use_case: UseCase, rows: pd.DataFrame, where: str, are_some_bad: bool = False) -> pd.DataFrame:
    """Columns outcome_class and amount of ``rows``, float64; NaN for the part that the contract does not have.

    Where the class is no and nobody wrote an amount it is 0.
    """
    parts = {"outcome_class": use_case.outcome.class_, "amount": use_case.outcome.amount}
    values = {
        name: outcome_numbers(rows[part.column], where, are_some_bad) if part else pd.Series(np.nan, index=rows.index)
        for name, part in parts.items()
    }
    return nothing_where_no(pd.DataFrame(values), use_case)
