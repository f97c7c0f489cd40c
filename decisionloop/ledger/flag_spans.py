"""The audit trail of the kill switch: every flag that was set, and how each ended, also where it ended by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection

from decisionloop.ledger.flags import KILL_SWITCH, Flag, flag_history
from decisionloop.ledger.schema import utc_now
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.switch_lock import EVERYTHING

Ending = Literal["", "expired", "lifted", "replaced"]


@dataclass(frozen=True)
class FlagSpan:
    """A flag, and how it ended: "" and None while it holds, and for one that was turned off, which holds nothing.

    ``ended_by``: what somebody set in its place, None where it ended by itself.
    """

    flag: Flag
    ending: Ending
    ended_at: datetime | None
    ended_by: Flag | None = None

    @property
    def is_holding(self) -> bool:
        """Whether it holds something now."""
        return self.flag.value != "off" and not self.ending

    def as_text(self) -> str:
        """In a line: what was said when and by whom, and what has become of it."""
        flag = self.flag
        what = f"release {flag.release_id}" if flag.release_id is not None else flag.scope
        said = f"{flag.at:%Y-%m-%d %H:%M}  {what}: {flag.value}{flag.until_words}, by {flag.set_by}: "
        became = "" if self.ended_at is None else f"; {self.ending} {self.ended_at:%Y-%m-%d %H:%M}"
        whose = "" if self.ended_by is None else f" by {self.ended_by.set_by}"
        return f"{said}{flag.reason.rstrip('.')}{became}{whose}"


def flag_spans(source: Ledger | Connection, use_case: str, at: datetime | None = None) -> tuple[FlagSpan, ...]:
    """Every flag of the kill switch of a use case and its releases in order; `EVERYTHING`: those of everything."""
    history, now = flag_history(source, use_case, KILL_SWITCH), at or utc_now()
    return tuple(_span(one, history[place + 1 :], now) for place, one in enumerate(history))


def expired_flags(source: Ledger | Connection, use_case: str) -> tuple[Flag, ...]:
    """The flags of a use case and its releases, or of everything, that ended by themselves, in order."""
    return tuple(one.flag for one in flag_spans(source, use_case) if one.ending == "expired")


def ended_flags(source: Ledger | Connection, use_case: str, last: int) -> tuple[FlagSpan, ...]:
    """The ``last`` flags of a use case, its releases or everything that hold no more, the newest first."""
    every = (span for name in (use_case, EVERYTHING) for span in flag_spans(source, name))
    ended = [(one.ended_at, one) for one in every if one.ended_at is not None]
    return tuple(one for _, one in sorted(ended, key=lambda each: each[0], reverse=True)[:last])


def _span(flag: Flag, later: Sequence[Flag], now: datetime) -> FlagSpan:
    """How a flag ended: by itself, or by the first later one of its scope that took its place."""
    if flag.value == "off":
        return FlagSpan(flag, "", None)
    after = next((one for one in later if one.release_id == flag.release_id and one.is_replacing), None)
    if flag.until is not None and flag.until <= min(now, now if after is None else after.at):
        return FlagSpan(flag, "expired", flag.until)
    if after is None:
        return FlagSpan(flag, "", None)
    return FlagSpan(flag, "lifted" if after.value == "off" else "replaced", after.at, after)
