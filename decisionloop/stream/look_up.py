"""Features that nobody sends: computed by `features.py` from the source's rows of those who are asked about.

It is what freezing a batch does, of a few entities and as of the moment of the request. What keeps it from saying
anything is the fault of a row, which the rules decide: nobody who asks is left without an answer.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import pandas as pd

from decisionloop.act.time_limit import TimeIsUp, TimeLimited
from decisionloop.contract import UseCase
from decisionloop.errors import ContractError
from decisionloop.ledger.schema import utc_now
from decisionloop.predict.features import source_ages
from decisionloop.predict.frame_by_row import CODE_FAILED, build_by_row
from decisionloop.predict.row_faults import EVERY_FEATURE
from decisionloop.stream.asked import Asked, AskedRow
from decisionloop.stream.desk import Desk

LOG = logging.getLogger("decisionloop.stream")
UNKNOWN = f"unknown to the source: {EVERY_FEATURE}"
LATE = f"not looked up in time: {EVERY_FEATURE}"
UNREADABLE = f"the source cannot be read: {EVERY_FEATURE}"
STALE = "stale: the source"
"""Why a row whose features were to be looked up is left to the rules."""
MOST_LEFT = 4
"""So many look-ups that hang are left behind; as long as they do the others are late at once."""


class LookUp:
    """Looks features up in one use case's source, for many requests at a time."""

    def __init__(self) -> None:
        self._limited = TimeLimited(MOST_LEFT)
        self._newest: pd.Timestamp | None = None

    def fill(self, desk: Desk, asked: Asked) -> Asked:
        """The request with the features of the rows that have none, decided as of the very moment that they are of.

        A row of which they cannot be told says why. Without such rows the request is as it was.
        """
        missing = [row.entity for row in asked.rows if row.values is None]
        if not missing:
            return asked
        moment = asked.decided_at or utc_now()
        found = self._found(desk, missing, moment)
        rows = [found[row.entity] if row.values is None else row for row in asked.rows]
        return replace(asked, rows=rows, decided_at=moment)

    def _found(self, desk: Desk, entities: Sequence[str], moment: datetime) -> dict[str, AskedRow]:
        online, name = desk.use_case.online, desk.use_case.name
        assert online is not None  # else there were no desk
        try:
            rows = self._limited.run(name, lambda: self._rows(desk, entities, moment), online.look_up_seconds)
        except TimeIsUp as why:
            fault, error = LATE, str(why)
        except ContractError as failed:
            fault, error = CODE_FAILED, _place_of(failed)
        except Exception as failed:  # a source of any kind, any driver: what it says may hold what it failed on
            fault, error = UNREADABLE, type(failed).__name__
        else:
            return {row.entity: row for row in rows}
        LOG.warning("features were not looked up", extra={"detail": name, "error": error})
        return {entity: AskedRow(entity, {}, fault) for entity in entities}

    def _rows(self, desk: Desk, entities: Sequence[str], moment: datetime) -> list[AskedRow]:
        contract, source, as_of = desk.use_case, desk.workspace.source, pd.Timestamp(moment)
        key, time_column = contract.entity.key, source.time_column
        people = pd.DataFrame({key: pd.Series(entities, dtype="str")})
        known = source.known(people, as_of)
        built = build_by_row(contract, desk.workspace.code.features, known, people, as_of, time_column)
        if built.failed is not None:
            LOG.warning(
                "features were not looked up", extra={"detail": contract.name, "error": _place_of(built.failed)}
            )
        frame = built.frame
        ages = source_ages(known, frame[key], time_column, as_of)
        newest = known[time_column].max() if len(known) else None
        stale = STALE if self._is_stale(desk, newest, as_of) else ""
        plain: Any = frame.astype(object).where(frame.notna(), None).drop(columns=key).to_dict("records")
        return [
            AskedRow(entity, values if _is_told(age, fault) else {}, _fault(age, fault, stale), float(age))
            for entity, values, age, fault in zip(frame[key], plain, ages, built.faults, strict=True)
        ]

    def _is_stale(self, desk: Desk, own: pd.Timestamp | None, as_of: pd.Timestamp) -> bool:
        """Whether the newest row of anybody is older than the contract lets it be, as a batch asks it of everybody due.

        The rows that were just read, and those that earlier requests read, mostly tell that it is not.
        """
        if not _asks_for_freshness(desk.use_case):
            return False
        limit = pd.Timedelta(days=desk.use_case.data_quality.maximum_age_days)
        for newest in (own, self._newest):
            if newest is not None and as_of - limit <= newest <= as_of:
                self._newest = newest
                return False
        newest = desk.workspace.source.newest_time(as_of)
        if newest is None or newest < as_of - limit:
            return True
        self._newest = newest
        return False


def _is_told(age_days: float, fault: str) -> bool:
    return age_days == age_days and not fault.endswith(EVERY_FEATURE)


def _fault(age_days: float, fault: str, stale: str) -> str:
    """Why a row that was looked up is left to the rules; "" where it is not."""
    if age_days != age_days:
        return fault or UNKNOWN
    if fault.endswith(EVERY_FEATURE):
        return fault
    return "; ".join(one for one in (fault, stale) if one)


def _asks_for_freshness(use_case: UseCase) -> bool:
    """What would halt a batch leaves a row to the rules; of a warning nothing is said."""
    return use_case.data_quality.freshness != "warning"


def _place_of(failed: ContractError) -> str:
    """Whose code failed and in which line; what it said may hold what it failed on, and is not told."""
    lines = [f"line {one.line}" for one in failed.faults if one.line is not None]
    return ", ".join([str(failed.where), *lines])
