"""Which batches of a source are worth trying: whole ones, spread over its data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
import pandas as pd

from decisionloop.contract import UseCase
from decisionloop.contract.code import UseCaseCode
from decisionloop.contract.cron import due_times_until
from decisionloop.predict.frame_by_row import CODE_FAILED, FrameByRow, build_by_row
from decisionloop.predict.rules import apply_rules
from decisionloop.predict.unreadable import UNREADABLE
from decisionloop.sources.base import Source, TellingSource, TimedSource

_LOOKED_AT = 50


@dataclass(frozen=True)
class TriedBatch:
    """One batch as the loop would build it: its canonical frame, and what the rules choose (index of the action) and
    why (their words).

    ``unreadable``: what cannot be read in it, in words, with what becomes of those rows.
    """

    as_of: pd.Timestamp
    frame: pd.DataFrame
    action: np.ndarray
    newest: pd.Timestamp | None
    reason: np.ndarray
    unreadable: tuple[str, ...] = ()


def moments_to_try(use_case: UseCase, source: Source) -> tuple[pd.Timestamp, ...]:
    """As-ofs of the first, a middle and the last whole batch; () where the source has no rows.

    Of a replay those of its calendar, of live data due times of the schedule; a batch is whole with at least half as
    many entities as the median batch, for data begins and ends in the middle of one.
    """
    moments = source.calendar()
    if not moments:
        newest = source.newest_time(pd.Timestamp.now("UTC"))
        if newest is None:
            return ()
        due = islice(due_times_until(use_case.schedule, newest.to_pydatetime()), _LOOKED_AT)
        moments = tuple(pd.Timestamp(moment) for moment in due)[::-1] or (newest,)
        whole = _whole(moments, lambda moment: len(source.due(moment, use_case.schedule.covers_days))) or (newest,)
    else:
        spread = np.unique(np.linspace(0, len(moments) - 1, min(len(moments), _LOOKED_AT)).astype(int))
        moments = tuple(moments[i] for i in spread)
        whole = _whole(moments, lambda moment: len(source.due(moment, use_case.schedule.covers_days))) or moments[-1:]
    return tuple(dict.fromkeys((whole[0], whole[len(whole) // 2], whole[-1])))


def _whole(moments: tuple[pd.Timestamp, ...], size: Callable[[pd.Timestamp], int]) -> tuple[pd.Timestamp, ...]:
    sizes = np.array([size(moment) for moment in moments])
    if not sizes.any():
        return ()
    enough = np.median(sizes[sizes > 0]) / 2
    return tuple(moment for moment, many in zip(moments, sizes, strict=True) if many >= enough and many)


def try_batch(use_case: UseCase, code: UseCaseCode, source: Source, as_of: pd.Timestamp) -> TriedBatch:
    """Build one batch and apply the rules; raises ContractError or SourceError for what would stop the loop."""
    entities = source.due(as_of, use_case.schedule.covers_days)
    known = source.known(entities, as_of)
    built = build_by_row(use_case, code.features, known, entities, as_of, source.time_column)
    action, reason = apply_rules(use_case, code, built.frame)
    cells = () if isinstance(source, TellingSource) else _unread_cells(use_case, known, source.time_column)
    unreadable = (*cells, *_unread_rows(built, source))
    return TriedBatch(as_of, built.frame, action, source.newest_time(as_of), reason, unreadable)


def _unread_cells(use_case: UseCase, known: pd.DataFrame, time_column: str) -> Iterator[str]:
    if UNREADABLE not in known:
        return
    names, key = [str(one).split("\n") for one in known[UNREADABLE]], use_case.entity.key
    for name in dict.fromkeys(one for row in names for one in row if one):
        of_it = known[[name in row for row in names]]
        at = of_it[time_column].iloc[0]
        when = "" if pd.isna(at) else f" at {at:%Y-%m-%d %H:%M}"
        yield (
            f"{name} cannot be read in {len(of_it)} rows of the source, the first of {use_case.entity.noun} "
            f"{of_it[key].iloc[0]}{when}. Rows that need it go to the rules. Correct it, or name it under "
            "`text` of the contract's source if it is no number."
        )


def _unread_rows(built: FrameByRow, source: Source) -> Iterator[str]:
    if built.failed is not None:
        failing = int((built.faults == CODE_FAILED).sum())
        yield f"features.py fails for {failing} entities, which go to the rules: {built.failed.faults[0]}"
    undated = 0
    if isinstance(source, TimedSource) and not isinstance(source, TellingSource):
        undated = source.undated_due()
    if undated:
        yield f"{undated} rows that say who is due have an unreadable time: nobody is decided by them. Correct it."
