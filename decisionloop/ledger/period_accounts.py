"""What the decisions of a watching period have used of the policy's constraints, kept with each of its segments."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, select

from decisionloop.ledger.schema import period_account
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.advisory_lock import take_lock
from decisionloop.ledger.storage.engine import Ledger


@dataclass(frozen=True)
class PeriodAccount:
    """What was used after the ``seq``-th segment of a period: rows, and by constraint, as JSON text (a list)."""

    use_case: str
    begin: datetime
    seq: int
    segment_id: str
    rows: int
    used: str


def account_of(source: Ledger | Connection, use_case: str, begin: datetime) -> PeriodAccount | None:
    """How the account of the period that began at ``begin`` stands; None where nothing was decided in it."""
    return _last(source, use_case, period_account.c.begin == begin)


def account_before(source: Ledger | Connection, use_case: str, begin: datetime) -> PeriodAccount | None:
    """How that of the last period before one stood at its end."""
    return _last(source, use_case, period_account.c.begin < begin)


def take_account(connection: Connection, use_case: str) -> None:
    """Let whoever else writes the accounts of this use case commit first."""
    take_lock(connection, "account", use_case)


def append_account(connection: Connection, account: PeriodAccount) -> None:
    """Keep how it stands after one more segment, which must be there; after :func:`take_account`."""
    facts.add(connection, period_account, [account])


def _last(source: Ledger | Connection, use_case: str, where: ColumnElement[bool]) -> PeriodAccount | None:
    table = period_account.c
    statement = select(*facts.columns_of(PeriodAccount, period_account)).where(table.use_case == use_case, where)
    found = facts.as_facts(source, PeriodAccount, statement.order_by(table.begin.desc(), table.seq.desc()).limit(1))
    return found[0] if found else None
