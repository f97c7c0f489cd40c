"""What is asked of a use case that is decided one at a time, and what becomes of the asking."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from decisionloop.contract import UseCase
from decisionloop.ledger.storage.facts import fact_id
from decisionloop.predict.features import column_types
from decisionloop.predict.frame_by_row import told_together
from decisionloop.stream.canonical import canonical_frame

Value = float | bool | str | None


class Busy(Exception):
    """More is asked than can be decided now: ask again."""


class AnotherBody(Exception):
    """The idempotency key came before with another body."""


class DecidedBefore(Exception):
    """Somebody in the request was decided as of the same moment before."""


class TooLongAgo(Exception):
    """It is to be decided as of a moment whose outcome no reading would wait for any more."""


@dataclass(frozen=True)
class AskedRow:
    """One entity; ``values`` are its features and protected attributes by name, and what is not there is missing.

    ``values`` None: they are to be looked up. ``fault``: why that gave nothing that a model may go by, "" where it did.
    ``age_days``: the age of the newest row that was looked up, NaN where nothing was.
    """

    entity: str
    values: Mapping[str, Value] | None
    fault: str = ""
    age_days: float = math.nan


@dataclass(frozen=True, eq=False)
class Asked:
    """One request: up to as many rows as the service admits, of different entities.

    ``decided_at`` None: as of now. ``key`` None: a request that is repeated is another one. ``oldest``: the earliest
    moment as of which it may be decided, if there is one; what was answered before is answered. ``told`` becomes the
    JSON text of its answers, a list in the order of the rows.
    """

    rows: Sequence[AskedRow]
    decided_at: datetime | None
    key: str | None
    body_digest: str
    oldest: datetime | None = None
    told: Future[str] = field(default_factory=Future)

    def request_id(self, use_case: str) -> str | None:
        """The id that its idempotency key gives it; None without one."""
        return None if self.key is None else fact_id("decision request", use_case, self.key)


def require_recent(asked: Asked) -> None:
    """Raises TooLongAgo, in words, for a moment before the oldest that may be asked for."""
    if asked.decided_at is not None and asked.oldest is not None and asked.decided_at < asked.oldest:
        told = f"decided_at lies before {asked.oldest:%Y-%m-%d %H:%M} UTC: nobody would wait for its outcome any more"
        raise TooLongAgo(told)


def frame_of(use_case: UseCase, rows: Sequence[AskedRow]) -> pd.DataFrame:
    """The canonical frame of rows, in their order; an empty category is a missing one, as in a batch."""
    told: list[Mapping[str, Value]] = [one.values or {} for one in rows]
    columns: dict[str, list[Any]] = {
        name: [None if (value := one.get(name)) == "" else value for one in told] for name in column_types(use_case)
    }
    columns[use_case.entity.key] = [one.entity for one in rows]
    return canonical_frame(use_case, columns)


@dataclass(frozen=True, eq=False)
class LookedUp:
    """What looking up said of n rows beside their features: ``faults`` (n,) text, ``age_days`` (n,) float32."""

    faults: npt.NDArray[np.object_]
    age_days: npt.NDArray[np.float32]

    @classmethod
    def of(cls, rows: Sequence[AskedRow]) -> LookedUp | None:
        """That of rows, in their order; None where the features of all of them were sent."""
        if not any(one.fault or one.age_days == one.age_days for one in rows):
            return None
        faults = np.array([one.fault for one in rows], dtype=object)
        return cls(faults, np.array([one.age_days for one in rows], dtype=np.float32))

    def with_faults_of(self, rows: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
        """The faults (n,) with those of the rows behind them; of a row of which nothing is known they say nothing."""
        return told_together(self.faults, rows)
