"""What is new of facts that may be told again, late or otherwise: the state of each is the last in a total order.

The order is that of (time seen, content), so neither the order of rows nor reading a source again can change what is
recorded.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True, eq=False)
class RevisionVerdicts:
    """For each of m rows what it is; one that is recorded is none of these.

    is_kept       it is to be recorded, as ``revision`` (from 1)
    is_read_again it is recorded already, to the time at which it was seen
    is_duplicate  it says, at another time, what is recorded as of its time
    is_superseded it says otherwise, and is older than what is recorded
    is_last       it is the last of its decision, recorded or not: what is known now, unless it is superseded
    """

    is_kept: np.ndarray
    revision: np.ndarray
    is_read_again: np.ndarray
    is_duplicate: np.ndarray
    is_superseded: np.ndarray
    is_last: np.ndarray


def in_order(rows: pd.DataFrame, content: tuple[str, ...], ties: tuple[str, ...] = ()) -> pd.DataFrame:
    """The rows a decision at a time, in the order of states: by time seen, then ``content``, the last of it first.

    ``rows``: decision, observed_at, is_recorded and the columns of ``content`` and ``ties``, all of them numbers or
    times. Of rows that differ in nothing else a recorded one goes first, then by ``ties``.
    """
    keys = [rows[name].to_numpy() for name in (*content, "observed_at", "decision")]
    last = [rows[name].to_numpy() for name in ties]
    return rows.iloc[np.lexsort([*last, ~rows["is_recorded"].to_numpy(), *keys])].reset_index(drop=True)


def revision_verdicts(rows: pd.DataFrame, content: tuple[str, ...]) -> RevisionVerdicts:
    """Judge m rows that are `in_order`; ``revision`` says which one each recorded row is."""
    position = np.arange(len(rows))
    decision, is_recorded = rows["decision"].to_numpy(), rows["is_recorded"].to_numpy()
    is_start = np.r_[True, decision[1:] != decision[:-1]][: len(rows)]
    start = np.maximum.accumulate(np.where(is_start, position, 0))
    recorded_before = np.maximum.accumulate(np.where(is_recorded, position, -1))
    recorded_before = np.where(recorded_before >= start, recorded_before, -1)
    end = np.r_[np.flatnonzero(is_start)[1:] - 1, len(rows) - 1][np.cumsum(is_start) - 1]
    latest = recorded_before[end]
    is_after = ~is_recorded & (position > latest)
    is_older = ~is_recorded & (position < latest)
    is_read_again = ~is_recorded & is_recorded[_first_like_it(rows, is_start, content)]
    is_kept = is_after & (is_start | ~_says_the_same(rows, position, position - 1, content))
    is_superseded = (
        is_older
        & ~_says_the_same(rows, position, recorded_before, content)
        & ~_says_the_same(rows, position, latest, content)
    )
    kept_so_far = np.cumsum(is_kept)
    base = np.where(latest >= 0, rows["revision"].to_numpy()[latest], 0)
    return RevisionVerdicts(
        is_kept=is_kept,
        revision=base + kept_so_far - (kept_so_far - is_kept)[start],
        is_read_again=is_read_again,
        is_duplicate=~is_recorded & ~is_kept & ~is_superseded & ~is_read_again,
        is_superseded=is_superseded,
        is_last=position == end,
    )


def _first_like_it(rows: pd.DataFrame, is_start: np.ndarray, content: tuple[str, ...]) -> np.ndarray:
    """Position (m,) of the first row with the same decision, time and content; a recorded one comes first."""
    position, seen_at = np.arange(len(rows)), rows["observed_at"].to_numpy()
    same = (seen_at == seen_at[position - 1]) & _says_the_same(rows, position, position - 1, content)
    return np.maximum.accumulate(np.where(is_start | ~same, position, 0))


def _says_the_same(rows: pd.DataFrame, here: np.ndarray, there: np.ndarray, content: tuple[str, ...]) -> np.ndarray:
    """True where two rows have the same content; False where ``there`` is -1."""
    same = there >= 0
    for name in content:
        values = rows[name].to_numpy()
        same = same & (values[here] == values[there])
    return same
