"""What a replay's tables hold that nobody can read: how many rows, the first of them, what becomes of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from decisionloop.contract import UseCase
from decisionloop.predict.unreadable import UNREADABLE, is_unreadable
from decisionloop.sources.columns import outcome_numbers, times_told
from decisionloop.sources.history import History
from decisionloop.sources.tables import happened_column, outcome_column_names

NOBODY_S = "nobody is decided by them"
NOT_SHOWN = "their outcomes are not shown"
REFUSED = "their outcomes are refused"
RULES_DECIDE = "the rules decide whoever needs them"


@dataclass(frozen=True, eq=False)
class Telling:
    """The n rows of a table, of whom they are (``entity``) and of when (``time``), NaT where nobody knows."""

    use_case: UseCase
    rows: pd.DataFrame
    where: str
    entity: pd.Series
    time: pd.Series

    def of(self, column: str, is_bad: npt.NDArray[np.bool_], consequence: str) -> Iterator[str]:
        """That the rows of ``is_bad`` (n,) have a cell of ``column`` that cannot be read; nothing where none has."""
        if not is_bad.any():
            return
        first, many = int(is_bad.argmax()), int(is_bad.sum())
        at, entity, cell = self.time.iloc[first], self.entity.iloc[first], self.rows[column].iloc[first]
        whose = "without an entity" if pd.isna(entity) else f"of {self.use_case.entity.noun} {entity}"
        when = "" if pd.isna(at) else f" at {at:%Y-%m-%d %H:%M}"
        shown = "" if pd.isna(cell) else f" ({cell!r})"  # a column that was read keeps nothing of what was written
        rows, said = (f"{many:,} rows", "the first ") if many > 1 else ("1 row", "")
        yield f"{self.where}: {column} cannot be read in {rows}, {said}{whose}{when}{shown}: {consequence}. Correct it."

    def of_outcomes(self, outcome_time: str) -> Iterator[str]:
        """What cannot be read of outcomes, and of when they were seen and happened."""
        for name in dict.fromkeys((outcome_time, *happened_column(self.use_case))):
            is_bad = times_told(self.rows[name], self.where)[1].to_numpy() | is_unreadable(self.rows, name)
            yield from self.of(name, is_bad, REFUSED)
        for name in outcome_column_names(self.use_case):
            values = outcome_numbers(self.rows[name], self.where, are_some_bad=True)
            yield from self.of(name, np.isinf(values.to_numpy()), REFUSED)


def unread_in_history(use_case: UseCase, history: History) -> Iterator[str]:
    """What cannot be read of what is known of people, and of when they are due."""
    time = history.rows.layout.time
    rows = history.rows.between(None, None)
    told = Telling(use_case, rows, history.rows.where, rows[history.key], rows[time])
    if UNREADABLE in rows:
        names = dict.fromkeys(one for cells in rows[UNREADABLE] for one in str(cells).split("\n") if one)
        for name in (one for one in names if one not in history.hidden):
            yield from told.of(name, is_unreadable(rows, name), NOBODY_S if name == time else RULES_DECIDE)
    if history.due_rows is not history.rows:
        due, when = history.due_rows.between(None, None), history.due_rows.layout.time
        of_due = Telling(use_case, due, history.due_rows.where, due[history.key], due[when])
        yield from of_due.of(when, due[when].isna().to_numpy(), NOBODY_S)
