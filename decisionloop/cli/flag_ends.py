"""When a flag ends by itself, as the command line says it: at a time, or after so long."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from decisionloop.errors import UsageError

_LASTS = re.compile(r"(?:(?P<days>\d+)d)?(?:(?P<hours>\d+)h)?(?:(?P<minutes>\d+)m)?(?:(?P<seconds>\d+)s)?")


def end_of_flag(until: str, lasts: str) -> datetime | None:
    """The moment, UTC; None where neither is said. Raises UsageError for both, for what is neither and for the past."""
    from decisionloop.ledger.schema import utc_now

    if until and lasts:
        raise UsageError("--until and --for both say when it ends. Give one.")
    if not until and not lasts:
        return None
    now = utc_now()
    end = _moment(until) if until else _after(lasts, now)
    if end <= now:
        raise UsageError(f"{end:%Y-%m-%d %H:%M} UTC has passed. Name a time that is yet to come.")
    return end


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise UsageError(f"--until {text!r} is no time. Write it like 2026-11-30T08:00, in UTC.") from error
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _after(text: str, now: datetime) -> datetime:
    found = _LASTS.fullmatch(text.strip())
    if not text.strip() or found is None:
        raise UsageError(f"--for {text!r} is no time span. Write it like 90s, 30m, 4h, 2d or 1h30m.")
    try:
        return now + timedelta(**{unit: int(number) for unit, number in found.groupdict(default="0").items()})
    except OverflowError as error:
        raise UsageError(f"--for {text!r} is too long. Leave it out, and the flag holds without an end.") from error
