"""Why nothing may be found of somebody or of a decision: by retention, or because a person was erased; in words."""

from __future__ import annotations

from sqlalchemy import Connection, select

from decisionloop.ledger.expired_batches import gone_by_retention
from decisionloop.ledger.schema import erasure
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger


def why_gone(source: Ledger | Connection, use_case: str = "") -> str:
    """What has gone of a use case, or of all: up to when by retention, and when and why persons were erased.

    "" where nothing has.
    """
    return " ".join(one for one in (gone_by_erasure(source, use_case), gone_by_retention(source, use_case)) if one)


def gone_by_erasure(source: Ledger | Connection, use_case: str = "") -> str:
    """That data of persons were erased, how often, when last, by whom and why; "" where none were.

    Whose they were nobody can say: with the id kept, the person would not be erased.
    """
    table = erasure.c
    where = [table.kind == "erase"] + ([table.use_case == use_case] if use_case else [])
    asked = select(table.at, table.by, table.reason).where(*where).order_by(table.at, table.erasure_id)
    with facts.reading(source) as connection:
        found = connection.execute(asked).all()
    if not found:
        return ""
    last = found[-1]
    persons, when = ("a person", "on") if len(found) == 1 else (f"{len(found):,} persons", "the last on")
    why = last.reason.strip().rstrip(".")
    return (
        f"All data of {persons} were erased, {when} {last.at:%Y-%m-%d} by {last.by}: {why}. "
        "Their ids went with them, so whether this is one of them cannot be told."
    )
