"""What is new of facts that may be told again, late or otherwise: the state of each is the last in a total order.

The order is that of (time seen, when it was said, content), so neither the order of rows nor reading a source again can
change what is recorded. What is recorded and no longer shown, while another row tells of the same time, was written
over: then the other one counts, whatever it says.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

SAID = "said_at"
"""When a row was said, in a column of its own; of a table's rows nobody knows, and they were said before any other."""


@dataclass(frozen=True, eq=False)
class RevisionVerdicts:
    """For each of m rows what it is; one that is recorded is none of these.

    is_kept       it is to be recorded, as ``revision`` (from 1)
    is_read_again it is recorded already, to the time at which it was seen
    is_duplicate  it says, at another time, what is recorded as of its time
    is_superseded it says otherwise, and is older than what is recorded, or told of the same time beside it
    is_last       it is the last of its decision, recorded or not: what is known now
    """

    is_kept: np.ndarray
    revision: np.ndarray
    is_read_again: np.ndarray
    is_duplicate: np.ndarray
    is_superseded: np.ndarray
    is_last: np.ndarray


def in_order(rows: pd.DataFrame, content: tuple[str, ...], ties: tuple[str, ...] = ()) -> pd.DataFrame:
    """The rows a decision at a time, in the order of states: by time seen, when said, ``content`` (its last first).

    ``rows``: decision, observed_at, is_recorded, revision and the columns of ``content`` and ``ties``, all of them
    numbers or times, and `SAID` where it is known of some. Of rows that differ in nothing else a recorded one goes
    first, then by ``ties``. Behind what is recorded of a decision, in the same order, stands what follows it, which a
    further column says: `is_after`.
    """
    said = _said(rows, content)
    is_after = _are_after(rows, content, said)
    keys = [*(rows[name].to_numpy() for name in content), said, rows["observed_at"].to_numpy(), is_after]
    last = [rows[name].to_numpy() for name in ties]
    order = np.lexsort([*last, ~rows["is_recorded"].to_numpy(), *keys, rows["decision"].to_numpy()])
    return rows.assign(is_after=is_after).iloc[order].reset_index(drop=True)


def revision_verdicts(rows: pd.DataFrame, content: tuple[str, ...]) -> RevisionVerdicts:
    """Judge m rows that are `in_order`; ``revision`` says which one each recorded row is."""
    position = np.arange(len(rows))
    decision, is_recorded = rows["decision"].to_numpy(), rows["is_recorded"].to_numpy()
    is_after = rows["is_after"].to_numpy()
    is_start = np.r_[True, decision[1:] != decision[:-1]][: len(rows)]
    start = np.maximum.accumulate(np.where(is_start, position, 0))
    recorded_before = np.maximum.accumulate(np.where(is_recorded, position, -1))
    recorded_before = np.where(recorded_before >= start, recorded_before, -1)
    end = np.r_[np.flatnonzero(is_start)[1:] - 1, len(rows) - 1][np.cumsum(is_start) - 1]
    latest = _latest(rows)
    before = np.where(is_start | ~is_after[position - 1], latest, position - 1)
    is_kept = is_after & ~_says_the_same(rows, position, before, content)
    is_older = ~is_recorded & ~is_after
    is_read_again = is_older & is_recorded[_first_like_it(rows, is_start, content)]
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
        is_last=position == np.where(is_after[end], end, latest),
    )


def _said(rows: pd.DataFrame, content: tuple[str, ...]) -> np.ndarray:
    """When what each row (m,) says of its time was first said, in microseconds; what nobody knows is the earliest."""
    if SAID not in rows or rows[SAID].isna().all():
        return np.zeros(len(rows), dtype=np.int64)
    said = rows[SAID].to_numpy(dtype="datetime64[us]").astype(np.int64)  # NaT is the smallest of all
    shown = np.where(rows["is_recorded"], np.iinfo(np.int64).max, said)
    alike = [rows[name] for name in ("decision", "observed_at", *content)]
    first = pd.Series(shown, index=rows.index).groupby(alike, sort=False).transform("min").to_numpy()
    return np.where(first == np.iinfo(np.int64).max, np.iinfo(np.int64).min, first)


def _are_after(rows: pd.DataFrame, content: tuple[str, ...], said: np.ndarray) -> np.ndarray:
    """True where a row (m,) is not recorded and follows all that is recorded of its decision.

    What was seen later does. So does what differs and was seen at the same time, if it stands behind the latest by the
    order, or if nobody shows the latest any more.
    """
    latest, is_recorded = _latest(rows), rows["is_recorded"].to_numpy()
    has_none, seen = latest < 0, rows["observed_at"].to_numpy()
    is_tie = ~has_none & (seen == seen[latest])
    is_like_it = is_tie & _says_the_same(rows, np.arange(len(rows)), latest, content)
    is_shown = np.isin(latest, latest[is_like_it & ~is_recorded])
    is_behind = np.zeros(len(rows), dtype=bool)
    for values in (*(rows[name].to_numpy() for name in content), said):
        is_behind = (values > values[latest]) | ((values == values[latest]) & is_behind)
    return ~is_recorded & (has_none | (seen > seen[latest]) | (is_tie & ~is_like_it & (~is_shown | is_behind)))


def _latest(rows: pd.DataFrame) -> np.ndarray:
    """Position (m,) of the latest recorded revision of each row's decision; -1 where nothing is recorded."""
    decision, recorded = rows["decision"].to_numpy(), np.flatnonzero(rows["is_recorded"])
    by_decision = np.full(int(decision.max(initial=-1)) + 1, -1)
    in_turn = recorded[np.argsort(rows["revision"].to_numpy()[recorded], kind="stable")]
    by_decision[decision[in_turn]] = in_turn  # the last of several stays
    return by_decision[decision]


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
