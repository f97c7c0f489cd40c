"""The policy's constraints over the present watching period: what is left, at which prices, and who is charged."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd
from sqlalchemy import Connection

from decisionloop.act.constraints import BatchTotals
from decisionloop.act.pacing import PeriodUse, limits_ahead, rows_left
from decisionloop.act.policy import plan_ahead
from decisionloop.act.prices import Plan
from decisionloop.act.situation import Situation
from decisionloop.act.within_budget import Spent
from decisionloop.contract import UseCase
from decisionloop.ledger.period_accounts import (
    PeriodAccount,
    account_before,
    account_of,
    append_account,
    take_account,
)
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.stream import last_segments
from decisionloop.stream.canonical import features_of_record
from decisionloop.stream.periods import online_of

SAMPLE_ROWS = 500
"""So many of the last rows stand for those that are to come."""
FEWEST_ROWS = 20
"""Of fewer nobody tells a price."""
SAMPLE_SECONDS, PRICE_SECONDS = 60.0, 15.0
"""How old the sample, and the prices, may be."""
NEW_SHARE = 0.02
"""Prices are agreed on anew after this share of the rows that were to come, too."""


@dataclass(frozen=True)
class Spending:
    """How the period that began at ``begin`` stands: after ``seq`` segments, what they used."""

    begin: datetime
    seq: int
    used: PeriodUse


@dataclass(frozen=True, eq=False)
class Charge:
    """What a group adds to an account that stood as in ``before`` when it was decided."""

    before: Spending
    spent: Spent


def spending_of(source: Ledger | Connection, use_case: UseCase, begin: datetime) -> Spending:
    """How the account of a period stands."""
    found = account_of(source, use_case.name, begin)
    if found is None:
        return Spending(begin, 0, PeriodUse.nothing(use_case))
    used = json.loads(found.used)
    many = len(use_case.policy.constraints)  # another contract may have had others, which stay at their place
    return Spending(begin, found.seq, PeriodUse(found.rows, tuple((used + [0.0] * many)[:many])))


def keep_charge(connection: Connection, use_case: UseCase, segment_id: str, charge: Charge) -> None:
    """Keep what a segment used, which must be kept before; after :func:`may_charge` in the same transaction."""
    now = spending_of(connection, use_case, charge.before.begin)
    total = now.used + charge.spent.use
    told = json.dumps(list(total.used))
    append_account(connection, PeriodAccount(use_case.name, now.begin, 1 + now.seq, segment_id, total.rows, told))


def may_charge(connection: Connection, use_case: UseCase, charge: Charge) -> bool:
    """Whether a budget still pays for a group, whatever was drawn in it; until the transaction ends nobody else pays.

    What was really drawn is not asked, for then its propensities would not be what its chances were.
    """
    take_account(connection, use_case.name)
    now = spending_of(connection, use_case, charge.before.begin)
    return now.seq == charge.before.seq or charge.spent.is_within(now.used.left(use_case))


@dataclass(frozen=True, eq=False)
class _Priced:
    key: str
    at: datetime
    rows: int
    until_rows: float
    plan: Plan | None
    totals: BatchTotals


class Pacer:
    """The prices of one process, which agrees on them anew as the period goes."""

    def __init__(self, ledger: Ledger, use_case: UseCase) -> None:
        self._ledger, self._use_case = ledger, use_case
        self._priced: _Priced | None = None
        self._sample: tuple[datetime, pd.DataFrame] | None = None

    def spending(self, now: datetime) -> Spending:
        """How the present period stands."""
        return spending_of(self._ledger, self._use_case, online_of(self._use_case).begin_of_period(now))

    def prices(
        self, deciders: str, spending: Spending, now: datetime, weigh: Callable[[pd.DataFrame], Situation]
    ) -> tuple[Plan | None, BatchTotals]:
        """The prices for the next rows, and the largest costs that are known; None where nobody can tell any.

        ``deciders`` names who decides now, and ``weigh`` is what they say of the rows of a frame.
        """
        key, known, used = f"{deciders} {spending.begin}", self._priced, spending.used
        is_known = known is not None and known.key == key and used.rows < known.until_rows
        if known is not None and is_known and abs(now - known.at) < timedelta(seconds=PRICE_SECONDS):
            return known.plan, known.totals
        sample, online = self._rows(now), online_of(self._use_case)
        totals = BatchTotals.of(self._use_case, sample)
        before = account_before(self._ledger, self._use_case.name, spending.begin)
        gone = min(max((now - spending.begin) / online.period, 1e-6), 1.0)
        to_come = rows_left(used, gone, None if before is None else before.rows)
        plan = None
        if len(sample) >= FEWEST_ROWS:
            plan = plan_ahead(
                self._use_case,
                now,
                (sample, weigh(sample)),
                lambda limits: limits_ahead(self._use_case, limits, used, to_come, len(sample)),
            )
        until = used.rows + max(NEW_SHARE * to_come, FEWEST_ROWS)
        self._priced = _Priced(key, now, used.rows, until, plan, totals)
        return plan, totals

    def _rows(self, now: datetime) -> pd.DataFrame:
        """The last rows that were decided one at a time under this contract."""
        use_case, known = self._use_case, self._sample
        is_enough = known is not None and len(known[1]) >= SAMPLE_ROWS
        if known is not None and is_enough and abs(now - known[0]) < timedelta(seconds=SAMPLE_SECONDS):
            return known[1]
        own = [
            one
            for one in last_segments(self._ledger, use_case.name, SAMPLE_ROWS)
            if json.loads(one.deciders)["contract_digest"] == use_case.digest
        ]
        frames = [features_of_record(use_case, one.record) for one in own]
        rows = pd.concat(frames, ignore_index=True) if frames else features_of_record(use_case, "")
        self._sample = (now, rows)
        return rows
