"""Which batches of a source are worth trying: whole ones, spread over its data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

import numpy as np
import pandas as pd

from decisionloop.contract import UseCase
from decisionloop.contract.code import UseCaseCode
from decisionloop.contract.cron import due_times_until
from decisionloop.predict.features import build_frame
from decisionloop.predict.rules import apply_rules
from decisionloop.sources.base import Source

_LOOKED_AT = 50


@dataclass(frozen=True)
class TriedBatch:
    """One batch as the loop would build it: its canonical frame, and what the rules choose (index of the action) and
    why (their words)."""

    as_of: pd.Timestamp
    frame: pd.DataFrame
    action: np.ndarray
    newest: pd.Timestamp | None
    reason: np.ndarray


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
    frame = build_frame(use_case, code.features, known, entities, as_of, source.time_column)
    action, reason = apply_rules(use_case, code, frame)
    return TriedBatch(as_of, frame, action, source.newest_time(as_of), reason)
