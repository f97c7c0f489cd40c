"""What of a source's outcomes was read before, and which decisions the rest may belong to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pandas as pd

from decisionloop.contract import UseCase
from decisionloop.observe.executions import EXECUTED_COLUMNS
from decisionloop.observe.later_rows import are_of_later_rows
from decisionloop.observe.matching import HAPPENED, OUTCOME_COLUMNS, happened_at, utc_microseconds
from decisionloop.observe.running_totals import with_their_other_rows

TIMES = ("decision_time", "observed_at", HAPPENED)


@dataclass(frozen=True)
class Reading:
    """Everything that a source had shown as seen by ``as_of``: how many rows, and a digest of them in any order.

    ``undated``: how many further rows it had shown of which nobody can read when they were seen.
    """

    as_of: datetime
    rows: int
    digest: str
    undated: int = 0

    @classmethod
    def of(cls, outcomes: pd.DataFrame, as_of: datetime) -> Reading:
        """The reading of canonical ``outcomes`` at ``as_of``; what was seen later is not part of it."""
        seen = outcomes[_is_seen_by(outcomes, as_of)]
        names = (*OUTCOME_COLUMNS, HAPPENED, *EXECUTED_COLUMNS)
        columns = {name: _comparable(seen, name) for name in names if name in seen}
        hashes = pd.util.hash_pandas_object(pd.DataFrame(columns), index=False).to_numpy(dtype=np.uint64)
        undated = int(outcomes["observed_at"].isna().sum())
        return cls(as_of, len(seen), f"{int(hashes.sum(dtype=np.uint64)):016x}", undated)


def unread(outcomes: pd.DataFrame, last: Reading | None, are_rows_added: bool = False) -> pd.DataFrame:
    """The rows that were not read before.

    Where the source still shows exactly what it had shown at the ``last`` reading, they are what was seen since. Where
    it does not (a row has been added with an earlier time, or one has gone), and without a reading, they are all rows.
    With them come outcomes of later rows of their entities: of several that one batch decides, the latest counts.
    Where rows are added up, so do all that may be of their decisions (`running_totals.with_their_other_rows`).
    Of rows that nobody can place in time as many are left out as were read: one is refused as the other is.
    """
    if last is None or replace(Reading.of(outcomes, last.as_of), undated=last.undated) != last:
        return outcomes
    is_undated = outcomes["observed_at"].isna().to_numpy()
    was_read = is_undated & (is_undated.cumsum() <= last.undated)
    is_new = ~_is_seen_by(outcomes, last.as_of) & ~was_read
    if are_rows_added:
        return with_their_other_rows(outcomes, is_new)
    return outcomes[
        is_new | are_of_later_rows(outcomes["entity_id"], utc_microseconds(outcomes["decision_time"]), is_new)
    ]


def oldest_decision(outcomes: pd.DataFrame, use_case: UseCase) -> pd.Timestamp | None:
    """No decision before this time can take in any of ``outcomes``; None where there are none.

    An outcome belongs to a decision at or after its ``decision_time``, or else to one whose window it happened in.
    """
    window = np.timedelta64(pd.Timedelta(days=use_case.outcome.window_days))
    decided = utc_microseconds(outcomes["decision_time"])
    by_time = ~np.isnat(decided) & outcomes["decision_id"].isna().to_numpy()
    oldest = np.where(by_time, decided, happened_at(outcomes) - window)
    oldest = oldest[~np.isnat(oldest)]
    return pd.Timestamp(oldest.min(), tz="UTC") if len(oldest) else None


def _is_seen_by(outcomes: pd.DataFrame, as_of: datetime) -> np.ndarray:
    return utc_microseconds(outcomes["observed_at"]) <= utc_microseconds(pd.Series([as_of]))[0]


def _comparable(outcomes: pd.DataFrame, name: str) -> np.ndarray:
    """A column as numbers or text that are equal wherever it says the same."""
    if name in TIMES:
        return utc_microseconds(outcomes[name]).astype(np.int64)
    if name in {"entity_id", "decision_id", *EXECUTED_COLUMNS}:
        return outcomes[name].astype("object").where(outcomes[name].notna(), None).to_numpy(dtype=object)
    return outcomes[name].to_numpy(dtype=np.float64, na_value=np.nan)
